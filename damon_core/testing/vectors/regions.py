"""Vectors of single regions: new, reset, cut, aged, merged."""

from __future__ import annotations

from typing import Any

from ..._native import ffi, lib
from ...model import AddrRange
from ...regions import RegionMap
from ..reference.regions import Region, merge_regions
from . import kernel_rules
from .rows import borders, column, loaded, merge_pass, row
from .vector import Vector, evaluates, holds, same


@evaluates("damon_new_region")
def _region_new(vector: Vector) -> None:
    region_map = RegionMap(seed=1, min_region_sz=1)
    target = region_map.add_target(1, 1)
    region_map.set_ranges(target, [AddrRange(vector.inputs["start"], vector.inputs["end"])], 1)
    rows = region_map.regions(target)
    same("number of regions", len(rows), 1)
    for name in vector.expected:
        vector.expect(name, column(rows, name)[0])


@evaluates("damon_is_last_region")
def _is_last_region(vector: Vector) -> None:
    region_map = RegionMap(seed=1, min_region_sz=1)
    target = region_map.add_target(1, 1)
    appended: list[AddrRange] = []
    last = []
    for start, end in vector.inputs["appended"]:
        appended.append(AddrRange(start, end))
        region_map.set_ranges(target, appended, 1)
        last.append(borders(region_map)[-1] == [start, end])
    vector.expect("is_last", last)


@evaluates("kdamond_reset_aggregated")
def _reset_aggregated(vector: Vector) -> None:
    region_map = loaded(*([row(*r) for r in target] for target in vector.inputs["targets"]))
    region_map.reset_aggregated()
    targets = [region_map.regions(i) for i in range(region_map.nr_targets)]
    for rows, target in zip(targets, vector.inputs["targets"], strict=True):
        same("start", column(rows, "start"), [r[0] for r in target])
        same("end", column(rows, "end"), [r[1] for r in target])
        for nr in column(rows, "nr_accesses"):
            vector.expect("nr_accesses_all", nr)
        vector.expect("nr_regions_per_target", len(rows))
    vector.expect("nr_targets", len(targets))
    vector.expect("last_nr_accesses", [column(rows, "last_nr_accesses") for rows in targets])


@evaluates("damon_split_region_at")
def _split_at(vector: Vector) -> None:
    inputs = vector.inputs
    hits = inputs.get("probe_hits0", 0)
    start, end = inputs["region"]
    nr, last, age = (inputs.get(name, 0) for name in ("nr_accesses", "last_nr_accesses", "age"))
    left, right = row(start, end, nr, last, age, hits), row(0, 0)
    c_left, c_right = (ffi.cast("struct damon_region *", r.ctypes.data) for r in (left, right))
    lib.damon_split_region_at(c_left, c_right, inputs["sz_left"])
    parts = [left, right]
    vector.expect("regions", [[int(p["start"][0]), int(p["end"][0])] for p in parts])
    for name in ("nr_accesses", "last_nr_accesses", "age"):
        vector.expect(name, [int(p[name][0]) for p in parts])
    if vector.expects("probe_hits0"):  # difference: ours are reports, shared out
        same("probe hits of kernels", [hits, hits], vector.wanted("probe_hits0"))
        same("sum of hits", sum(int(p["hits"][0, 0]) for p in parts), hits)
    if vector.expects("last_probe_hits0"):
        last = inputs["last_probe_hits0"]
        same("last probe hits of kernels", [last, last], vector.wanted("last_probe_hits0"))


@evaluates("damon_merge_two_regions", inputs=("left", "right"))
def _merge_two(vector: Vector) -> None:
    left, right = vector.inputs["left"], vector.inputs["right"]
    region_map = loaded([_described(left), _described(right)])
    merge_pass(region_map, threshold=2**32 - 1, sz_limit=2**64 - 1, count_age=False)
    rows = region_map.regions(0)
    same("number of regions", len(rows), 1)
    vector.expect("range", borders(region_map)[0])
    for name in ("nr_accesses", "last_nr_accesses", "age"):
        if vector.expects(name):
            vector.expect(name, column(rows, name)[0])
    if vector.expects("nr_regions"):
        vector.expect("nr_regions", len(rows))
    if vector.expects("nr_accesses_bp_v6"):
        vector.expect("nr_accesses_bp_v6", column(rows, "nr_accesses")[0] * 10_000)
    if vector.expects("probe_hits0"):  # difference: ours are reports, added up
        sizes = [part["range"][1] - part["range"][0] for part in (left, right)]
        hits = [part["probe_hits0"] for part in (left, right)]
        mean = (hits[0] * sizes[0] + hits[1] * sizes[1]) // sum(sizes)
        same("probe hits of kernels", mean, vector.wanted("probe_hits0"))
        same("sum of hits", int(rows["hits"][0, 0]), sum(hits))


