"""``damon import`` as people call it."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from damon_core import open_record
from damon_core.cli import main
from damon_core.config import ConfigFile
from damon_core.model import Ops
from damon_core.perf_attr import SampleType
from damon_core.perf_data.features import Feature
from damon_core.testing.made_perf_file import (
    AUX,
    END_OF_ROUND,
    MadeEvent,
    MadeFile,
    comm,
    event_names,
    mmap,
    text,
    texts,
)
from damon_core.testing.perf_records import LOST, record, sample, words

S = SampleType
LOAD, STORE = 0x68100142, 0x5080144
START_NS, STEP_NS = 10**9, 10**6
HOT, FAR, PHYS = 0x100000, 0x7F0000000000, 0x40000000
EVENT = MadeEvent(
    sample_type=S.TID | S.TIME | S.ADDR | S.CPU | S.DATA_SRC | S.PHYS_ADDR,
    sample_period=2003,
    name="cpu/mem-loads,ldlat=30/P",
)

Capture = pytest.CaptureFixture[str]


def access(index: int, pid: int = 100, source: int = LOAD) -> bytes:
    """One of many: in turn in eight pages of each of two places, stepping through time."""
    addr = (HOT, FAR)[index % 2] + index % 8 * 4096
    fields = {
        S.TID: words(pid | (pid + index % 2) << 32),
        S.TIME: words(START_NS + index * STEP_NS),
        S.ADDR: words(addr),
        S.CPU: words(index % 4),
        S.DATA_SRC: words(source),
        S.PHYS_ADDR: words(PHYS + index % 8 * 4096),
    }
    return sample(fields)


NR, NR_OTHER = 400, 50
RECORDS = b"".join(
    [
        *(comm(100, "reader 1/2"), comm(200, "\x1b[31mred"), mmap(100, HOT, 1 << 20, "[heap]")),
        *(access(i, source=STORE if i % 4 == 0 else LOAD) for i in range(NR)),
        *(access(i, pid=200) for i in range(NR_OTHER)),
        *(record(LOST, words(0, 6)), END_OF_ROUND),
    ]
)
FEATURES: dict[int, bytes] = {
    Feature.HOSTNAME: text("perfbox"),
    Feature.OSRELEASE: text("6.1.0"),
    Feature.ARCH: text("x86_64"),
    Feature.VERSION: text("6.1.99"),
    Feature.CPUDESC: text("Some CPU"),
    Feature.CMDLINE: texts(["perf", "mem", "record"]),
    Feature.EVENT_DESC: event_names([EVENT]),
}


@pytest.fixture
def perf_data(tmp_path: Path) -> Path:
    """A file of 400 samples of process 100 and 50 of process 200."""
    path = tmp_path / "perf.data"
    path.write_bytes(MadeFile(events=[EVENT], records=RECORDS, features=FEATURES).seekable())
    os.utime(path, ns=(0, 1_700_000_000 * 10**9))
    return path


@pytest.fixture
def imported(perf_data: Path, tmp_path: Path, capsys: Capture) -> Callable[..., tuple[Path, str]]:
    """Imports the file; the recording, and what was told."""

    def run(*options: str) -> tuple[Path, str]:
        out = tmp_path / "out.damon"
        assert main(["import", str(perf_data), "-o", str(out), *options]) == 0
        return out, capsys.readouterr().err

    return run


@pytest.fixture
def refused(tmp_path: Path, capsys: Capture) -> Callable[..., str]:
    """Runs an import that must fail as bad input, and gives the one line that says why."""

    def run(*args: str) -> str:
        out = tmp_path / "refused.damon"
        assert main(["import", *args, "-o", str(out)]) == 2
        assert not out.exists()
        err = capsys.readouterr().err
        assert re.fullmatch(r"damon: .*\n", err), err
        return err

    return run


def counters(path: Path) -> dict[str, int]:
    """The sums over all snapshots, and the source's own counters."""
    found: dict[str, int] = {}
    for snapshot in open_record(str(path)):
        (source,) = snapshot.sources
        for name in ("credited", "filtered", "no_target", "no_region", "stale", "lost"):
            found[name] = found.get(name, 0) + getattr(source.counters, name)
        found |= source.own
    return found


