"""The working set size: what counts, and its percentiles."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from damon_core.report.series import Places
from damon_core.report.use_rule import UseRule
from damon_core.report.wss import WorkingSet
from damon_core.snapshot import Snapshot, TargetState
from damon_core.testing.snapshots import made_up_snapshot

MIB = 1 << 20
NAN = float("nan")


def stairs(accessed: float = NAN) -> list[Snapshot]:
    """Ten snapshots, whose one accessed region is of 1, 2, ... 10 MiB."""
    return [
        made_up_snapshot(
            number,
            [
                (0, number * MIB, 3, 0, 0, 4321, accessed),
                (number * MIB, 64 * MIB, 0, 0, 0, 4321, accessed),
            ],
        )
        for number in range(1, 11)
    ]


def json_of(working_set: WorkingSet) -> dict[str, Any]:
    file = io.StringIO()
    working_set.render_json(file)
    result: dict[str, Any] = json.loads(file.getvalue())
    return result


def text_of(working_set: WorkingSet) -> str:
    file = io.StringIO()
    working_set.render(file)
    return file.getvalue()


def test_whole_accessed_regions_count_where_no_primitive_can_tell_bytes() -> None:
    working_set = WorkingSet(stairs())
    assert working_set.median() == 6 * MIB
    assert "whole size of regions accessed in 1 samples or more" in text_of(working_set)
    assert "50 %   6 MiB" in text_of(working_set)


def test_accessed_bytes_count_where_a_primitive_can_tell() -> None:
    working_set = WorkingSet(stairs(accessed=4096.0))
    assert working_set.median() == 2 * 4096
    assert "bytes accessed in a sampling interval" in text_of(working_set)
    assert WorkingSet(stairs(accessed=4096.0), rule=UseRule(by_region=True)).median() == 6 * MIB


def test_a_mixture_says_how_much_is_known_exactly() -> None:
    rows = [(0, 3 * MIB, 1, 0, 0, 1, 4096.0), (4 * MIB, 5 * MIB, 1, 0, 0, 1, NAN)]
    working_set = WorkingSet([made_up_snapshot(0, rows)])
    assert working_set.median() == 4096 + MIB
    assert working_set.known.share == 0.75
    assert "75.0% of the memory" in text_of(working_set)


def test_a_region_below_the_threshold_does_not_count() -> None:
    assert WorkingSet(stairs(), rule=UseRule(acc_thres=3)).median() == 6 * MIB
    assert WorkingSet(stairs(), rule=UseRule(acc_thres=4)).median() == 0


@pytest.mark.parametrize(("by_time", "expected"), [(False, [1, 6, 10]), (True, [10, 5, 1])])
def test_percentiles_are_by_size_or_by_time(by_time: bool, expected: list[int]) -> None:
    backwards = stairs()[::-1]
    result = json_of(WorkingSet(backwards, places=Places((0, 50, 100), by_time)))
    sizes = result["targets"][0]["percentiles"]
    assert sizes == {"0": expected[0] * MIB, "50": expected[1] * MIB, "100": expected[2] * MIB}


def test_several_targets_are_told_apart_and_summed() -> None:
    targets = (TargetState(0, 1, "one"), TargetState(4_000_000_000, 2, "two"))
    rows = [(0, MIB, 1, 0, 0, 1, NAN), (0, 2 * MIB, 1, 0, 4_000_000_000, 2, NAN)]
    result = json_of(WorkingSet([made_up_snapshot(0, rows, targets=targets)]))
    assert [(t["pid"], t["mean"]) for t in result["targets"]] == [
        (1, MIB),
        (2, 2 * MIB),
        (None, 3 * MIB),
    ]


def test_a_target_without_regions_has_a_working_set_of_nothing() -> None:
    working_set = WorkingSet([made_up_snapshot(0, [])])
    assert working_set.median() == 0
    assert "0 B" in text_of(working_set)


def test_no_snapshots_are_no_working_set() -> None:
    assert WorkingSet([]).median() == 0
    assert json_of(WorkingSet([]))["targets"] == []
    assert "in 0 snapshots" in text_of(WorkingSet([]))
