"""Vectors of derived numbers: rates, ages, temperature, scores, units of addresses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ... import metrics
from ...model import Intervals
from ...target import PAGE_SIZE, Target
from .vector import Vector, evaluates, refusal, same


@evaluates("damon_nr_accesses_to_accesses_bp")
def _accesses_bp(vector: Vector) -> None:
    inputs = vector.inputs
    intervals = Intervals(inputs["sample_us"], inputs["aggr_us"])
    vector.expect("bp", metrics.rate_bp(inputs["nr_accesses"], intervals.nr_samples))


def _cases(inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = inputs.get("columns", ())
    return [
        case if isinstance(case, dict) else dict(zip(columns, case, strict=True))
        for case in inputs["cases"]
    ]


@evaluates("damo", names=("damo_units",), inputs=("cases", "sample_us", "aggr_us"))
def _damo_units(vector: Vector) -> None:
    aggr_us = vector.inputs["aggr_us"]
    nr_samples = Intervals(vector.inputs["sample_us"], aggr_us).nr_samples
    cases = [(case["nr_accesses"], case["age"]) for case in _cases(vector.inputs)]
    vector.expect("percent", [metrics.percent(nr, nr_samples) for nr, _ in cases])
    vector.expect("age_us", [metrics.age_us(age, aggr_us) for _, age in cases])
    vector.expect("idle_us", [metrics.idle_us(nr, age, aggr_us) for nr, age in cases])
    vector.expect("hz", [metrics.hz(nr, aggr_us) for nr, _ in cases])


@evaluates(names=("damo_temperature",), inputs=("cases",))
def _damo_temperature(vector: Vector) -> None:
    """From percent and microseconds, or from nr_accesses and age with the intervals."""
    inputs = vector.inputs
    found = []
    for case in _cases(inputs):
        weights = case.get("weights") or inputs.get("weights") or (0, 100, 100)
        percent, age_us = case.get("percent"), case.get("age_us")
        if percent is None:
            intervals = Intervals(inputs["sample_us"], inputs["aggr_us"])
            percent = metrics.percent(case["nr_accesses"], intervals.nr_samples)
        if age_us is None:
            age_us = metrics.age_us(case["age"], inputs["aggr_us"])
        size = case.get("size", case.get("sz", 0))
        found.append(metrics.temperature(size, percent, age_us, tuple(weights)))
    for name in vector.expected:
        vector.expect(name, found)


@evaluates("damon_hot_score", inputs=("cases", "sample_us", "aggr_us"))
def _hot_score(vector: Vector) -> None:
    aggr_us = vector.inputs["aggr_us"]
    nr_samples = Intervals(vector.inputs["sample_us"], aggr_us).nr_samples
    hot, cold = [], []
    for case in _cases(vector.inputs):
        nr, age = case.pop("nr_accesses"), case.pop("age")
        hot.append(metrics.hot_score(nr, age, nr_samples=nr_samples, aggr_us=aggr_us, **case))
        cold.append(metrics.cold_score(nr, age, nr_samples=nr_samples, aggr_us=aggr_us, **case))
    vector.expect("hot", hot)
    same("cold", cold, [99 - score for score in hot])
    if vector.expects("cold"):
        vector.expect("cold", cold)


@evaluates("damon_pa_phys_addr", inputs=("cases",))
def _addr_unit(vector: Vector) -> None:
    """Difference: our addresses are bytes on every machine, so the unit is always 1."""
    sizes = [max(page // unit, 1) for unit, page in vector.inputs["cases"]]
    valid = [size & (size - 1) == 0 for size in sizes]
    vector.expect("min_region_sz", sizes)
    vector.expect("valid", valid)
    same("min_region_sz", Target.physical().min_region_sz, PAGE_SIZE)
    for unit, size in zip(vector.inputs["cases"], sizes, strict=True):
        fits = size >= PAGE_SIZE and size & (size - 1) == 0
        refused = refusal(partial(Target.physical, min_region_sz=size))
        same(f"min_region_sz {size} of unit {unit}", refused, 0 if fits else "EINVAL")
