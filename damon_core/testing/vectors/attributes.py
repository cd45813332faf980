"""Vectors of attributes: what is valid, what is the default, how intervals tune themselves."""

from __future__ import annotations

import mmap
import operator
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from ...model import Intervals, NrRegions
from ...spec import ContextSpec
from ...tuning import IntervalsGoal, adaptation_bp, next_input
from . import kernel_rules
from .runs import monitor
from .vector import Mismatch, Vector, evaluates, holds, refusal, same


@evaluates("damon_set_attrs", inputs=("sample_us", "aggr_us", "update_us", "min_nr", "max_nr"))
def _set_attrs(vector: Vector) -> None:
    vector.expect("err", refusal(lambda: _apply_attrs(vector.inputs)))


def _apply_attrs(given: Mapping[str, Any]) -> None:
    intervals = Intervals(given["sample_us"], given["aggr_us"], given["update_us"])
    NrRegions(given["min_nr"], given["max_nr"])
    if goal := given.get("goal"):
        IntervalsGoal(**goal).check(intervals)


@evaluates("damon_new_ctx", names=("defaults",))
def _defaults(vector: Vector) -> None:
    """Differences: targets are followed every second, as damo asks; addresses are in bytes."""
    intervals, limits = Intervals(), NrRegions()
    vector.expect("sample_us", intervals.sample_us)
    vector.expect("aggr_us", intervals.aggr_us)
    same("update_us of kernels", kernel_rules.UPDATE_US, vector.wanted("update_us"))
    same("ops_update_us", intervals.ops_update_us, 1_000_000)
    vector.expect("min_nr_regions", limits.min)
    vector.expect("max_nr_regions", limits.max)
    vector.expect("addr_unit", kernel_rules.ADDR_UNIT)
    same("min_region_sz", "page size", vector.wanted("min_region_sz"))
    same("min_region_sz", ContextSpec().min_region_sz, mmap.PAGESIZE)
    if vector.expects("primitives"):
        vector.expect("primitives", dict(kernel_rules.PRIMITIVES))


@evaluates("damon_primitives_enabled_invalid", inputs=("cases",))
def _primitives_valid(vector: Vector) -> None:
    """Difference: any primitives can be used together; only none is refused."""
    vector.expect("err", [kernel_rules.primitives_errno(*case) for case in vector.inputs["cases"]])
    for case in vector.inputs["cases"]:
        nr = sum(case)
        same(f"{nr} primitives", refusal(partial(monitor, nr)), 0 if nr else "EINVAL")


@evaluates("damon_get_intervals_adaptation_bp")
def _intervals_adaptation(vector: Vector) -> None:
    vector.expect("adaptation_bp", [adaptation_bp(score) for score in vector.inputs["score"]])


@evaluates("kdamond_tune_intervals", inputs=("cases", "aggr_samples"))
def _intervals_tuned(vector: Vector) -> None:
    inputs = vector.inputs
    goal = IntervalsGoal(
        min_sample_us=inputs["min_sample_us"], max_sample_us=inputs["max_sample_us"]
    )
    tuned: list[list[int] | None] = []
    for case in inputs["cases"]:
        sample_us = case["sample_us"]
        now = Intervals(sample_us, sample_us * inputs["aggr_samples"], 10**9)
        new = goal.tuned(now, case["score"])
        tuned.append([new.sample_us, new.aggr_us] if new else None)
    vector.expect("new", tuned)


_RELATION = re.compile(r"(?P<left>.+?) *(?P<sign>[<>]) *(?P<right>.+)")
_CALL = re.compile(r"f\((\d+), *(\d+)\)")


@evaluates("damon_feed_loop_next_input")
def _feed_loop(vector: Vector) -> None:
    last = vector.inputs["last"]
    for relation in vector.wanted("relations"):
        parts = _RELATION.fullmatch(relation)
        if parts is None:
            raise Mismatch(f"relation {relation!r} cannot be read")
        compare = {"<": operator.lt, ">": operator.gt}[parts["sign"]]
        holds(compare(_term(parts["left"]), _term(parts["right"])), relation)
    for score, wanted in vector.wanted("derived_values").items():
        same(f"f({last},{score})", next_input(last, int(score)), wanted)


def _term(text: str) -> int:
    call = _CALL.fullmatch(text)
    return next_input(int(call[1]), int(call[2])) if call else int(text)
