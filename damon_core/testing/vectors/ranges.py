"""Vectors of ranges: setting them, the three of a process, those of a commit."""

from __future__ import annotations

import re
from itertools import pairwise

from ... import target as engine
from ...model import AddrRange
from ...ops import covering_regions, three_regions
from ...paddr import biggest_range, default_range
from ...regions import RegionMap
from ...target import PAGE_SIZE
from ...target_table import TargetTable
from ...vaddr import FixedVaddr
from ..reference.ranges import set_ranges
from ..reference.regions import Region, Target
from .rows import Range, addr_ranges, borders, ranged
from .vector import Vector, evaluates, holds, refusal, same


@evaluates("damon_set_regions", "damon_set_regions (vaddr update)", inputs=("old", "ranges"))
def _set_regions(vector: Vector) -> None:
    inputs = vector.inputs
    unit = inputs.get("min_region_sz", 1)
    region_map = ranged(inputs["old"], min_region_sz=1)
    wanted = addr_ranges(inputs["ranges"])
    vector.expect("err", refusal(lambda: region_map.set_ranges(0, wanted, unit)))
    vector.expect("regions", borders(region_map))


@evaluates("__damon_va_three_regions", inputs=("vmas",))
def _three_ranges(vector: Vector) -> None:
    inputs = vector.inputs
    unit = inputs.get("m", inputs.get("min_region_sz", 1))
    vmas = [tuple(each) for each in inputs["vmas"]]
    strict = inputs.get("strict", False)
    found: list[list[int]] | None = None

    def find() -> None:
        nonlocal found
        ranges = three_regions(vmas, unit, align=inputs.get("align", "down"), strict=strict)
        found = [[r.start, r.end] for r in ranges]

    vector.expect("err", refusal(find))
    vector.expect("regions", found)
    if found is None:
        _check_covering(vmas, unit)


def _check_covering(vmas: list[tuple[int, int]], unit: int) -> None:
    """Difference: where kernels give up, we watch the fewer ranges that there are."""
    ranges = covering_regions(vmas, unit)
    for start, end in vmas:
        inside = [r for r in ranges if r.start <= start and end <= r.end]
        same(f"ranges that hold {start:#x}-{end:#x}", len(inside), 1)
    for lower, upper in pairwise(ranges):
        holds(lower.end < upper.start, f"{lower} and {upper} do not touch")
    holds(all(r.start % unit == r.end % unit == 0 for r in ranges), f"aligned to {unit}")


@evaluates("damon_commit_target_regions", inputs=("dst", "src"))
def _commit_target_regions(vector: Vector) -> None:
    inputs = vector.inputs
    dst, src, unit = inputs["dst"], inputs["src"], inputs["min_region_sz"]
    vector.expect("regions", _committed(dst, src, unit))
    if vector.expects("without_coalescing_v6"):
        target = Target([Region(*each) for each in dst])
        set_ranges(target, src, unit)
        vector.expect("without_coalescing_v6", [[r.start, r.end] for r in target.regions])


def _committed(dst: list[Range], src: list[Range], unit: int) -> list[list[int]]:
    """Regions of a target whose fixed ranges are replaced; pages stand for the vector's units."""
    scale = PAGE_SIZE // unit
    region_map = RegionMap(seed=1, min_region_sz=PAGE_SIZE)
    table = TargetTable(region_map, FixedVaddr(_scaled(dst, scale)))
    try:
        table.add(engine.Target(pid=1))
        region_map.load(0, ranged([[a * scale, b * scale] for a, b in dst]).regions(0))
        if src:  # without ranges a commit has no new address space
            table.space = FixedVaddr(_scaled(src, scale))
            same("faults", table.update_ranges(), [])
    finally:
        table.close()
    return [[start // scale, end // scale] for start, end in borders(region_map)]


def _scaled(ranges: list[Range], scale: int) -> list[AddrRange]:
    return [AddrRange(start * scale, end * scale) for start, end in ranges]


@evaluates(names=("paddr_default_range",))
def _default_range_of_memory(vector: Vector) -> None:
    given = next(iter(vector.inputs.values()))
    ram = [(each[0], each[1]) for each in given if len(each) < 3 or each[2] == "System RAM"]
    for name in vector.expected:
        older = re.search("big|old|largest|v6|7_0", name)
        found = biggest_range(ram) if older else default_range(ram)
        vector.expect(name, [found.start, found.end])