def test_the_process_with_most_samples_is_monitored_and_all_is_counted(imported: Any) -> None:
    out, told = imported()
    assert "process 100 (reader 1/2), which was sampled most (--target chooses others)" in told
    assert "50 of 200 (\\x1b[31mred)" in told
    assert "sampling every" in told
    assert f"reports: {NR} credited, 6 lost; 300 reads, 100 writes, for 801,200 accesses" in told
    found = counters(out)
    assert found["samples"] == NR + NR_OTHER == found["credited"] + found["other_process"]
    assert found["accesses"] == NR * 2003
    assert found["lost"] == 6


def test_the_recording_says_where_it_came_from(
    imported: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = imported()
    header = open_record(str(out)).header
    assert (header.host, header.kernel) == ("perfbox", "6.1.0 x86_64")
    assert header.origin is not None
    assert header.origin.command_line == ("perf", "mem", "record")
    assert header.origin.events == (EVENT.name,)
    monkeypatch.setenv("COLUMNS", "300")
    assert main(["report", "record_info", str(out)]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"imported from: +.*perf.data, perf 6.1.99 on Some CPU", shown)
    assert re.search(r"recorded by: +perf mem record", shown)
    assert re.search(r"times of day: +guessed", shown)
    assert re.search(r"primitive: +perf_data \(cpu/mem-loads,ldlat=30/P\)", shown)
    assert main(["report", "record_info", "--json", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["origin"]["cpu"] == "Some CPU"


def test_times_of_day_are_guessed_from_the_age_of_the_file_or_known(
    imported: Any, perf_data: Path
) -> None:
    out, _ = imported()
    span_ns = (NR - 1) * STEP_NS
    assert open_record(str(out)).header.start_ns == 1_700_000_000 * 10**9 - span_ns
    clock = words(0) + words(1_650_000_000 * 10**9, START_NS - 5)
    features = {**FEATURES, Feature.CLOCK_DATA: clock}
    perf_data.write_bytes(MadeFile(events=[EVENT], records=RECORDS, features=features).seekable())
    out, _ = imported()
    assert open_record(str(out)).header.start_ns == 1_650_000_000 * 10**9 + 5


@pytest.mark.parametrize("report", ["access", "heatmap", "wss", "record_info"])
def test_every_report_reads_an_import(imported: Any, capsys: Capture, report: str) -> None:
    out, _ = imported()
    assert main(["report", report, str(out)]) == 0
    assert capsys.readouterr().out


def test_names_of_mappings_come_with_it(imported: Any) -> None:
    out, _ = imported("--mappings")
    record = open_record(str(out))
    region = record.names()[0].ranges[0]
    assert (region.start, region.name) == (HOT, "[heap]")
    (last,) = [snapshot.regions for snapshot in record][-1:]
    assert int(last.end.max()) >= FAR
    assert int((last.end - last.start).sum()) >= 1 << 20


def test_several_targets_and_intervals_can_be_asked_for(imported: Any) -> None:
    out, told = imported(
        *("--target", "100", "--target", "200", "--sample", "10ms", "--aggr", "100ms"),
        *("--min-regions", "5", "--max-regions", "20", "--seed", "1"),
    )
    record = open_record(str(out))
    assert [target.pid for target in record[0].targets] == [100, 200]
    assert record.header.intervals is not None
    assert record.header.intervals.sample_us == 10_000
    assert len(record) == 4
    assert all(len(snapshot.regions) <= 20 for snapshot in record)
    assert counters(out)["credited"] == NR + NR_OTHER
    assert "chosen to fit" not in told


def test_physical_memory_can_be_the_target(imported: Any) -> None:
    out, _ = imported("--target", "paddr")
    record = open_record(str(out))
    assert record.header.ops is Ops.PADDR
    assert int(record[-1].regions.start[0]) == PHYS
    assert counters(out)["credited"] == NR + NR_OTHER


def test_ranges_can_be_asked_for(imported: Any) -> None:
    out, _ = imported("--region", f"{HOT:#x}-{HOT + 4096:#x}")
    assert counters(out)["credited"] == NR // 8
    assert counters(out)["no_region"] == NR - NR // 8


def test_filters_limits_and_intervals_can_come_from_a_configuration(
    imported: Any, tmp_path: Path
) -> None:
    config = tmp_path / "filters.yaml"
    config.write_text(
        "intervals: {sample_us: 10 ms, aggr_us: 100 ms}\n"
        "sample:\n  filters: [{type: write, matching: true, allow: true}]\n"
        f"record: {{path: {tmp_path / 'configured.damon'}}}\n"
    )
    out, _ = imported("-c", str(config))
    assert counters(out)["credited"] == NR // 4
    assert counters(out)["filtered"] == NR - NR // 4
    written = open_record(str(out)).header.config
    assert ConfigFile.parse(written.encode(), "header").contexts[0].sample.filters


def test_the_same_seed_makes_the_same_recording(imported: Any) -> None:
    tables = [
        [snapshot.regions.start.tolist() for snapshot in open_record(str(imported(*seed)[0]))]
        for seed in (("--seed", "7"), ("--seed", "7"))
    ]
    assert tables[0] == tables[1]


def test_quiet_says_nothing(imported: Any) -> None:
    assert imported("-q")[1] == ""


def test_text_on_standard_input_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    lines = "".join(f"x 7/7 [000] {i}.000000: 7f{i % 4}000\n" for i in range(50))
    stdin = io.TextIOWrapper(io.BytesIO(f"{lines}oops\n".encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    out = tmp_path / "text.damon"
    assert main(["import", "-", "-o", str(out)]) == 0
    assert "1 of 51 lines are no samples and were left out, the first is line 51: 'oops'" in (
        capsys.readouterr().err
    )
    record = open_record(str(out))
    assert record[0].targets[0].comm == "x"
    assert record.header.origin is not None
    assert record.header.origin.path == "standard input"
    assert counters(out)["credited"] == 50


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--target", "9"),
            "no samples of process 9, but 400 of 100 (reader 1/2), 50 of 200 (\\x1b[31mred)",
        ),
        (("--target", "x"), "got 'x', expected a process id, or paddr"),
        (("--target", "0"), "got '0', expected a process id, or paddr"),
        (("--target", "paddr", "--target", "100"), "expected paddr alone"),
        (("--sample", "20ms", "--aggr", "10ms"), "longer than aggr_us"),
        (("--region", "5-6"), "aligned"),
        (("--min-regions", "2"), "--min-regions: got 2, expected at least 3"),
        (("-c", "nosuch.yaml"), "nosuch.yaml"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    refused: Any, perf_data: Path, options: tuple[str, ...], says: str
) -> None:
    assert says in refused(str(perf_data), *options)


def test_a_configuration_of_several_contexts_is_refused(
    refused: Any, perf_data: Path, tmp_path: Path
) -> None:
    config = tmp_path / "two.yaml"
    config.write_text("contexts: [{targets: [{pid: 1}]}, {targets: [{pid: 2}]}]\n")
    assert "has 2 contexts: an import is of one" in refused(str(perf_data), "-c", str(config))


def test_files_that_cannot_be_read_are_refused_in_one_line(refused: Any, tmp_path: Path) -> None:
    assert "No such file" in refused(str(tmp_path / "nosuch"))
    assert "directory of perf record --threads" in refused(str(tmp_path))
    os.mkfifo(tmp_path / "fifo")
    assert "no regular file" in refused(str(tmp_path / "fifo"))


def test_files_without_a_usable_sample_are_refused_with_what_they_have(
    refused: Any, tmp_path: Path
) -> None:
    path = tmp_path / "perf.data"
    nothing = sample(
        {bit: words(0) for bit in (S.TID, S.TIME, S.ADDR, S.CPU, S.DATA_SRC, S.PHYS_ADDR)}
    )
    path.write_bytes(MadeFile(events=[EVENT], records=nothing * 3).seekable())
    assert "no sample with an address that can be used: 3 samples" in refused(str(path))
    trace = record(AUX, words(8, 0, 0, 0)) + bytes(8)
    path.write_bytes(MadeFile(events=[EVENT], records=trace).seekable())
    assert "AUX trace" in refused(str(path))


def test_a_file_that_is_no_recording_is_not_written_over(
    refused: Any, perf_data: Path, capsys: Capture
) -> None:
    before = perf_data.read_bytes()
    assert main(["import", str(perf_data), "-o", str(perf_data)]) == 2
    assert "exists and is not a recording" in capsys.readouterr().err
    assert perf_data.read_bytes() == before
