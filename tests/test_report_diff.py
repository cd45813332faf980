"""What changed from one recording to another, also where addresses moved."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve

from damon_core.model import AddrRange
from damon_core.record_names import NamedRange, TargetNames
from damon_core.report.alignment import Alignment
from damon_core.report.diff import Diff, Side
from damon_core.report.outline import Outline
from damon_core.report.range_heat import RangeHeat
from damon_core.report.selected import Selected
from damon_core.report.selection import Selection
from damon_core.report.wss import WorkingSet
from damon_core.snapshot import Snapshot, TargetState
from damon_core.testing.snapshots import made_up_snapshot, random_snapshot

MIB = 1 << 20
NAN = float("nan")
HEAP, LIB, BIG, SMALL = 0x5000_0000, 0x7F00_0000_0000, 0x7E00_0000_0000, 0x7E10_0000_0000


def layout(shift: int = 0) -> TargetNames:
    """A heap, a library with its bss, and two anonymous areas, all moved by ``shift``."""
    ranges = [
        (HEAP, 4 * MIB, "[heap]"),
        (BIG, 8 * MIB, ""),
        (SMALL, 2 * MIB, ""),
        (LIB, 4 * MIB, "/usr/lib/libx.so"),
        (LIB + 4 * MIB, MIB, ""),
    ]
    return TargetNames(
        0, tuple(NamedRange(at + shift, at + shift + size, name) for at, size, name in ranges)
    )


def recorded(hot: AddrRange, shift: int = 0, nr_snapshots: int = 4, comm: str = "x") -> Side:
    """Snapshots of the layout in which one range is hot."""
    names = layout(shift)
    rows = []
    for known in names.ranges:
        edges = sorted(
            {
                known.start,
                known.end,
                *(
                    edge + shift
                    for edge in (hot.start, hot.end)
                    if known.start < edge + shift < known.end
                ),
            }
        )
        for start, end in pairwise(edges):
            inside = hot.start + shift <= start < hot.end + shift
            rows.append((start, end, 10 * inside, 1, 0, 1, NAN))
    targets = (TargetState(0, 4000 + shift % 7, comm),)
    snapshots = [made_up_snapshot(n, rows, targets=targets) for n in range(nr_snapshots)]
    return Side(f"{comm}.damon", snapshots, (names,))


def json_of(diff: Diff) -> dict[str, Any]:
    file = io.StringIO()
    diff.render_json(file)
    result: dict[str, Any] = json.loads(file.getvalue())
    return result


def text_of(diff: Diff) -> str:
    file = io.StringIO()
    diff.render(file)
    return file.getvalue()


def changes(diff: Diff) -> list[tuple[str | None, int, int, float]]:
    """Name, offset, size and change in bytes of what changed."""
    (target,) = json_of(diff)["targets"]
    return [
        (one["name"], one["offset"], one["size"], one["change"])
        for one in target["changes"]
        if one["change"]
    ]


def test_nothing_changed_between_a_recording_and_itself() -> None:
    side = recorded(AddrRange(HEAP, HEAP + MIB))
    assert changes(Diff(side, side)) == []
    assert "0 B became hotter, 0 B colder" in text_of(Diff(side, side))


@pytest.mark.parametrize("shift", [0x1000, 0x5000_0000])
def test_pieces_are_found_by_mapping_where_addresses_moved(shift: int) -> None:
    diff = Diff(
        recorded(AddrRange(LIB, LIB + MIB)),
        recorded(AddrRange(BIG + 2 * MIB, BIG + 4 * MIB), shift),
    )
    assert changes(diff) == [
        ("(anonymous 1)", 2 * MIB, 2 * MIB, 2 * MIB),
        ("libx.so", 0, MIB, -MIB),
    ]
    assert json_of(diff)["targets"][0]["aligned_by"] == "mapping"
    text = " ".join(text_of(diff).split())
    assert "by mapping, as addresses moved; 2 MiB became hotter, 1 MiB colder" in text
    assert "+2 MiB 0 % 100 % 2 MiB (anonymous 1)+0x200000-0x400000" in text


def test_pieces_are_found_by_address_where_nothing_moved() -> None:
    diff = Diff(
        recorded(AddrRange(HEAP, HEAP + MIB)), recorded(AddrRange(HEAP + MIB, HEAP + 2 * MIB))
    )
    (target,) = json_of(diff)["targets"]
    assert target["aligned_by"] == "address"
    ordered = sorted(target["changes"], key=lambda one: float(one["change"]))
    colder, hotter = ordered[0], ordered[-1]
    assert (hotter["start_after"], hotter["size"], hotter["change"]) == (HEAP + MIB, MIB, MIB)
    assert (colder["start_before"], colder["size"], colder["change"]) == (HEAP, MIB, -MIB)
    assert "50100000-50200000 [heap]" in text_of(diff)


def test_changes_add_up_to_that_of_the_bytes_in_use() -> None:
    before = [random_snapshot(n, 200, seed=1) for n in range(5)]
    after = [random_snapshot(n, 200, seed=2) for n in range(7)]
    (target,) = json_of(Diff(Side("a", before), Side("b", after)))["targets"]
    change = sum(one["change"] for one in target["changes"])
    sides = []
    for snapshots in (before, after):
        heat = RangeHeat(0, [AddrRange(0, 2**40)])
        for snapshot in snapshots:
            heat.add(snapshot)
        assert heat.in_use()[0] == pytest.approx(heat.everywhere())
        sides.append(heat.everywhere())
    assert change == pytest.approx(sides[1] - sides[0])
    assert target["unaligned_bytes"] == pytest.approx([0, 0], abs=1)


def test_heat_is_the_working_set_where_bytes_are_known() -> None:
    rows = [(0, MIB, 3, 0, 0, 1, 8192.0), (MIB, 2 * MIB, 1, 0, 0, 1, 4096.0)]
    snapshots = [made_up_snapshot(n, rows) for n in range(3)]
    heat = RangeHeat(0, [AddrRange(0, MIB), AddrRange(MIB, 2 * MIB), AddrRange(0, 0)])
    for snapshot in snapshots:
        heat.add(snapshot)
    assert heat.in_use().tolist() == [8192, 4096, 0]
    assert heat.everywhere() == WorkingSet(snapshots).median()
    assert heat.percent()[0] == pytest.approx(100 * 8192 / MIB)
    assert heat.percent()[2] != heat.percent()[2]


def test_a_mapping_that_only_one_recording_has_is_told_without_a_rate_in_the_other() -> None:
    after = recorded(AddrRange(HEAP, HEAP + MIB), 0x1000)
    names = TargetNames(0, after.names[0].ranges[:-1])
    names = evolve(names, ranges=(*names.ranges, NamedRange(LIB * 2, LIB * 2 + MIB, "new")))
    grown = [
        made_up_snapshot(0, [(LIB * 2, LIB * 2 + MIB, 10, 1, 0, 1, NAN)], targets=one.targets)
        for one in after.snapshots
    ]
    (target,) = json_of(Diff(recorded(AddrRange(HEAP, HEAP + 1)), Side("after", grown, (names,))))[
        "targets"
    ]
    first = target["changes"][0]
    assert (first["name"], first["change"]) == ("new", MIB)
    assert (first["start_before"], first["percent_before"]) == (None, None)


def test_what_is_in_use_where_no_mapping_was_known_is_told() -> None:
    names = TargetNames(0, layout(0x1000).ranges[:1])
    after = evolve(recorded(AddrRange(BIG, BIG + MIB), 0x1000), names=(names,))
    assert "up to 1 MiB in use lay where no mapping was known" in " ".join(
        text_of(Diff(recorded(AddrRange(HEAP, HEAP + 1)), after)).split()
    )


def test_targets_are_paired_by_the_names_of_their_programs() -> None:
    def of(*comms: str) -> list[Snapshot]:
        targets = [TargetState(n, 10 + n, comm) for n, comm in enumerate(comms)]
        rows = [(0, MIB, 1, 0, n, 10 + n, NAN) for n in range(len(comms))]
        return [made_up_snapshot(0, rows, targets=targets)]

    result = json_of(Diff(Side("a", of("x", "y", "x")), Side("b", of("z", "x", "y"))))
    assert [(one["before"], one["after"]) for one in result["targets"]] == [
        (0, 1),
        (1, 2),
        (2, None),
        (None, 0),
    ]
    same_process = json_of(Diff(Side("a", of("x", "x")), Side("b", of("z", "x"))))
    assert [(one["before"], one["after"]) for one in same_process["targets"]] == [
        (1, 1),
        (0, None),
        (None, 0),
    ]
    text = text_of(Diff(Side("a", of("x", "y")), Side("b", of("x"))))
    assert "target 1: pid 11 (y); after: no such target" in text
    alone = json_of(Diff(Side("a", of("x")), Side("b", of("other"))))
    assert [(one["before"], one["after"]) for one in alone["targets"]] == [(0, 0)]


def test_other_sampling_intervals_are_warned_of() -> None:
    before = recorded(AddrRange(HEAP, HEAP + MIB))
    slow = [
        evolve(one, intervals=evolve(one.intervals, sample_us=100_000)) for one in before.snapshots
    ]
    text = text_of(Diff(before, evolve(before, snapshots=slow)))
    assert "sampling intervals differ, 20 ms and 100 ms" in text


def test_other_primitives_are_warned_of() -> None:
    rows = [(0, MIB, 1, 0, 0, 1, NAN)]
    bits = Side("a", [made_up_snapshot(0, rows, "accessed_bit")])
    faults = Side("b", [made_up_snapshot(0, rows, "accessed_bit", "page_fault")])
    text = " ".join(text_of(Diff(bits, faults)).split())
    assert "primitives differ: before accessed_bit; after accessed_bit, page_fault. They" in text
    assert "differ" not in text_of(Diff(bits, bits))


def test_bss_belongs_to_its_file_and_anonymous_memory_is_ordered_by_size() -> None:
    outline = Outline(recorded(AddrRange(HEAP, HEAP + 1)).snapshots).targets[0]
    alignment = Alignment.of(outline, outline, layout(), layout(4096))
    assert [(piece.name, piece.size) for piece in alignment.pieces] == [
        ("[heap]", 4 * MIB),
        ("libx.so", 4 * MIB),
        ("libx.so bss", MIB),
        ("(anonymous 1)", 8 * MIB),
        ("(anonymous 2)", 2 * MIB),
    ]
    assert not Alignment.of(outline, outline, layout(), layout()).moved
    remapped = evolve(layout(), ranges=(*layout().ranges[:3], *layout(4096).ranges[3:]))
    assert not Alignment.of(outline, outline, layout(), remapped).moved
    assert not Alignment.of(outline, outline, None, layout()).moved


def test_a_selection_is_of_both_recordings() -> None:
    heap = Selection(addresses=(AddrRange(HEAP, HEAP + 2 * MIB),))
    sides = [recorded(AddrRange(at, at + MIB)) for at in (HEAP, LIB)]
    diff = Diff(*(evolve(side, snapshots=Selected(side.snapshots, heap)) for side in sides))
    assert changes(diff) == [(None, 0, MIB, -MIB)]


@pytest.mark.parametrize("width", [20, 80])
def test_lines_fit_the_terminal(width: int) -> None:
    diff = Diff(
        recorded(AddrRange(LIB, LIB + MIB)),
        recorded(AddrRange(BIG, BIG + MIB), 4096),
        width=width,
    )
    assert max(map(len, text_of(diff).splitlines())) <= max(width, 28)
