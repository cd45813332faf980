"""What a selection leaves of snapshots, and what is said when it leaves nothing."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from damon_core.errors import ConfigError, RecordError
from damon_core.model import AddrRange
from damon_core.report.moment import Moment, TimeSpan
from damon_core.report.selected import Selected
from damon_core.report.selection import Selection
from damon_core.snapshot import Snapshot, TargetState
from damon_core.spans import Spans
from damon_core.testing.snapshots import T0_NS, differences, made_up_snapshot, random_snapshot

MIB = 1 << 20
NAN = float("nan")
TARGETS = (TargetState(0, 1, "one"), TargetState(3, 1, "two"))
ROWS = [
    (0, MIB, 10, 50, 0, 1, NAN),
    (MIB, 4 * MIB, 5, 0, 0, 1, 3.0 * MIB),
    (8 * MIB, 8 * MIB + 4096, 0, 5, 0, 1, 0.0),
    (0, 2 * MIB, 1, 10, 3, 1, 4096.0),
]


def snapshots(nr_snapshots: int = 5) -> list[Snapshot]:
    return [made_up_snapshot(n, ROWS, targets=TARGETS) for n in range(nr_snapshots)]


def left(selection: Selection) -> list[tuple[int, int, int]]:
    """Target, start and end of the regions that one snapshot keeps."""
    (one,) = selection.apply(snapshots(1))
    columns = one.regions.target, one.regions.start, one.regions.end
    return [(int(t), int(start), int(end)) for t, start, end in zip(*columns, strict=True)]


ALL = [(0, 0, MIB), (0, MIB, 4 * MIB), (0, 8 * MIB, 8 * MIB + 4096), (3, 0, 2 * MIB)]


@pytest.mark.parametrize(
    ("selection", "rows"),
    [
        (Selection(), [0, 1, 2, 3]),
        (Selection(targets=(3,)), [3]),
        (Selection(targets=(0, 3)), [0, 1, 2, 3]),
        (Selection(sizes=(MIB, 2 * MIB)), [0, 3]),
        (Selection(rates=(50, 100)), [0, 1]),
        (Selection(rates=(0, 0)), [2]),
        (Selection(rates=(9.5, 10)), [3]),
        (Selection(ages=(1_000_000, 2_000_000)), [2, 3]),
        (Selection(ages=(10_000_000, float("inf"))), [0]),
        (Selection(targets=(0,), sizes=(MIB, 8 * MIB), rates=(0, 60)), [1]),
    ],
)
def test_a_region_is_left_if_it_meets_all_criteria(selection: Selection, rows: list[int]) -> None:
    assert left(selection) == [ALL[row] for row in rows]


def test_regions_are_cut_at_the_borders_of_addresses() -> None:
    ranges = (AddrRange(3 * MIB, 9 * MIB), AddrRange(MIB // 2, 2 * MIB))
    assert left(Selection(addresses=ranges)) == [
        (0, MIB // 2, MIB),
        (0, MIB, 2 * MIB),
        (0, 3 * MIB, 4 * MIB),
        (0, 8 * MIB, 8 * MIB + 4096),
        (3, MIB // 2, 2 * MIB),
    ]


def test_a_piece_has_the_rate_and_age_of_its_region_and_its_share_of_bytes_and_hits() -> None:
    half = Selection(addresses=(AddrRange(MIB, MIB * 5 // 2),))
    regions = next(half.apply(snapshots())).regions
    assert regions.nr_accesses.tolist() == [5, 1]
    assert regions.age.tolist() == [0, 10]
    assert regions.accessed_bytes.tolist() == [1.5 * MIB, 2048.0]
    assert regions.hits.tolist() == [[2, 0]]  # halves, to the even


def test_the_criteria_of_regions_are_of_whole_ones() -> None:
    piece = AddrRange(MIB, MIB + 4096)
    assert left(Selection(addresses=(piece,), sizes=(3 * MIB, 3 * MIB))) == [(0, MIB, MIB + 4096)]


@given(
    st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 9_000)), max_size=8),
    st.integers(0, 3),
)
def test_cutting_keeps_exactly_the_bytes_of_the_ranges(
    ranges: list[tuple[int, int]], seed: int
) -> None:
    snapshot = random_snapshot(0, 50, seed)
    chosen = tuple(AddrRange(4096 * at, 4096 * (at + size)) for at, size in ranges)
    if not chosen:
        return
    cut = Selection(addresses=chosen).regions_of(snapshot).regions
    wanted = Spans.of((one.start, one.end) for one in chosen)
    whole = Spans.union_of(snapshot.regions.start, snapshot.regions.end)
    assert Spans.union_of(cut.start, cut.end) == (whole & wanted)
    assert (cut.start[1:] >= cut.end[:-1]).all()
    assert {column.dtype for column in (cut.start, cut.end)} == {np.dtype(np.uint64)}
    assert cut.hits.shape == (1, len(cut))


def test_a_snapshot_stays_with_all_its_facts_though_no_region_does() -> None:
    (one,) = Selection(rates=(99, 99)).apply(snapshots(1))
    assert len(one.regions) == 0
    assert differences(one, evolve(snapshots(1)[0], regions=one.regions)) == []


def test_only_selected_targets_are_told() -> None:
    (one,) = Selection(targets=(3,)).apply(snapshots(1))
    assert one.targets == TARGETS[1:]


def test_of_a_primitive_only_its_hits_count() -> None:
    both = made_up_snapshot(0, ROWS, "accessed_bit", "perf", targets=TARGETS)
    both.regions.hits[1] = [0, 2, 0, 9]
    (one,) = Selection(primitive="perf").apply([both])
    assert [source.name for source in one.sources] == ["perf"]
    assert one.regions.hits.tolist() == [[0, 2, 0, 9]]
    assert one.regions.nr_accesses.tolist() == [0, 2, 0, 1]
    assert one.regions.nr_accesses.dtype == np.uint32
    assert one.regions.accessed_bytes[1:].tolist() == [3.0 * MIB, 0.0, 4096.0]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("200ms-600ms", [1, 2]),
        ("0.3s-", [1, 2, 3, 4]),
        ("-0.3s", [0]),
        ("200 ms..600 ms", [1, 2]),
        ("-1h", [0, 1, 2, 3, 4]),
        ("1h-", []),
    ],
)
def test_a_window_counts_where_its_middle_is(text: str, numbers: list[int]) -> None:
    selected = Selected(snapshots(), Selection(time=TimeSpan.parse(text)))
    assert [snapshot.index for snapshot in selected] == numbers
    assert len(selected) == len(numbers)
    assert [selected[n].index for n in range(len(selected))] == numbers
    if numbers:
        assert selected.number_of(-1) == numbers[-1]
    with pytest.raises(IndexError):
        selected[len(numbers)]


def test_a_moment_may_be_a_time_of_day_or_a_date() -> None:
    began = datetime(2026, 1, 31, 22, 0, 0)
    start_ns = int(began.timestamp()) * 10**9

    def hours(text: str) -> float:
        return (Moment.parse(text).at_ns(start_ns) - start_ns) / 3.6e12

    assert hours("22:30") == 0.5
    assert hours("21:00:00") == -1
    assert hours("3:00:36.0") == pytest.approx(5.01)
    assert hours("2026-01-31T23:00") == 1
    assert hours("1h") == 1
    zoned = began.astimezone().isoformat(" ", "milliseconds")
    assert hours(zoned) == 0


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00..",
        "2026-02-30T00:00..",
        "12:61-",
        "",
        "10",
        "banana",
        "10s",
        "20s-10s",
        "5-9",
        "25:00-",
        "10s-5s-1s",
        "-",
        "2026-01-01-",
    ],
)
def test_what_is_no_span_of_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        TimeSpan.parse(text)


def test_a_time_of_day_needs_a_recording_that_began_on_some_day() -> None:
    with pytest.raises(RecordError, match="which no calendar has"):
        Moment.parse("14:05").at_ns(2**80)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(time=TimeSpan.parse("1h-")), "--time leaves nothing to show: the recording has"),
        (Selection(targets=(1,)), "--target leaves nothing to show: the recording has 0, 3"),
        (Selection(primitive="x"), "--primitive leaves nothing .* the recording has accessed_bit"),
        (
            Selection(addresses=(AddrRange(2**40, 2**41),)),
            "rec: --address leaves nothing .* have 0 to 801000",
        ),
        (
            Selection(targets=(3,), rates=(50, 100)),
            "rec: --rate leaves nothing .* have 0 % to 100 %",
        ),
        (Selection(sizes=(1, 2)), "rec: --size leaves nothing .* have 4 KiB to 3 MiB"),
        (Selection(ages=(1e9, 2e9)), "rec: --age leaves nothing .* have 0 us to 10 s"),
    ],
)
def test_the_option_that_left_nothing_is_blamed(selection: Selection, message: str) -> None:
    selected = Selected(snapshots(), selection)
    assert sum(len(snapshot.regions) for snapshot in selected) == 0
    with pytest.raises(RecordError, match=message):
        selected.check("rec")


def test_who_selects_everything_is_not_told_that_there_is_nothing() -> None:
    empty = Selected([made_up_snapshot(0, [])])
    assert len(list(empty)) == 1
    empty.check("rec")


def test_times_are_of_the_first_snapshot_that_the_recording_has() -> None:
    late = snapshots()[3:]
    (one,) = Selected(late, Selection(time=TimeSpan.parse("-200ms")))
    assert one.start_ns == T0_NS + 600_000_000