def _described(part: dict[str, Any]) -> Any:
    start, end = part["range"]
    age, hits = part.get("age", 0), part.get("probe_hits0", 0)
    return row(start, end, part["nr_accesses"], _last(part), age, hits)


@evaluates("damon_merge_regions_of", inputs=("regions", "threshold"))
def _merge_regions_of(vector: Vector) -> None:
    inputs = vector.inputs
    names = inputs.get("columns", ("start", "end", "nr_accesses", "last_nr_accesses", "age"))
    regions = [dict(zip(names, values, strict=False)) for values in inputs["regions"]]
    region_map = loaded(
        [
            row(r["start"], r["end"], r.get("nr_accesses", 0), _last(r), r.get("age", 0))
            for r in regions
        ]
    )
    count_age = inputs.get("count_age", False)
    sz_limit = inputs.get("sz_limit", 2**64 - 1)
    merge_pass(region_map, inputs["threshold"], sz_limit, count_age)
    rows = region_map.regions(0)
    if vector.expects("regions"):
        _expect_regions(vector, rows)
    for name, of in (
        ("derived_nr_accesses", "nr_accesses"),
        ("nr_accesses", "nr_accesses"),
        ("derived_age_zero_rule", "age"),
        ("age", "age"),
        ("last_nr_accesses", "last_nr_accesses"),
    ):
        if vector.expects(name):
            vector.expect(name, column(rows, of))
    if vector.expects("nr_regions"):
        vector.expect("nr_regions", len(rows))
    if vector.expects("derived_age_no_zero_rule"):
        vector.expect("derived_age_no_zero_rule", _ages_before_6_18(regions, inputs, sz_limit))


def _last(region: dict[str, int]) -> int:
    return region.get("last_nr_accesses", region.get("last", 0))


def _expect_regions(vector: Vector, rows: Any) -> None:
    """Rows of the vector may have only borders, or counters behind them."""
    names = ("start", "end", "nr_accesses", "last_nr_accesses", "age")
    width = max((len(each) for each in vector.wanted("regions")), default=2)
    columns = [column(rows, name) for name in names[:width]]
    vector.expect("regions", [list(each) for each in zip(*columns, strict=True)])


def _ages_before_6_18(regions: list[dict[str, int]], inputs: Any, sz_limit: int) -> list[int]:
    threshold = inputs["threshold"]
    aged = [
        Region(
            r["start"],
            r["end"],
            nr_accesses=r["nr_accesses"],
            age=kernel_rules.age_before_6_18(
                r["nr_accesses"], _last(r), r.get("age", 0), threshold
            ),
        )
        for r in regions
    ]
    merge_regions(aged, threshold, sz_limit, count_age=False)
    return [r.age for r in aged]


@evaluates("damon_merge_regions_of", inputs=("cases",))
def _age_rule(vector: Vector) -> None:
    cases = vector.inputs["cases"]
    ages = []
    for case in cases:
        region_map = loaded([row(0, 1, case["nr"], case["last"], case["age"])])
        merge_pass(region_map, case["threshold"], sz_limit=1, count_age=True)
        ages.append(column(region_map.regions(0), "age")[0])
    vector.expect("age", ages)
    if vector.expects("age_without_zero_rule"):
        vector.expect(
            "age_without_zero_rule",
            [
                kernel_rules.age_before_6_18(c["nr"], c["last"], c["age"], c["threshold"])
                for c in cases
            ],
        )


@evaluates("kdamond_merge_regions", inputs=("first_threshold", "max_thres"))
def _merge_thresholds(vector: Vector) -> None:
    threshold, highest = vector.inputs["first_threshold"], vector.inputs["max_thres"]
    thresholds = [threshold]
    while threshold < highest:
        threshold = int(lib.damon_next_merge_threshold(threshold, highest))
        holds(threshold > thresholds[-1], f"threshold grows after {thresholds}")
        thresholds.append(threshold)
    vector.expect("thresholds", thresholds)


@evaluates("kdamond_fn", names=("merge_first_threshold",), inputs=("max_nr_accesses",))
def _merge_first_threshold(vector: Vector) -> None:
    """Seen from outside: neighbours merge in the first pass up to that difference."""
    for nr, threshold in zip(
        vector.inputs["max_nr_accesses"], vector.wanted("threshold"), strict=True
    ):
        same(f"{nr} and {threshold} less merge", _nr_after_merge(nr, nr - threshold), 1)
        if nr > threshold:
            same(f"{nr} and {threshold + 1} less", _nr_after_merge(nr, nr - threshold - 1), 2)


def _nr_after_merge(nr: int, neighbour: int) -> int:
    region_map = loaded([row(0, 1, nr), row(1, 2, neighbour)])
    region_map.merge(max(nr, 1), max_nr_regions=1000, sz_limit=2)
    return region_map.nr_regions
