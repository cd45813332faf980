"""A primitive of somebody else: installed by pip, found by name, monitoring a real process.

It is the template from which ``damon new-primitive`` makes others.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from damon_core.testing import PrimitiveContract, Toucher
from tests.template import TEMPLATE, FirstTouch


class TestContract(PrimitiveContract):
    primitive = FirstTouch


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example."""
    source = tmp_path_factory.mktemp("source") / "third_party"
    shutil.copytree(TEMPLATE, source, ignore=shutil.ignore_patterns("__pycache__", "build"))
    target = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
            *("--no-build-isolation", "--target", target, source),
        ],
        check=True,
        env={**os.environ, "PIP_FIND_LINKS": ""},
    )
    return target


def python(installed: Path, code: str, *args: object) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_it_is_listed_with_its_distribution(installed: Path):
    code = "from damon_core.host import installed; print(*installed(), sep='\\n')"
    lines = python(installed, code).splitlines()
    (line,) = [line for line in lines if "name='first_touch'" in line]
    assert "distribution='damon-first-touch'" in line
    assert "error=None" in line


MONITOR = """
import json, sys
from damon_core.engine import Monitor
from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.model import Intervals, Ops
from damon_core.spec import ContextSpec
from damon_core.target import Target
from damon_core.vaddr import Vaddr

class OneTarget:
    def poll(self):
        found, self.poll = [Target.open(int(sys.argv[1]))], lambda: []
        return found
    def release(self): pass
    def close(self): pass

host = PrimitiveHost([PrimitiveChoice("first_touch")], Ops.VADDR)
spec = ContextSpec(intervals=Intervals(2_000, 20_000, 20_000), cpu_quota=100)

def show(snapshot):
    print("snapshot", flush=True)
    input()
    hot = snapshot.regions.nr_accesses > 0
    spans = list(zip(snapshot.regions.start[hot].tolist(), snapshot.regions.end[hot].tolist()))
    print(json.dumps([snapshot.sources[0].mechanism, spans]), flush=True)

Monitor(spec, OneTarget(), host, show, space=Vaddr()).run()
"""


@pytest.mark.live
def test_it_monitors_a_real_process_through_the_engine(installed: Path):
    with Toucher() as toucher:
        monitor = subprocess.Popen(
            [sys.executable, "-c", MONITOR, str(toucher.pid)],
            env={**os.environ, "PYTHONPATH": str(installed)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert monitor.stdin is not None
        assert monitor.stdout is not None
        seen = []
        for index in range(20):
            assert monitor.stdout.readline() == "snapshot\n"
            # Touched while the monitor waits: the next interval must see it.
            touched = toucher.touch(index * 16, 16)
            monitor.stdin.write("\n")
            monitor.stdin.flush()
            mechanism, spans = json.loads(monitor.stdout.readline())
            assert mechanism == "pagemap"
            seen += [1 for start, end in spans if start < touched.end and end > toucher.range.start]
        toucher.end()
        monitor.communicate("\n" * 5)
        assert monitor.returncode == 0
    assert len(seen) >= 15


def damon(installed: Path, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "damon_core", *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.live
def test_it_records_from_the_command_line(installed: Path, tmp_path: Path):
    out = tmp_path / "touched.damon"
    options = ("--primitive", "first_touch:max_mapping=100000", "--cpu-quota", "400 %", "-q")
    run = damon(installed, "record", *options, "-t", "2s", "-o", out, "--", "sleep", "1000")
    assert run.returncode == 0, run.stderr
    shown = damon(installed, "report", "record_info", out).stdout
    assert "first_touch (pagemap)" in shown


def test_a_wrong_option_of_it_is_refused_in_one_line(installed: Path, tmp_path: Path):
    config = tmp_path / "touch.yaml"
    config.write_text(
        "targets: [{pid: 1}]\nsample:\n  primitives:\n    - first_touch: {max_maping: 5}\n"
    )
    run = damon(installed, "check", config)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "touch.yaml:4" in run.stderr
    assert "primitive first_touch (damon-first-touch 0.1.0)" in run.stderr
    assert "did you mean 'max_mapping'?" in run.stderr
