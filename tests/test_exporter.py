"""Metrics for Prometheus: true to what is recorded, documented, and gone when the run is over."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from damon_core import open_record
from damon_core.cli import main
from damon_core.errors import ConfigError
from damon_core.exposition import COLD_US, FAMILIES, Exposition
from damon_core.listen_address import ListenAddress
from damon_core.tally import COUNTERS, Tally
from damon_core.target_sizes import TargetSizes
from tests.terminal import damon_command

pytest.importorskip("prometheus_client", reason="pip install 'damon-core[metrics]'")

from prometheus_client.parser import text_string_to_metric_families

from damon_core.exporter import Exporter

ROOT = Path(__file__).parent.parent
DASHBOARD = ROOT / "examples" / "grafana" / "damon.json"
FAST = ("--sample", "5ms", "--aggr", "25ms", "--cpu-quota", "400 %", "--primitive", "eyes")

Capture = pytest.CaptureFixture[str]
Process = subprocess.Popen[bytes]
Eyes = Callable[..., None]
Samples = dict[str, list[tuple[dict[str, str], float]]]


def scrape(url: str) -> Samples:
    """All samples by name."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        text = answer.read().decode()
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples


def start(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        damon_command(*args),
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def recorder(eyes: Eyes, bystander: Process, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """``damon record`` with metrics, into out.damon of tmp_path."""
    eyes()
    out = tmp_path / "out.damon"
    process = start("record", *FAST, "-p", bystander.pid, "-o", out, "--metrics", "0")
    with process:
        yield process
        process.kill()


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr
    line = process.stderr.readline()
    told = re.fullmatch(r"metrics at (http://127\.0\.0\.1:\d+/metrics)\n", line)
    assert told, line
    return told[1]


def test_sums_are_those_of_the_recording(recorder: subprocess.Popen[str], tmp_path: Path) -> None:
    url = url_of(recorder)
    while (samples := scrape(url)).get("damon_snapshots_total", [({}, 0)])[0][1] < 3:
        pass
    recorder.send_signal(signal.SIGINT)
    _, said = recorder.communicate()
    assert recorder.returncode == 0, said
    with pytest.raises(urllib.error.URLError):  # the server has ended with the run
        scrape(url)
    nr_snapshots = int(samples["damon_snapshots_total"][0][1])
    until = list(open_record(tmp_path / "out.damon"))[:nr_snapshots]
    tally = Tally()
    for snapshot in until:
        tally.add(snapshot)
    for labels, value in samples["damon_reports_total"]:
        assert labels["primitive"] == "eyes"
        assert value == tally.reports[labels["outcome"]]
    assert {labels["outcome"] for labels, _ in samples["damon_reports_total"]} == set(COUNTERS)
    assert samples["damon_samples_total"][0][1] == tally.nr_samples
    assert samples["damon_late_samples_total"][0][1] == tally.nr_late
    assert samples["damon_cpu_seconds_total"][0][1] == pytest.approx(tally.cpu_ns / 1e9)
    sizes = TargetSizes(until[-1])
    ((labels, working_set),) = samples["damon_target_working_set_bytes"]
    assert working_set == sizes.working_set[0]
    assert labels["pid"] == str(until[-1].targets[0].pid)
    assert samples["damon_target_hot_bytes"][0][1] == sizes.hot[0]
    assert samples["damon_target_rss_bytes"][0][1] == until[-1].targets[0].rss
    cold = {labels["idle"]: value for labels, value in samples["damon_target_cold_bytes"]}
    assert cold == {idle: sizes.cold(idle_us)[0] for idle, idle_us in COLD_US.items()}
    assert samples["damon_primitive_up"][0][1] == 1


def test_each_metric_is_one_of_the_documented_ones(recorder: subprocess.Popen[str]) -> None:
    url = url_of(recorder)
    while "damon_snapshots_total" not in (samples := scrape(url)):
        pass
    expected = FAMILIES.keys() - {"damon_primitive_counter_total"}  # eyes has none of its own
    assert samples.keys() == expected
    for name, values in samples.items():
        for labels, _ in values:
            assert set(labels) == set(FAMILIES[name].labels)
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    assert set(re.findall(r"^\| `(damon_\w+)`", page, re.MULTILINE)) == set(FAMILIES)


def test_only_metrics_are_served() -> None:
    with Exporter(ListenAddress.parse("0"), Exposition()) as exporter:
        assert "damon_info" in scrape(exporter.url)
        assert "damon_info" in scrape(f"http://{exporter.address}/")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            scrape(f"http://{exporter.address}/etc/passwd")


def test_a_port_in_use_is_said_before_anything_starts(
    eyes: Eyes, capsys: Capture, tmp_path: Path
) -> None:
    eyes()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = ["--", "touch", str(tmp_path / "started")]
        out = tmp_path / "out.damon"
        assert main(["record", *FAST, "-o", str(out), "--metrics", str(port), *command]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"damon: metrics cannot be served at 127.0.0.1:{port}: ")
    assert "in use" in line
    assert not list(tmp_path.iterdir())


def test_an_address_that_is_not_here_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"metrics cannot be served at 192\.0\.2\.1:0: "):
        Exporter(ListenAddress("192.0.2.1", 0), Exposition())


def test_a_missing_library_is_said_with_its_remedy(
    eyes: Eyes, bystander: Process, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    eyes()
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "damon_core.exporter", raising=False)
    args = ["monitor", *FAST, "--metrics", "0", "--once", "-p", str(bystander.pid)]
    assert main(args) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "damon: --metrics needs prometheus-client: pip install 'damon-core[metrics]'"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9500", "127.0.0.1:9500"),
        ("0.0.0.0:9500", "0.0.0.0:9500"),
        ("localhost:0", "localhost:0"),
        ("[::1]:80", "[::1]:80"),
    ],
)
def test_an_address_is_of_this_machine_unless_told_otherwise(text: str, address: str) -> None:
    assert str(ListenAddress.parse(text)) == address


@pytest.mark.parametrize("text", ["", ":", "x", ":80", "a:b:80", "65536", "-1", "::1", "1.2.3.4:"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        ListenAddress.parse(text)


def test_the_dashboard_asks_only_for_metrics_that_exist() -> None:
    board = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    queries += [str(variable["query"]) for variable in board["templating"]["list"]]
    named = set(re.findall(r"\bdamon_\w+", " ".join(queries)))
    assert named <= FAMILIES.keys()
    assert len(named) >= 10
    for panel in board["panels"]:
        for target in panel["targets"]:
            labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            for name in re.findall(r"\bdamon_\w+", target["expr"]):
                assert labels <= set(FAMILIES[name].labels)
