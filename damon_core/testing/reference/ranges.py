"""Setting the ranges of a target, in plain Python: what stays, what is cut, what is new."""

from __future__ import annotations

from collections.abc import Sequence

from .regions import Region, Target, align_down, align_up

Range = tuple[int, int]


def aligned(ranges: Sequence[Range], min_region_sz: int) -> list[Range]:
    """Ranges grown to whole units; ValueError if one is empty, or overlaps or precedes another."""
    result: list[Range] = []
    for start, end in ranges:
        low, high = align_down(start, min_region_sz), align_up(end, min_region_sz)
        if start >= end or low >= high:
            raise ValueError(f"empty range {start:#x}-{end:#x}")
        if result and low < result[-1][1]:
            raise ValueError(f"range {start:#x}-{end:#x} overlaps or precedes the one before")
        result.append((low, high))
    return result


def set_ranges(
    target: Target, ranges: Sequence[Range], min_region_sz: int, nr_sources: int = 0
) -> None:
    """Keep what lies in the ranges with its counters, drop the rest, fill holes with new regions.

    A region that spans two ranges stays in the first; borders inside a range are aligned down,
    which can leave nothing of a region.  ValueError, and nothing changed, for bad ranges.
    """

    def fresh(start: int, end: int) -> Region:
        return Region(start, end, hits=[0] * nr_sources)

    borders = aligned(ranges, min_region_sz)
    left = [r for r in target.regions if any(_intersect(r, each) for each in ranges)]
    result: list[Region] = []
    for wanted, (low, high) in zip(ranges, borders, strict=True):
        inside = []
        while left and left[0].start < wanted[1]:
            region = left.pop(0)
            if _intersect(region, wanted):
                inside.append(region)
        if not inside:
            inside = [fresh(low, high)]
        for region in inside:
            region.start = align_down(region.start, min_region_sz)
            region.end = align_down(region.end, min_region_sz)
        inside[0].start, inside[-1].end = low, high
        at = low
        for region in inside:
            result += [r for r in (fresh(at, region.start), region) if r.start < r.end]
            at = region.end
    target.regions[:] = result
    target.min_region_sz = min_region_sz


def _intersect(region: Region, wanted: Range) -> bool:
    return region.start < wanted[1] and wanted[0] < region.end


def joined(ranges: Sequence[Range]) -> list[Range]:
    """Neighbours that touch made one, so that setting them keeps the splits of the target."""
    result: list[Range] = []
    for start, end in ranges:
        if result and result[-1][1] == start:
            result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result
