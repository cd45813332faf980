"""Bytes of each target: in use, hot, and cold for how long."""

from __future__ import annotations

from damon_core.snapshot import TargetState
from damon_core.target_sizes import TargetSizes
from damon_core.testing.snapshots import INTERVALS, NR_SAMPLES, Row, made_up_snapshot

NAN = float("nan")


def sizes_of(rows: list[Row], *indices: int) -> TargetSizes:
    targets = [TargetState(index, 100 + index, "worker") for index in indices]
    return TargetSizes(made_up_snapshot(0, rows, targets=targets))


def test_sizes_are_those_of_each_target_whatever_its_index() -> None:
    rows: list[Row] = [
        (0, 4096, NR_SAMPLES, 0, 3, 103, 100.0),
        (4096, 12288, 1, 0, 3, 103, NAN),
        (0, 8192, 0, 9, 7, 107, 0.0),
    ]
    sizes = sizes_of(rows, 3, 5, 7)
    assert sizes.monitored.tolist() == [12288, 0, 8192]
    assert sizes.working_set.tolist() == [100 + 8192, 0, 0]
    assert sizes.hot.tolist() == [12288, 0, 0]
    assert sizes.nr_regions.tolist() == [2, 0, 1]


def test_cold_is_what_has_been_idle_for_at_least_that_long() -> None:
    rows: list[Row] = [
        (0, 4096, 1, 50, 0, 100, NAN),
        (4096, 8192, 0, 0, 0, 100, NAN),
        (8192, 16384, 0, 49, 0, 100, NAN),
    ]
    sizes = sizes_of(rows, 0)
    assert sizes.cold(INTERVALS.aggr_us).tolist() == [4096 + 8192]
    assert sizes.cold(50 * INTERVALS.aggr_us).tolist() == [8192]
    assert sizes.cold(51 * INTERVALS.aggr_us).tolist() == [0]


def test_without_targets_or_regions_there_is_nothing() -> None:
    assert sizes_of([]).monitored.tolist() == []
    assert sizes_of([], 0).monitored.tolist() == [0]
