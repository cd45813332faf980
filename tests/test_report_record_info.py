"""What ``record_info`` says of a recording."""

from __future__ import annotations

import io
import json
from typing import Any

from attrs import evolve

from damon_core.model import AddrRange, Intervals, Ops
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_names import NamedRange, TargetNames
from damon_core.report.areas import Areas
from damon_core.report.record_info import RecordInfo
from damon_core.snapshot import Snapshot, SourceCounters, SourceState
from damon_core.testing.snapshots import T0_NS, made_up_snapshot

MIB = 1 << 20
NAN = float("nan")
HEADER = RecordHeader(
    Ops.VADDR,
    (PrimitiveInfo("accessed_bit", "0.1.0"),),
    T0_NS,
    host="box",
    kernel="6.18.0 x86_64",
    intervals=Intervals(5_000, 100_000),
    command_line=("damon", "record", "--pid", "4321"),
    damon_version="0.1.0",
)
ROWS = [(0, MIB, 1, 0, 0, 4321, 4096.0)]


def snapshots(nr_snapshots: int = 10) -> list[Snapshot]:
    return [made_up_snapshot(index, ROWS) for index in range(nr_snapshots)]


def text_of(info: RecordInfo) -> str:
    file = io.StringIO()
    info.render(file)
    return " ".join(file.getvalue().split())


def json_of(info: RecordInfo) -> dict[str, Any]:
    file = io.StringIO()
    info.render_json(file)
    result: dict[str, Any] = json.loads(file.getvalue())
    return result


def test_it_says_what_when_where_and_of_whom() -> None:
    text = text_of(RecordInfo(HEADER, snapshots()))
    assert "recording: complete, 10 snapshots" in text
    assert "(2 s)" in text
    assert "host: box, kernel 6.18.0 x86_64" in text
    assert "command: damon record --pid 4321" in text
    assert "target 0: pid 4321 (toucher), RSS 128 MiB" in text


def test_it_says_the_intervals_asked_and_those_really_kept() -> None:
    kept = [*snapshots(9), evolve(snapshots(10)[-1], intervals=Intervals(40_000, 400_000))]
    text = text_of(RecordInfo(HEADER, kept))
    assert "asked intervals: sample 5 ms, aggregation 100 ms, ops update 1 s" in text
    assert "sample interval: really kept 22 ms in the mean, 20 ms to 40 ms" in text
    assert "automatic" in text_of(RecordInfo(evolve(HEADER, intervals=None), kept))


def test_it_sums_up_what_became_of_the_reports() -> None:
    text = text_of(RecordInfo(HEADER, snapshots()))
    assert "primitive: accessed_bit (bpf)" in text
    assert "reports: 110: 100 credited, 10 lost" in text
    assert "counters: scans 9" in text


def test_it_says_what_failed_and_what_the_user_was_told() -> None:
    failed = SourceState("accessed_bit", "bpf", SourceCounters(), failure="the map is full")
    noted = evolve(snapshots(1)[0], sources=(failed,), notes=("intervals were lengthened",))
    text = text_of(RecordInfo(HEADER, [noted, noted]))
    assert "failure: the map is full" in text
    assert "note: intervals were lengthened (2 times)" in text


def test_it_says_what_the_monitor_cost() -> None:
    info = RecordInfo(HEADER, snapshots())
    assert info.cpu_share == 0.01
    assert "monitor's CPU: 20 ms, 1.00% of one CPU" in text_of(info)


def charged(snapshot: Snapshot) -> Snapshot:
    source = evolve(snapshot.sources[0], target_cpu_ns=4_000_000)
    return evolve(snapshot, sources=(source, evolve(source, name="other")))


def test_it_says_what_the_targets_paid_where_they_did() -> None:
    assert "targets' cost" not in text_of(RecordInfo(HEADER, snapshots()))
    info = RecordInfo(HEADER, map(charged, snapshots()))
    assert "targets' cost: 80 ms, 4.00% of one CPU" in text_of(info)
    assert json_of(info)["target_cpu_ns"] == 80_000_000


def test_it_says_that_a_recording_broke_off() -> None:
    info = RecordInfo(HEADER, [], truncated=True)
    assert "recording: broken off" in text_of(info)
    assert json_of(info)["truncated"] is True


def test_json_has_all_of_it() -> None:
    facts = json_of(RecordInfo(HEADER, snapshots()))
    assert facts["intervals_asked"]["sample_us"] == 5_000
    assert facts["primitives"][0]["counters"]["credited"] == 100
    assert facts["targets"] == [
        {
            "index": 0,
            "pid": 4321,
            "comm": "toucher",
            "alive": True,
            "rss": 128 * MIB,
            "areas": [[0, MIB]],
        }
    ]
    assert facts["nr_regions"]["total"] == 10


def test_it_says_which_addresses_were_monitored_and_what_is_there() -> None:
    rows = [
        (0x1000, 0x3000, 1, 0, 0, 4321, NAN),
        (0x3000, 0x5000, 0, 0, 0, 4321, NAN),
        (0x9000, 0xA000, 0, 0, 0, 4321, NAN),
    ]
    grown = [
        made_up_snapshot(0, rows),
        made_up_snapshot(1, [*rows[:2], (0x5000, 0x6000, *rows[2][2:])]),
    ]
    names = TargetNames(0, (NamedRange(0, 0x7000, "[heap]"),))
    info = RecordInfo(HEADER, grown, names=(names,))
    text = text_of(info)
    assert "000000001000-000000006000, 20 KiB, mostly [heap]" in text
    assert "000000009000-00000000a000, 4 KiB, mostly (unmapped)" in text
    assert json_of(info)["targets"][0]["areas"] == [[0x1000, 0x6000], [0x9000, 0xA000]]


def test_areas_of_targets_are_apart_and_wide_gaps_cost_nothing() -> None:
    far = 2**47
    rows = [
        (0, 4096, 1, 0, 0, 1, NAN),
        (far - 4096, far, 1, 0, 0, 1, NAN),
        (4096, 8192, 1, 0, 7, 1, NAN),
    ]
    areas = Areas()
    areas.add(made_up_snapshot(0, rows))
    assert areas.of(0) == [AddrRange(0, 4096), AddrRange(far - 4096, far)]
    assert areas.of(7) == [AddrRange(4096, 8192)]
    assert areas.of(8) == []


def test_of_too_many_areas_the_narrow_gaps_are_closed() -> None:
    areas = Areas()
    rows = [
        (at * 8192 + (at // 50) * MIB, at * 8192 + (at // 50) * MIB + 4096, 0, 0, 0, 1, NAN)
        for at in range(5000)
    ]
    areas.add(made_up_snapshot(0, rows))
    kept = areas.of(0)
    assert len(kept) <= 4096
    assert (kept[0].start, kept[-1].end) == (rows[0][0], rows[-1][1])


def test_intervals_that_changed_on_the_way_are_called_mixed() -> None:
    assert ", mixed" not in text_of(RecordInfo(HEADER, snapshots()))
    kept = [*snapshots(9), evolve(snapshots(10)[-1], intervals=Intervals(40_000, 400_000))]
    assert "20 ms to 40 ms, mixed" in text_of(RecordInfo(HEADER, kept))


def test_it_says_how_much_of_the_time_was_seen_and_what_was_lost() -> None:
    every_other = [one for one in snapshots() if one.index % 2 == 0]
    text = text_of(RecordInfo(HEADER, every_other))
    assert "windows: cover 55.6% of the time" in text
    assert "9.09% lost" in text
