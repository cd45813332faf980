"""Vectors of time: samples in a window, which tick ends what, moving sum, other intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...model import Intervals
from ...regions import moving_sum
from ...schedule import Schedule
from ...tuning import IntervalsGoal
from ..reference.ticks import moving_sum as reference_moving_sum
from . import kernel_rules
from .rows import column, loaded, row
from .vector import Vector, cases, evaluates, holds, same


@evaluates("damon_nr_samples_per_aggr (damon_max_nr_accesses)", "damon_nr_samples_per_aggr")
def _nr_samples_per_aggr(vector: Vector) -> None:
    vector.expect(
        "max_nr_accesses",
        [Intervals(sample, aggr).nr_samples for sample, aggr in vector.inputs["cases"]],
    )


@evaluates("kdamond_fn", names=("schedule_",), inputs=("sample_us", "aggr_us", "ticks"))
def _schedule(vector: Vector) -> None:
    inputs = vector.inputs
    intervals = Intervals(inputs["sample_us"], inputs["aggr_us"], inputs["update_us"])
    ours = Schedule(intervals)
    aggregation_at, ops_update_at, tune_at = [], [], []
    goal = IntervalsGoal(aggrs=inputs.get("goal_aggrs", 0))
    for tick in range(1, inputs["ticks"] + 1):
        ours.tick()
        if ours.aggregation_due:
            aggregation_at.append(tick)
            ours.aggregated()
            if goal.due(len(aggregation_at)):
                tune_at.append(tick)
        if ours.ops_update_due:
            ops_update_at.append(tick)
            ours.updated()
    vector.expect("aggregation_at", aggregation_at)
    vector.expect("ops_update_at", ops_update_at)
    vector.expect("intervals_tune_at", tune_at)


@evaluates("damon_set_attrs", names=("schedule_online_change",), inputs=("passed", "new"))
def _schedule_change(vector: Vector) -> None:
    inputs, new = vector.inputs, vector.inputs["new"]
    ours = Schedule(Intervals(1, inputs["next_aggregation"], 10**9))
    for _ in range(inputs["passed"]):
        ours.tick()
    vector.expect("aggregating", not ours.aggregation_due)
    ours.change(Intervals(new["sample_us"], new["aggr_us"], new["update_us"]))
    vector.expect("next_aggregation", ours.next_aggregation)
    vector.expect("next_ops_update", ours.next_ops_update)


def _moving_sum(nr: int, last: int, left: int, window: int) -> int:
    counted, counted_last = (np.array([x], np.uint32) for x in (nr, last))
    got = int(moving_sum(counted, counted_last, left, window)[0])
    same("moving sum of the reference", got, reference_moving_sum(nr, last, window, left))
    return got


@evaluates("damon_nr_accesses_mvsum", inputs=("cases",))
def _nr_accesses_mvsum(vector: Vector) -> None:
    inputs = vector.inputs
    intervals = Intervals(inputs.get("sample_us", 1), inputs.get("aggr_us", 10))
    results = []
    for case in cases(inputs, "passed", "next_aggregation", "nr_accesses", "last_nr_accesses"):
        left = case["next_aggregation"] - case["passed"]
        nr, last = case["nr_accesses"], case["last_nr_accesses"]
        results.append(_moving_sum(nr, last, left, intervals.nr_samples))
    vector.expect("result", results)


@evaluates("damon_mvsum", names=("mvsum",))
def _mvsum(vector: Vector) -> None:
    """From the counts of two windows and what is left of this one, in basis points."""
    results = []
    for case in cases(vector.inputs, "nr_accesses", "last_nr_accesses", "left_bp"):
        last = next(value for name, value in case.items() if name.startswith("last"))
        left_bp = next(value for name, value in case.items() if name.startswith("left"))
        nr = next(value for name, value in case.items() if not name.startswith(("last", "left")))
        results.append(_moving_sum(nr, last, left_bp, 10_000))
    for name in vector.expected:
        vector.expect(name, results if "cases" in vector.inputs else results[0])


@evaluates("damon_moving_sum", inputs=("mvsum", "nomvsum", "len_window", "new_values"))
def _moving_sum_v6(vector: Vector) -> None:
    """Difference: ours is computed on demand, so that nothing is left when a window ends."""
    inputs = vector.inputs
    _replay_running_sum(
        vector, inputs["mvsum"], inputs["nomvsum"], inputs["len_window"], inputs["new_values"]
    )


@evaluates("damon_update_region_access_rate", inputs=("start_bp", "last_nr_accesses", "accessed"))
def _moving_sum_v6_residue(vector: Vector) -> None:
    inputs = vector.inputs
    new_bp = [10_000 * accessed for accessed in inputs["accessed"]]
    last_bp = inputs["last_nr_accesses"] * 10_000
    _replay_running_sum(vector, inputs["start_bp"], last_bp, inputs["len_window"], new_bp)


def _replay_running_sum(
    vector: Vector, start_bp: int, last_bp: int, window: int, new_bp: list[int]
) -> None:
    chain = kernel_rules.moving_sum_bp(start_bp, last_bp, window, new_bp)
    vector.expect("chain", chain)
    nr, last = 0, last_bp // 10_000
    same("moving sum at the start of a window", _moving_sum(nr, last, window, window), last)
    for passed, (new, running_bp) in enumerate(zip(new_bp, chain, strict=True), start=1):
        nr += new // 10_000
        ours = _moving_sum(nr, last, window - passed, window)
        holds(abs(ours - running_bp // 10_000) <= 1, f"{ours} is {running_bp} bp, rounded")
        if passed == window:
            same("moving sum at the end of a window", ours, nr)


@evaluates(
    "damon_update_monitoring_result", "damon_update_monitoring_results", inputs=("old", "new")
)
def _update_monitoring_result(vector: Vector) -> None:
    inputs = vector.inputs
    counters = [inputs.get(name, 0) for name in ("nr_accesses", "last_nr_accesses", "age")]
    region_map = loaded([row(0, 1, *counters)])
    old, new = (_intervals(inputs[name]) for name in ("old", "new"))
    region_map.update_results(old, new, inputs["aggregating"])
    for name in vector.expected:
        vector.expect(name, column(region_map.regions(0), name)[0])


def _intervals(given: Any) -> Intervals:
    sample_us, aggr_us = given
    return Intervals(sample_us, aggr_us)
