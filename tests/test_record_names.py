"""Names of mappings: when they are looked at, how they are kept, what a report makes of them."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.maps import Mapping, named_mappings
from damon_core.model import AddrRange, Ops
from damon_core.record import open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_names import MAX_NAMES, NamedRange, NameWatch, TargetNames, named_ranges
from damon_core.record_writer import RecordWriter
from damon_core.report.access import AccessTable
from damon_core.report.grid import heat_grid
from damon_core.report.heatmap import Heatmap
from damon_core.snapshot import TargetState
from damon_core.testing.snapshots import T0_NS, made_up_snapshot

SECOND_NS = 1_000_000_000
NAN = float("nan")


def mapped(start: int, end: int, name: str) -> Mapping:
    return Mapping(AddrRange(start, end), "rw-p", name)


class Maps:
    """Mappings that change, and a clock that is moved by hand; each look takes ``cost_ns``."""

    def __init__(self, cost_ns: int = 0) -> None:
        self.mappings = [mapped(0x1000, 0x2000, "[heap]")]
        self.now_ns = 0
        self.nr_looks = 0
        self.cost_ns = cost_ns

    def read(self, pid: int) -> list[Mapping]:
        self.nr_looks += 1
        self.now_ns += self.cost_ns
        return self.mappings

    def watch(self) -> NameWatch:
        return NameWatch(self.read, lambda: self.now_ns)


SNAPSHOT = made_up_snapshot(0, [(0x1000, 0x3000, 1, 1, 0, 4321, NAN)])


def test_names_are_told_when_a_target_is_new_and_when_they_change() -> None:
    maps = Maps()
    watch = maps.watch()
    (names,) = watch.changed(SNAPSHOT)
    assert names == TargetNames(0, (NamedRange(0x1000, 0x2000, "[heap]"),))
    maps.now_ns += 60 * SECOND_NS
    assert watch.changed(SNAPSHOT) == ()
    maps.mappings = [mapped(0x1000, 0x4000, "[heap]")]
    maps.now_ns += 60 * SECOND_NS
    (names,) = watch.changed(SNAPSHOT)
    assert names.ranges[0].end == 0x4000


def test_the_names_of_a_target_that_is_gone_are_forgotten() -> None:
    watch = Maps().watch()
    assert watch.changed(SNAPSHOT)
    assert not watch.changed(SNAPSHOT)
    other = TargetState(1, 4322, "other")
    assert watch.changed(
        made_up_snapshot(1, [(0x1000, 0x3000, 1, 1, 1, 4322, NAN)], targets=[other])
    )
    assert watch.changed(SNAPSHOT), "it is as one never seen"


def test_looks_become_rare_as_the_target_grows_old() -> None:
    maps = Maps()
    watch = maps.watch()
    for maps.now_ns in range(0, 60 * SECOND_NS, SECOND_NS // 10):
        watch.changed(SNAPSHOT)
    assert 8 <= maps.nr_looks <= 14


def test_looking_takes_no_more_than_one_part_in_five_hundred() -> None:
    maps = Maps(cost_ns=SECOND_NS // 10)
    watch = maps.watch()
    while maps.now_ns < 1000 * SECOND_NS:
        watch.changed(SNAPSHOT)
        maps.now_ns += SECOND_NS
    assert maps.nr_looks * maps.cost_ns <= maps.now_ns / 400


def test_what_cannot_be_looked_at_has_no_names() -> None:
    def refuse(pid: int) -> list[Mapping]:
        raise PermissionError(13, "Permission denied")

    assert NameWatch(refuse).changed(SNAPSHOT) == ()
    for target in (TargetState(0, 0, ""), TargetState(0, 4321, "gone", alive=False)):
        maps = Maps()
        maps.watch().changed(made_up_snapshot(0, [], targets=[target]))
        assert maps.nr_looks == 0


def test_touching_mappings_of_one_name_are_one_range() -> None:
    libc = "/usr/lib/libc.so.6"
    ranges = named_ranges(
        [
            *(mapped(0x1000, 0x2000, libc), mapped(0x2000, 0x3000, libc)),
            *(mapped(0x3000, 0x4000, ""), mapped(0x5000, 0x6000, "")),
        ]
    )
    assert ranges == (
        NamedRange(0x1000, 0x3000, libc),
        NamedRange(0x3000, 0x4000, ""),
        NamedRange(0x5000, 0x6000, ""),
    )


def test_of_too_many_ranges_the_largest_are_kept_in_order() -> None:
    mappings = [
        mapped(0x100000 * n, 0x100000 * n + 0x1000 * (1 + n % 5), f"file{n}") for n in range(2500)
    ]
    ranges = named_ranges(mappings)
    assert len(ranges) == MAX_NAMES
    assert [one.start for one in ranges] == sorted(one.start for one in ranges)
    assert min(one.end - one.start for one in ranges) == 0x4000


def test_a_name_of_any_bytes_can_be_recorded(tmp_path: Path) -> None:
    maps = Maps()
    maps.mappings = [mapped(0x1000, 0x2000, os.fsdecode(b"/tmp/\xff\x1b[31m" + b"x" * 4000))]
    with RecordWriter(tmp_path / "rec.damon", HEADER, names=maps.watch()) as writer:
        writer.write(SNAPSHOT)
    (names,) = open_record(writer.path).names()
    assert len(names.ranges[0].name) == 256


HEADER = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)


def test_a_recording_knows_the_names_of_each_time(tmp_path: Path) -> None:
    maps = Maps()
    with RecordWriter(tmp_path / "rec.damon", HEADER, names=maps.watch()) as writer:
        for index in range(4):
            maps.now_ns += 60 * SECOND_NS
            if index == 2:
                maps.mappings = [mapped(0x1000, 0x2000, "[stack]")]
            writer.write(made_up_snapshot(index, []))
    record = open_record(writer.path)
    names = [record.names(number)[0].ranges[0].name for number in range(4)]
    assert names == ["[heap]", "[heap]", "[stack]", "[stack]"]
    assert record.names() == record.names(3)
    assert len(list(record)) == 4


def test_a_recording_without_names_has_none(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "rec.damon", HEADER) as writer:
        writer.write(SNAPSHOT)
    assert open_record(writer.path).names() == ()


NAMES = TargetNames(
    0,
    (
        NamedRange(0x1000, 0x2000, "[heap]"),
        NamedRange(0x2000, 0x5000, "/usr/lib/libc.so.6"),
        NamedRange(0x8000, 0x9000, ""),
    ),
)


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        (0x0, 0x1000, None),
        (0x1000, 0x2000, "[heap]"),
        (0x1000, 0x4000, "/usr/lib/libc.so.6"),
        (0x0, 0x1001, "[heap]"),
        (0x5000, 0x8000, None),
        (0x5000, 0x10000, ""),
        (0x9000, 0xA000, None),
    ],
)
def test_a_region_has_the_name_of_most_of_its_bytes(start: int, end: int, name: str | None) -> None:
    assert NAMES.name_of(AddrRange(start, end)) == name


def test_reports_say_what_is_mapped() -> None:
    rows = [(0x1000, 0x4000, 1, 1, 0, 1, NAN), (0x5000, 0x6000, 1, 1, 0, 1, NAN)]
    snapshot = made_up_snapshot(0, rows)
    out = io.StringIO()
    AccessTable(snapshot, names=[NAMES]).render(out)
    lines = out.getvalue().splitlines()
    assert any(line.endswith("libc.so.6") for line in lines)
    assert any(line.endswith("(unmapped)") for line in lines)
    assert max(map(len, lines)) <= 80
    out = io.StringIO()
    AccessTable(snapshot, names=[NAMES]).render_json(out)
    assert json.loads(out.getvalue())["regions"][0]["name"] == "/usr/lib/libc.so.6"
    out = io.StringIO()
    Heatmap(heat_grid([snapshot], names=[NAMES])).render(out)
    assert any(line.endswith("libc.so.6") for line in out.getvalue().splitlines())


@given(
    st.lists(st.builds(NamedRange, st.integers(), st.integers(), st.text(max_size=3)), max_size=20),
    st.integers(0, 2**64),
    st.integers(1, 2**64),
)
def test_hostile_names_do_no_harm(ranges: list[NamedRange], start: int, size: int) -> None:
    name = TargetNames(0, tuple(ranges)).name_of(AddrRange(start, start + size))
    assert name is None or name in {known.name for known in ranges}


def test_the_names_of_this_process_are_those_it_runs() -> None:
    me = TargetState(0, os.getpid(), "pytest")
    snapshot = made_up_snapshot(0, [], targets=[me])
    (names,) = NameWatch(named_mappings).changed(snapshot)
    known = {one.name for one in names.ranges}
    assert "[stack]" in known
    assert any("libc" in name or sys.executable in name for name in known)
