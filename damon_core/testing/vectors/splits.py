"""Vectors of splitting: at random, by plan, and to keep min_nr_regions."""

from __future__ import annotations

from typing import Any

from ..._native import lib
from ...model import AddrRange, NrRegions
from ...regions import RegionMap
from . import kernel_rules
from .rows import Range, borders, loaded, ranged, row
from .vector import Mismatch, Vector, cases, evaluates, holds, refusal, same

_SEEDS = range(40)


def _split_of(ranges: list[Range], nr_pieces: int, unit: int, seed: int) -> list[list[int]]:
    region_map = ranged(ranges, unit, seed)
    same("error", lib.damon_split_regions_of(region_map.c, 0, nr_pieces), 0)
    return borders(region_map)


def _check_cover(parts: list[list[int]], ranges: list[Range]) -> None:
    """Mismatch unless the parts are the ranges, each cut into pieces."""
    at = 0
    for start, end in ranges:
        same("start of a part", parts[at][0], start)
        while parts[at][1] != end:
            same("start of a part", parts[at + 1][0], parts[at][1])
            at += 1
        at += 1
    same("number of parts", len(parts), at)


@evaluates("damon_split_regions_of", inputs=("cases",))
def _split_bounds(vector: Vector) -> None:
    vector.wanted("coverage")
    for case, most, unit in zip(
        vector.inputs["cases"],
        vector.wanted("max_nr_regions"),
        vector.wanted("all_sizes_multiple_of"),
        strict=True,
    ):
        for seed in _SEEDS:
            parts = _split_of(case["regions"], case["nr_subs"], case["min_region_sz"], seed)
            holds(len(parts) <= most, f"{len(parts)} parts of {case['regions']} <= {most}")
            sizes = [end - start for start, end in parts]
            holds(not any(size % unit for size in sizes), f"sizes {sizes} are multiples of {unit}")
            _check_cover(parts, case["regions"])


@evaluates(names=("split_sizes_allowed",))
def _split_sizes_allowed(vector: Vector) -> None:
    """The sizes that the left part can have, seen over many draws."""
    seen = [_left_sizes(case) for case in cases(vector.inputs)]
    for name in vector.expected:
        wanted = vector.wanted(name)
        if "cases" not in vector.inputs:
            wanted = [wanted]
        same(name, seen, [sorted(set(each)) for each in wanted])


def _left_sizes(case: dict[str, Any]) -> list[int]:
    size = next((case[name] for name in ("size", "sz", "region_sz") if name in case), None)
    size = size or case["region"][1] - case["region"][0]
    unit = case.get("min_region_sz") or case.get("min") or 1
    firsts = [_split_of([[0, size]], 2, unit, seed)[0][1] for seed in range(400)]
    return sorted({first for first in firsts if first < size})


@evaluates("kdamond_split_regions", inputs=("cases",))
def _split_plan(vector: Vector) -> None:
    numbers = [
        (case["nr_regions"], case["last_nr_regions"], case["max_nr_regions"])
        for case in cases(vector.inputs)
    ]
    vector.expect("newest", [_plan(*each) for each in numbers])
    if vector.expects("v6_12_to_7_1"):
        vector.expect("v6_12_to_7_1", [kernel_rules.split_plan_to_7_1(*each) for each in numbers])


def _plan(nr: int, last_nr: int, max_nr: int) -> str:
    plan = lib.damon_plan_split(nr, last_nr, max_nr)
    if plan.nr_pieces == 0:
        return "none"
    return f"some:{plan.stride}" if plan.stride > 1 else f"all:{plan.nr_pieces}"


@evaluates("kdamond_split_regions", inputs=("nr_regions", "region_sz", "max_nr_regions"))
def _split_above_half(vector: Vector) -> None:
    inputs = vector.inputs
    size = inputs["region_sz"]
    rows = [row(i * size, (i + 1) * size, 0 if i % 2 else 100) for i in range(inputs["nr_regions"])]
    for seed in _SEEDS:
        region_map = loaded(rows, min_region_sz=inputs["min_region_sz"], seed=seed)
        region_map.split(inputs["max_nr_regions"])
        nr = region_map.nr_regions
        holds(nr > vector.wanted("nr_after_gt"), f"{nr} regions after the split are more")
        holds(nr <= vector.wanted("nr_after_le"), f"{nr} regions after the split are not too many")


