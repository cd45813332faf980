"""``damon convert``: what it writes others can read, and what it cannot do is one line."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from damon_core.cli import main
from damon_core.model import Intervals, Ops
from damon_core.record import Record, open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_names import NamedRange, TargetNames
from damon_core.record_writer import RecordWriter
from damon_core.snapshot import Snapshot, TargetState
from damon_core.testing.snapshots import T0_NS, differences, made_up_snapshot
from tests.damo_samples import moving_band, perf_script, record, write

TARGETS = (TargetState(0, 4321, "redis"), TargetState(1, 4321, "redis"), TargetState(3, 7, "idle"))
NAN = float("nan")


def rows(index: int) -> list[tuple[float, ...]]:
    """Regions of two targets of one process; the third has none."""
    return [
        (0x1000, 0x5000, index, 7, 0, 4321, 4096.0),
        (0x5000, 0x9000, 0, 2, 0, 4321, NAN),
        (0x2000, 0x3000, 10, index, 1, 4321, 0.0),
    ]


def snapshot(index: int) -> Snapshot:
    return made_up_snapshot(index, rows(index), "accessed_bit", "page_fault", targets=TARGETS)


class Names:
    """Names of mappings, told with the first snapshot."""

    def changed(self, snapshot: Snapshot) -> tuple[TargetNames, ...]:
        return (TargetNames(0, (NamedRange(0x1000, 0x9000, "[heap]"),)),) * (not snapshot.index)


def recorded(path: Path, *snapshots: Snapshot) -> Path:
    """A recording of five snapshots, or of these."""
    header = RecordHeader(
        Ops.VADDR,
        (PrimitiveInfo("accessed_bit", "0.1.0", "bpf"), PrimitiveInfo("page_fault")),
        T0_NS,
        host="box",
        intervals=Intervals(20_000, 200_000, 1_000_000),
    )
    with RecordWriter(path, header, names=Names()) as writer:  # type: ignore[arg-type]
        for one in snapshots or map(snapshot, range(5)):
            writer.write(one)
    return path


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return recorded(tmp_path / "rec.damon")


def convert(*args: object) -> int:
    return main(["convert", *map(str, args)])


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said, if it is one line."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


def converted(path: Path, *args: object) -> Record:
    assert convert(path, *args) == 0
    return open_record(path.with_suffix(".damon"))


def test_a_recording_of_damo_becomes_one_of_ours_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "damon.data", record())
    assert len(converted(path)) == 40
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == f"{tmp_path}/damon.damon: a recording of damon, 40 snapshots"
    assert f"note: {path}: process ids are not in the file" in lines


def test_what_damo_stores_beside_a_recording_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "damon.data", record())
    context = {"ops": "vaddr", "targets": [{"pid": 180, "regions": []}]}
    beside = tmp_path / "damon.data.kdamonds"
    beside.write_text(json.dumps([{"contexts": [context]}]))
    assert converted(path)[0].targets[0].pid == 180
    assert "process ids" not in capsys.readouterr().err
    beside.write_text("{")
    assert converted(path, "--force")[0].targets[0].pid == -1
    assert "not used" in capsys.readouterr().err


def test_several_contexts_become_several_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "two.data", record(), record(kdamond_idx=1))
    assert convert(path) == 0
    names = ["two.0.0.damon", "two.1.0.damon"]
    assert [len(open_record(tmp_path / name)) for name in names] == [40, 40]
    capsys.readouterr()
    assert convert(path, "--to", "csv", "-o", "-") == 2
    assert "several contexts" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("form", ["damo", "damo-perf", "csv", "parquet", "perfetto"])
def test_a_recording_of_damo_becomes_whatever_ours_can(tmp_path: Path, form: str) -> None:
    theirs = write(tmp_path / "their.data", record(0), record(1))
    assert convert(theirs, "--to", form, "-o", tmp_path / "direct") == 0
    ours = converted(theirs)
    assert convert(ours.path, "--to", form, "-o", tmp_path / "by ours") == 0
    assert (tmp_path / "direct").read_bytes() == (tmp_path / "by ours").read_bytes()


@pytest.mark.parametrize("form", ["damo", "damo-json", "damo-perf"])
def test_what_is_written_for_damo_reads_back_the_same(
    ours: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = ours.with_name("there.data")
    assert convert(ours, "--to", form, "-o", there) == 0
    assert "5 windows without regions" not in capsys.readouterr().err  # of a target without any
    back = converted(there, "-o", ours.with_name("there.damon"), "--ops", "vaddr")
    assert len(back) == 5
    for one, other in zip(open_record(ours), back, strict=True):
        expected = other
        if form != "damo-perf":
            assert [t.comm for t in other.targets] == ["redis", "redis"]
            assert [t.pid for t in other.targets] == [4321, 4321]
            expected = one
        wrong = set(differences(one, other)) - {"targets", "sources", "cpu_ns", "notes"}
        assert wrong <= (
            set()
            if expected is one
            else {"intervals", "nr_samples", "pid", "hits", "accessed_bytes"}
        )


def test_damo_gets_samples_and_both_ages_and_no_empty_windows(ours: Path) -> None:
    empty = made_up_snapshot(5, [], "accessed_bit", "page_fault", targets=TARGETS)
    path = recorded(ours.with_name("more.damon"), *map(snapshot, range(5)), empty)
    assert convert(path, "--to", "damo") == 0
    written = json.loads(zlib.decompress(path.with_suffix(".data").read_bytes()))
    assert [one["target_id"] for one in written] == [0, 1]
    assert [len(one["snapshots"]) for one in written] == [5, 5]
    for one in written:
        assert one["intervals"]["sample_us"] == 20_000
        assert one["intervals"]["intervals_goal"]["aggrs"] == 0
        for window in one["snapshots"]:
            for region in window["regions"]:
                assert isinstance(region["nr_accesses"]["samples"], int)
                assert region["age"].keys() == {"usec", "aggr_intervals"}
                assert region["start"] < region["end"]


def test_windows_of_other_lengths_tell_damo_their_own(tmp_path: Path) -> None:
    def stretched(index: int, times: int, nr_samples: int) -> Snapshot:
        from attrs import evolve

        one = snapshot(index)
        aggr_us = one.intervals.aggr_us * times
        return evolve(
            one,
            end_ns=one.start_ns + aggr_us * 1000,
            intervals=Intervals(aggr_us // nr_samples, aggr_us, 0),
            nr_samples=nr_samples,
        )

    path = recorded(
        tmp_path / "auto.damon", stretched(0, 1, 10), stretched(1, 5, 10), stretched(2, 9, 20)
    )
    assert convert(path, "--to", "damo-json") == 0
    windows = json.loads(path.with_suffix(".json").read_text())
    assert windows[0]["intervals"]["intervals_goal"]["aggrs"] == 1
    assert [one["sample_interval_us"] for one in windows[1]["snapshots"]] == [20000, 100000, 180000]
    samples = [one["regions"][0]["nr_accesses"]["samples"] for one in windows[1]["snapshots"]]
    assert samples == [10, 10, 5]


def test_csv_has_a_line_a_region(ours: Path, capsysbinary: Any) -> None:
    assert convert(ours, "--to", "csv", "-o", "-") == 0
    text = capsysbinary.readouterr().out.decode()
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 15
    assert lines[4]["snapshot"] == "1"
    assert lines[4]["nr_samples"] == "10"
    assert lines[4]["accessed_bytes"] == ""
    assert (lines[3]["start"], lines[3]["hits.page_fault"]) == ("4096", "1")


def test_parquet_has_the_table_that_to_table_gives(ours: Path) -> None:
    assert convert(ours, "-o", ours.with_suffix(".parquet")) == 0
    table = pq.read_table(ours.with_suffix(".parquet"))
    assert table.equals(open_record(ours).to_table())
    assert b"damon.header" in table.schema.metadata


def test_trace_events_are_those_of_their_format(ours: Path) -> None:
    assert convert(ours, "--to", "perfetto") == 0
    trace = json.loads(ours.with_suffix(".perfetto.json").read_text())
    events = trace["traceEvents"]
    for event in events:
        assert event["ph"] in ("M", "C", "X")
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        if event["ph"] == "M":
            assert event["args"].keys() <= {"name", "sort_index"}
        else:
            assert isinstance(event["ts"], int)
            assert event["ts"] >= 0
        if event["ph"] == "C":
            assert all(isinstance(value, (int, float)) for value in event["args"].values())
        if event["ph"] == "X":
            assert event["dur"] > 0
    threads = {(e["tid"], e["pid"]) for e in events}
    assert len({thread for thread, _ in threads}) == len(threads)  # Perfetto knows tids alone
    processes = [e["args"]["name"] for e in events if e["name"] == "process_name"]
    assert processes == [
        "target 0: pid 4321 (redis)",
        "target 1: pid 4321 (redis)",
        "target 3: pid 7 (idle)",
    ]
    bands = [e["args"]["name"] for e in events if e["name"] == "thread_name" and e["pid"] == 1000]
    assert bands[0] == "000000001000 4 KiB [heap]"
    used = [e for e in events if e["name"] == "working set" and e["pid"] == 1000]
    assert [e["args"] for e in used] == [{"bytes": 4096}] * 5
    assert [e["ts"] for e in used] == [0, 200_000, 400_000, 600_000, 800_000]


def test_slices_of_a_band_follow_each_other_and_name_their_rate(ours: Path) -> None:
    assert convert(ours, "--to", "perfetto") == 0
    trace = json.loads(ours.with_suffix(".perfetto.json").read_text())
    slices = [e for e in trace["traceEvents"] if e["ph"] == "X" and e["tid"] == 1001]
    assert [e["name"] for e in slices] == [
        "10-20 % ##",
        "20-30 % ###",
        "30-40 % ####",
        "40-50 % #####",
    ]
    assert [e["ts"] for e in slices] == [200_000, 400_000, 600_000, 800_000]
    assert {e["dur"] for e in slices} == {200_000}


@pytest.mark.parametrize("form", ["damo", "damo-json", "damo-perf", "csv", "parquet", "perfetto"])
@pytest.mark.parametrize("nr", [1, 2])
def test_a_recording_of_one_window_converts(tmp_path: Path, form: str, nr: int) -> None:
    path = recorded(tmp_path / "one.damon", *map(snapshot, range(nr)))
    assert convert(path, "--to", form, "-o", tmp_path / "out") == 0
    assert (tmp_path / "out").stat().st_size > 100


@pytest.mark.parametrize("form", ["csv", "parquet", "perfetto"])
def test_windows_without_regions_convert(tmp_path: Path, form: str) -> None:
    empty = made_up_snapshot(0, [], "accessed_bit", "page_fault", targets=TARGETS)
    path = recorded(tmp_path / "empty.damon", empty)
    assert convert(path, "--to", form) == 0


def test_damo_is_given_nothing_where_there_are_no_regions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = made_up_snapshot(0, [], "accessed_bit", "page_fault", targets=TARGETS)
    path = recorded(tmp_path / "empty.damon", empty)
    assert convert(path, "--to", "damo") == 2
    assert "has no regions" in told(capsys)
    assert os.listdir(tmp_path) == ["empty.damon"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--to", "parket"], "did you mean 'parquet'?"),
        (["-o", "x.parqet"], "did you mean '.parquet'?"),
        (["-o", "x"], "no format has this suffix"),
        ([], "say --to FORMAT"),
        (["--to", "damon"], "is a recording of damon already"),
        (["--to", "csv", "--ops", "paddr"], "are for recordings of damo"),
        (["--to", "csv", "-o", "/nowhere/x.csv"], "there is no directory /nowhere"),
        (["--to", "csv", "-o", "/"], "is a directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line(
    ours: Path, args: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(ours, *args) == 2
    assert words in told(capsys)


def test_a_recording_never_replaces_itself(ours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(ours, "--to", "csv", "-o", ours, "--force") == 2
    assert "is the recording itself" in told(capsys)
    assert len(open_record(ours)) == 5


def test_a_recording_without_snapshots_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = RecordHeader(Ops.VADDR, (), T0_NS)
    with RecordWriter(tmp_path / "none.damon", header):
        pass
    assert convert(tmp_path / "none.damon", "--to", "csv") == 2
    assert "none.damon: has no snapshot" in told(capsys)


@pytest.mark.parametrize("given", ["0", "x", "5 parsecs"])
def test_a_sampling_interval_is_a_time(
    tmp_path: Path, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = perf_script(tmp_path / "perf.txt", {0: moving_band(0, 3)})
    assert convert(path, "--sample-us", given) == 2
    assert "--sample-us" in told(capsys)


def test_a_file_that_exists_is_replaced_only_if_asked(
    ours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ours.with_suffix(".csv")
    out.write_text("mine")
    assert convert(ours, "--to", "csv") == 2
    assert "--force" in told(capsys)
    assert out.read_text() == "mine"
    assert convert(ours, "--to", "csv", "--force") == 0
    assert out.read_text().startswith('"snapshot"')


def test_a_full_disk_is_told_and_leaves_nothing(
    ours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(ours, "--to", "csv", "-o", "/dev/full") == 1
    assert "No space left" in told(capsys)
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_file_that_fails_midway_leaves_nothing(tmp_path: Path) -> None:
    path = recorded(tmp_path / "rec.damon")
    content = bytearray(path.read_bytes())
    content[-60] ^= 0xFF  # in the last snapshot
    path.write_bytes(content)
    assert convert(path, "--to", "csv") == 2
    assert os.listdir(tmp_path) == ["rec.damon"]


def test_a_reader_that_goes_away_is_no_traceback(ours: Path) -> None:
    code = "import sys; from damon_core.cli import main; sys.exit(main(sys.argv[1:]))"
    read_end, write_end = os.pipe()
    os.close(read_end)
    run = subprocess.run(
        [sys.executable, "-c", code, "convert", str(ours), "--to", "perfetto", "-o", "-"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write_end)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr


def test_a_recording_that_broke_off_converts_as_far_as_it_goes(
    ours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours.write_bytes(ours.read_bytes()[:-20])
    assert convert(ours, "--to", "csv") == 0
    assert "breaks off after 4 whole snapshots" in capsys.readouterr().err


def test_the_error_about_a_file_of_damo_says_how_to_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "damon.data", record())
    assert main(["report", "wss", str(path)]) == 2
    assert "damon convert" in told(capsys)
