"""Operations sets: what of an address space is to be monitored."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np

from .errors import ConfigError
from .model import AddrRange, Ops
from .target import PAGE_SIZE, Target


class AddressSpace(Protocol):
    """One operations set: says which ranges of a target to monitor."""

    @property
    def ops(self) -> Ops:
        """Which of the three it is."""

    def ranges(self, target: Target) -> tuple[AddrRange, ...] | None:
        """Ranges of ``target`` now, sorted, aligned to its min_region_sz; None: keep the old."""


def three_regions(
    mappings: Sequence[tuple[int, int]] | np.ndarray,
    min_region_sz: int = 1,
    *,
    align: str = "down",
    strict: bool = False,
) -> tuple[AddrRange, ...]:
    """Three ranges that hold all mappings, apart by the two biggest gaps; of equal gaps the lower.

    ``mappings``: (start, end) by address, or the ``start``, ``end`` of MAPPING_DTYPE.  Starts are
    aligned down and ends up to ``min_region_sz``; ranges that then touch become one, so there may
    be fewer than three (the kernel refuses them, as ``strict`` does here).  ``align="up"`` moves
    starts up too, as kernels do.  ValueError: fewer than two gaps, or touching ranges if strict.
    """
    starts, ends = _bounds(mappings)
    gaps = _two_biggest_gaps(starts, ends)
    if len(gaps) < 2:
        raise ValueError("fewer than two gaps between the mappings")
    return _aligned(_cut(starts, ends, gaps), min_region_sz, align, strict)


def covering_regions(
    mappings: Sequence[tuple[int, int]] | np.ndarray, min_region_sz: int = 1
) -> tuple[AddrRange, ...]:
    """As :func:`three_regions`, but one or two ranges where there are fewer gaps, () of nothing."""
    starts, ends = _bounds(mappings)
    if len(starts) == 0:
        return ()
    gaps = _two_biggest_gaps(starts, ends)
    return _aligned(_cut(starts, ends, gaps), min_region_sz, "down", strict=False)


def _bounds(mappings: Sequence[tuple[int, int]] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(mappings, np.ndarray) and mappings.dtype.names:
        return mappings["start"], mappings["end"]
    pairs = np.array(mappings, np.uint64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _two_biggest_gaps(starts: np.ndarray, ends: np.ndarray) -> list[int]:
    """Indices, ascending, of the mappings before the (up to two) biggest gaps."""
    sizes = starts[1:] - ends[:-1]
    biggest = []
    for _ in range(min(2, len(sizes))):
        index = int(sizes.argmax())  # the first of equals: the lower gap
        if sizes[index]:
            biggest.append(index)
        sizes[index] = 0
    return sorted(biggest)


def _cut(starts: np.ndarray, ends: np.ndarray, gaps: list[int]) -> list[AddrRange]:
    firsts = [0, *(index + 1 for index in gaps)]
    lasts = [*gaps, len(starts) - 1]
    return [
        AddrRange(int(starts[first]), int(ends[last]))
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _aligned(ranges: list[AddrRange], size: int, align: str, strict: bool) -> tuple[AddrRange, ...]:
    result: list[AddrRange] = []
    for given in ranges:
        start = align_up(given.start, size) if align == "up" else align_down(given.start, size)
        end = align_up(given.end, size)
        touches = bool(result) and start <= result[-1].end
        if strict and (touches or start >= end):
            raise ValueError(f"ranges touch when aligned to {size}: at {start:#x}")
        if touches:
            result[-1] = AddrRange(result[-1].start, max(end, result[-1].end))
        elif start < end:
            result.append(AddrRange(start, end))
    return tuple(result)


def align_down(address: int, size: int) -> int:
    """The multiple of ``size`` at or below ``address``."""
    return address - address % size


def align_up(address: int, size: int) -> int:
    """The multiple of ``size`` at or above ``address``."""
    return address + -address % size


def check_ranges(
    ranges: Sequence[AddrRange], *, limit: int, min_region_sz: int, what: str
) -> tuple[AddrRange, ...]:
    """The ranges by address, touching ones joined; ConfigError names the first impossible one.

    They must not be empty or overlap, must end at or below ``limit``, and be page-aligned; they
    are then aligned outwards to ``min_region_sz``, and must not overlap after that either.
    """
    for given in ranges:
        _check_range(given, limit, what)
    aligned = [_outwards(given, min_region_sz) for given in sorted(ranges)]
    for (lower, upper), (low, high) in zip(
        pairwise(sorted(ranges)), pairwise(aligned), strict=True
    ):
        if low.end > high.start:
            when = "" if lower.end > upper.start else f" when aligned to {min_region_sz} bytes"
            raise ConfigError(f"ranges {lower} and {upper} of {what} overlap{when}")
    return tuple(_joined(aligned))


def _check_range(given: AddrRange, limit: int, what: str) -> None:
    if given.start >= given.end:
        raise ConfigError(f"range {given} of {what} is empty: its end must be above its start")
    if given.start < 0 or given.end > limit:
        raise ConfigError(f"range {given} is outside {what}, which ends at {limit:#x}")
    if given != (wanted := _outwards(given, PAGE_SIZE)):
        raise ConfigError(
            f"range {given} of {what} is not aligned to pages of {PAGE_SIZE} bytes: "
            f"did you mean {wanted}?"
        )


def _outwards(given: AddrRange, size: int) -> AddrRange:
    return AddrRange(align_down(given.start, size), align_up(given.end, size))


def _joined(ranges: Sequence[AddrRange]) -> list[AddrRange]:
    """Ranges that touch made one: setting them anew then keeps the borders of regions."""
    joined: list[AddrRange] = []
    for given in ranges:
        if joined and joined[-1].end == given.start:
            joined[-1] = AddrRange(joined[-1].start, given.end)
        else:
            joined.append(given)
    return joined
