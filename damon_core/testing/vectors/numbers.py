"""Vectors of derived numbers: rates, ages, temperature, scores, units of addresses."""

from __future__ import annotations

from functools import partial

from ... import metrics
from ...model import Intervals
from ...target import PAGE_SIZE, Target
from .vector import Vector, cases, evaluates, refusal, same


@evaluates("damon_nr_accesses_to_accesses_bp")
def _accesses_bp(vector: Vector) -> None:
    inputs = vector.inputs
    intervals = Intervals(inputs["sample_us"], inputs["aggr_us"])
    vector.expect("bp", metrics.rate_bp(inputs["nr_accesses"], intervals.nr_samples))


@evaluates("damo", names=("damo_units",), inputs=("cases", "sample_us", "aggr_us"))
def _damo_units(vector: Vector) -> None:
    aggr_us = vector.inputs["aggr_us"]
    nr_samples = Intervals(vector.inputs["sample_us"], aggr_us).nr_samples
    pairs = [(case["nr_accesses"], case["age"]) for case in cases(vector.inputs)]
    vector.expect("percent", [metrics.percent(nr, nr_samples) for nr, _ in pairs])
    vector.expect("age_us", [metrics.age_us(age, aggr_us) for _, age in pairs])
    vector.expect("idle_us", [metrics.idle_us(nr, age, aggr_us) for nr, age in pairs])
    vector.expect("hz", [metrics.hz(nr, aggr_us) for nr, _ in pairs])


@evaluates(names=("damo_temperature",))
def _damo_temperature(vector: Vector) -> None:
    """From percent and microseconds, or from nr_accesses and age with the intervals."""
    inputs = vector.inputs
    found = []
    for case in cases(inputs):
        named = [weight for name, weight in case.items() if name.startswith(("w0", "w1", "w2"))]
        weights = case.get("weights") or inputs.get("weights") or named or (0, 100, 100)
        percent, age_us = case.get("percent"), case.get("age_us")
        if percent is None:
            intervals = Intervals(inputs["sample_us"], inputs["aggr_us"])
            percent = metrics.percent(case["nr_accesses"], intervals.nr_samples)
        if age_us is None:
            age_us = metrics.age_us(case["age"], inputs["aggr_us"])
        size = case.get("size", case.get("sz", 0))
        found.append(metrics.temperature(size, percent, age_us, tuple(weights)))
    for name in vector.expected:
        vector.expect(name, found if "cases" in inputs else found[0])


@evaluates("damon_hot_score", inputs=("cases", "sample_us", "aggr_us"))
def _hot_score(vector: Vector) -> None:
    aggr_us = vector.inputs["aggr_us"]
    nr_samples = Intervals(vector.inputs["sample_us"], aggr_us).nr_samples
    hot, cold = [], []
    for case in cases(vector.inputs):
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
