"""The address axis of a picture: which addresses each column stands for, and where it folds."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from ..model import AddrRange

if TYPE_CHECKING:
    from collections.abc import Iterator

# A stretch that was never accessed is folded where it would take more than this share of the axis.
_FOLD_SHARE = 1 / 8


@frozen
class Column:
    """Addresses of one column, in the area of that number; ``folded``: a long stretch in one."""

    range: AddrRange
    area: int
    folded: bool = False


@frozen
class _Stretch:
    range: AddrRange
    area: int
    folded: bool


def columns_of(
    present: np.ndarray,
    accessed: np.ndarray,
    nr_columns: int,
    *,
    fold: bool = True,
    least: int = 1,
    marks: bool = False,
) -> tuple[Column, ...]:
    """Share out at most ``nr_columns`` columns to the union of the ranges ``present``, by size.

    ``present``, ``accessed``: uint64[N, 2], start and end.  Gaps narrower than a column are drawn
    over.  Each area gets ``least`` columns, but none narrower than a page; if they are too many
    for one each, the largest get one.  ``marks``: leave a column free between areas.
    """
    areas = union(present)
    areas = union(areas, int((areas[:, 1] - areas[:, 0]).sum()) // nr_columns)
    most = (nr_columns + 1) // 2 if marks else nr_columns
    if len(areas) > most:
        largest = np.argsort(areas[:, 1] - areas[:, 0])[::-1][:most]
        areas = areas[np.sort(largest)]
    if not len(areas):
        return ()
    longest = int((areas[:, 1] - areas[:, 0]).sum() * _FOLD_SHARE) if fold else 2**64
    hot = union(accessed)
    stretches = [
        stretch
        for number, (start, end) in enumerate(areas.tolist())
        for stretch in _stretches(AddrRange(start, end), number, hot, longest)
    ]
    room = nr_columns - (len(areas) - 1 if marks else 0)
    if all(stretch.folded for stretch in stretches) or len(stretches) > room:
        stretches = [_Stretch(AddrRange(*area), i, False) for i, area in enumerate(areas.tolist())]
    return tuple(_cut(stretches, room, least))


def union(ranges: np.ndarray, gap: int = 0) -> np.ndarray:
    """Sorted, disjoint ranges that cover the same addresses; no gap is left of up to ``gap``."""
    if not len(ranges):
        return ranges.reshape(0, 2)
    ranges = ranges[np.argsort(ranges[:, 0], kind="stable")]
    ends = np.maximum.accumulate(ranges[:, 1])
    first = np.concatenate([[True], _beyond(ranges[1:, 0], ends[:-1], gap)])
    last = np.concatenate([first[1:], [True]])
    return np.stack([ranges[first, 0], ends[last]], axis=1)


def _beyond(starts: np.ndarray, ends: np.ndarray, gap: int) -> np.ndarray:
    beyond: np.ndarray = (starts > ends) & (starts - ends > gap)
    return beyond


def _stretches(area: AddrRange, number: int, hot: np.ndarray, longest: int) -> Iterator[_Stretch]:
    """An area in pieces: those never accessed and too long are folded."""
    start = area.start
    inside = hot[(hot[:, 0] < area.end) & (hot[:, 1] > area.start)].tolist()
    starts = [area.start, *(end for _, end in inside)]
    ends = [*(start for start, _ in inside), area.end]
    for cold_start, cold_end in zip(starts, ends, strict=True):
        if cold_end - cold_start > longest:
            if start < cold_start:
                yield _Stretch(AddrRange(start, cold_start), number, False)
            yield _Stretch(AddrRange(cold_start, cold_end), number, True)
            start = cold_end
    if start < area.end:
        yield _Stretch(AddrRange(start, area.end), number, False)


def _cut(stretches: list[_Stretch], nr_columns: int, least: int) -> Iterator[Column]:
    total = sum(stretch.range.size for stretch in stretches if not stretch.folded)
    least = max(1, min(least, nr_columns // len(stretches)))
    free = nr_columns - sum(1 if stretch.folded else least for stretch in stretches)
    before = 0
    for stretch in stretches:
        start, size = stretch.range.start, stretch.range.size
        nr = 1
        if not stretch.folded:
            nr = least + free * (before + size) // total - free * before // total
            before += size
        nr = max(1, min(nr, size // 4096))
        edges = [start + size * number // nr for number in range(nr + 1)]
        for low, high in pairwise(edges):
            yield Column(AddrRange(low, high), stretch.area, stretch.folded)
