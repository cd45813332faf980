"""Reports of a number of each snapshot: regions, resident memory, and their percentiles."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from damon_core.report import Report
from damon_core.report.footprint import Footprint
from damon_core.report.nr_regions import NrRegions
from damon_core.report.series import Places
from damon_core.report.wss import WorkingSet
from damon_core.snapshot import Snapshot, TargetState
from damon_core.testing.snapshots import made_up_snapshot

MIB = 1 << 20
NAN = float("nan")
TARGETS = (TargetState(0, 1, "one", rss=8 * MIB), TargetState(5, 2, "two", rss=None))


def growing(nr_snapshots: int = 4) -> list[Snapshot]:
    """Target 0 has 1, 2, ... regions of a MiB, the first in use; target 5 has none."""
    return [
        made_up_snapshot(
            number,
            [(at * MIB, (at + 1) * MIB, 5 * (at == 0), 1, 0, 1, NAN) for at in range(number + 1)],
            targets=TARGETS,
        )
        for number in range(nr_snapshots)
    ]


def text_of(report: Report) -> str:
    file = io.StringIO()
    report.render(file)
    return file.getvalue()


def json_of(report: Report) -> list[dict[str, Any]]:
    file = io.StringIO()
    report.render_json(file)
    targets: list[dict[str, Any]] = json.loads(file.getvalue())["targets"]
    return targets


def test_regions_are_counted_by_target_and_in_all() -> None:
    one, two, every = json_of(NrRegions(growing()))
    assert one["nr_regions"] == every["nr_regions"] == [1, 2, 3, 4]
    assert one["percentiles"] == {"0": 1, "25": 2, "50": 3, "75": 4, "100": 4}
    assert one["mean_size"]["mean"] == MIB
    assert two["nr_regions"] == [0, 0, 0, 0]
    assert two["mean_size"]["mean"] is None


def test_one_snapshot_has_percentiles_too() -> None:
    (one, *_) = json_of(NrRegions(growing(1)))
    assert set(one["percentiles"].values()) == {1}


def test_resident_memory_stands_beside_what_of_it_is_in_use() -> None:
    one, two, every = json_of(Footprint(growing()))
    assert one["rss"]["values"] == [8 * MIB] * 4
    assert one["wss"]["values"] == [MIB] * 4
    assert one["share"]["mean"] == 12.5
    assert two["rss"]["values"] == [None] * 4
    assert every["rss"]["mean"] == 8 * MIB
    text = " ".join(text_of(Footprint(growing())).split())
    assert "percentile RSS in use share 0 % 8 MiB 1 MiB 12.5 %" in text
    assert "0 % - 0 B -" in text


def test_two_targets_of_one_process_do_not_hold_its_memory_twice() -> None:
    twins = (TargetState(0, 1, "one", rss=8 * MIB), TargetState(5, 1, "one", rss=8 * MIB))
    *_, every = json_of(Footprint([evolve(one, targets=twins) for one in growing()]))
    assert every["rss"]["mean"] == 8 * MIB


def test_a_target_that_comes_late_has_the_snapshots_since() -> None:
    first, *rest = growing()
    alone = evolve(first, targets=TARGETS[:1])
    one, two, _ = json_of(NrRegions([alone, *rest]))
    assert (len(one["nr_regions"]), len(two["nr_regions"])) == (4, 3)


def test_each_primitive_has_the_working_set_that_it_saw() -> None:
    both = made_up_snapshot(
        0, [(0, MIB, 5, 0, 0, 1, NAN), (MIB, 3 * MIB, 2, 0, 0, 1, NAN)], "a", "b"
    )
    both.regions.hits[0] = [9, 0]
    both.regions.hits[1] = [0, 1]
    (one,) = json_of(WorkingSet([both]))
    assert one["mean"] == 3 * MIB
    assert {name: seen["mean"] for name, seen in one["primitives"].items()} == {
        "a": MIB,
        "b": 2 * MIB,
    }
    text = text_of(WorkingSet([both]))
    assert "percentile  size     a     b" in text
    assert "each of them alone" in text


def test_in_the_order_of_time_each_line_says_when() -> None:
    text = text_of(NrRegions(growing(), places=Places((0, 50, 100), by_time=True)))
    lines = [" ".join(line.replace("#", "").split()) for line in text.splitlines()]
    assert lines[2:6] == [
        "since start regions size",
        "0 % 200 ms 1 1 MiB",
        "50 % 600 ms 3 1 MiB",
        "100 % 800 ms 4 1 MiB",
    ]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_tables_are_as_wide_as_the_terminal(width: int) -> None:
    for kind in (NrRegions, Footprint, WorkingSet):
        text = text_of(kind(growing(), width=width))
        assert max(map(len, text.splitlines())) <= max(width, 27)


def test_percentiles_are_those_of_damo() -> None:
    sizes = np.arange(10, 0, -1.0)
    assert Places((0, 49, 50, 99, 100)).values(sizes) == [1, 5, 6, 10, 10]
    assert Places((0, 50), by_time=True).values(sizes) == [10, 5]
    assert Places((0, 100)).values(np.array([NAN, 3.0])) == [3, 3]