@evaluates("damon_apply_min_nr_regions")
def _apply_min_nr_regions(vector: Vector) -> None:
    inputs = vector.inputs
    region_map = ranged(inputs.get("regions") or [inputs["region"]], inputs["min_region_sz"])
    limit = region_map.apply_min_nr_regions(inputs["min_nr_regions"])
    vector.expect("max_region_sz", limit)
    vector.expect("nr_regions", region_map.nr_regions)
    vector.expect("regions", borders(region_map))


@evaluates("damon_va_evenly_split_region")
def _split_evenly(vector: Vector) -> None:
    """Difference: ours are pieces of at most the size limit, the last one smaller."""
    start, end = vector.inputs["region"]
    nr, unit = vector.inputs["nr_pieces"], vector.inputs["min_region_sz"]
    pieces = kernel_rules.split_evenly(start, end, nr, unit)
    vector.expect("err", 0 if pieces else "EINVAL")
    vector.expect("regions", pieces or [[start, end]])
    if nr == 0:
        same("nr_regions of 0", refusal(lambda: NrRegions(0, 1000)), "EINVAL")
        return
    region_map = ranged([[start, end]], unit)
    limit = region_map.apply_min_nr_regions(nr)
    parts = borders(region_map)
    _check_cover(parts, [[start, end]])
    sizes = [right - left for left, right in parts]
    same("sizes of all but the last", set(sizes[:-1]) - {limit}, set())
    holds(sizes[-1] <= limit, f"last size {sizes[-1]} <= {limit}")
    holds(len(parts) >= nr or limit == unit, f"{len(parts)} parts are at least {nr}")


@evaluates(names=("seed_fixed_granularity",), inputs=("total", "min_nr_regions", "target_min"))
def _fixed_granularity(vector: Vector) -> None:
    """Windows of all kinds of rates: once every region is one unit, it stays so."""
    total, least = vector.inputs["total"], vector.inputs["target_min"]
    min_nr = vector.inputs["min_nr_regions"]
    vector.expect("limit", int(lib.damon_size_limit(total, min_nr, least)))
    region_map = RegionMap(seed=1, min_region_sz=1)
    region_map.set_ranges(region_map.add_target(1, least), [AddrRange(0, total)], least)
    limit = region_map.apply_min_nr_regions(min_nr)
    for _ in range(20):
        vector.expect("fixed_point_regions", region_map.nr_regions)
        region_map.merge(20, 1000, limit)
        limit = region_map.apply_min_nr_regions(min_nr)
        region_map.reset_aggregated()
        region_map.split(1000)


@evaluates(names=("seed_target_sz_limit",))
def _target_size_limit(vector: Vector) -> None:
    """Two neighbours as large as the limit merge, and one unit more do not."""
    for name in vector.expected:
        wanted = vector.wanted(name) if "cases" in vector.inputs else [vector.wanted(name)]
        for case, limit in zip(cases(vector.inputs, "sz_limit", "target_min"), wanted, strict=True):
            values = list(case.values())
            holds(_merges(limit, *values), f"{values}: regions up to {limit} merge")
            holds(not _merges(limit + 1, *values), f"{values}: above {limit} they do not")


def _merges(size: int, sz_limit: int, target_min: int) -> bool:
    if size < 2:
        raise Mismatch(f"size limit {size}: cannot be tried")
    region_map = RegionMap(seed=1, min_region_sz=1)
    target = region_map.add_target(1, target_min)
    region_map.load(target, ranged([[0, size // 2], [size // 2, size]]).regions(0))
    region_map.merge(20, 1000, sz_limit)
    return region_map.nr_regions == 1
