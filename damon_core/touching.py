"""One record of a ground-truth log, and the pages that it means."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from .draws import mix, positions_of, subset
from .model import AddrRange
from .spans import Spans


@frozen
class Touching:
    """What one thread touched from ``t0`` to ``t1`` (CLOCK_MONOTONIC, ns).

    The bytes start, start + stride, ... below end, ``nr`` times in order, ``pass_ns`` the slowest.
    With ``permille``, only those in pages that ``seed`` chooses.  With ``first``, instead a byte in
    each of ``nr`` pages drawn at random, ``nr_pages`` distinct ones.  ``mode``: r, w or rw.
    """

    t0: int
    t1: int
    tid: int
    range: AddrRange
    stride: int
    mode: str
    nr: int
    pass_ns: int = 0
    seed: int = 0
    permille: int | None = None
    first: int | None = None
    nr_pages: int = 0


@frozen
class Shape:
    """Which bytes records touch, whenever that was: equal for records of the same pages."""

    start: int
    end: int
    stride: int
    mode: str
    seed: int = 0
    permille: int | None = None
    first: int | None = None
    nr: int = 0
    nr_pages: int = 0

    def spans(self, page_size: int) -> Spans:
        """The whole pages that have a touched byte."""
        if self.permille is not None:
            nr_pages = (self.end - self.start) // page_size
            pages = subset(self.seed, self.permille, nr_pages)
            return Spans.of_pages(pages + np.uint64(self.start // page_size), page_size)
        if self.first is not None and not self._drew_all(page_size):
            return Spans.of_pages(self._drawn_pages(page_size), page_size)
        if self.first is not None or self.stride <= page_size:
            end = self.end if self.first is not None else self._last_touched() + 1
            return Spans.of([(self.start, end)]).widened(page_size)
        bytes_ = np.arange(self.start, self.end, self.stride, dtype=np.uint64)
        return Spans.of_pages(bytes_ // np.uint64(page_size), page_size)

    def _last_touched(self) -> int:
        return self.start + (self.end - 1 - self.start) // self.stride * self.stride

    def _nr_places(self, page_size: int) -> int:
        return -(-(self.end - self.start) // page_size)

    def _drew_all(self, page_size: int) -> bool:
        return self.start % page_size == 0 and self.nr_pages == self._nr_places(page_size)

    def _drawn_pages(self, page_size: int) -> np.ndarray:
        assert self.first is not None
        mixed = mix(positions_of(self.seed, self.first, self.nr))
        places = ((mixed >> np.uint64(32)) * np.uint64(self._nr_places(page_size))) >> np.uint64(32)
        offsets = places * np.uint64(page_size) + (mixed & np.uint64(63)) * np.uint64(64)
        addresses = np.minimum(offsets, np.uint64(self.end - self.start - 1)) + np.uint64(
            self.start
        )
        pages: np.ndarray = addresses // np.uint64(page_size)
        return pages


def shape_of(touching: Touching) -> Shape:
    """The shape of a record."""
    bounds = (touching.range.start, touching.range.end)
    if touching.first is None and touching.permille is None:
        return Shape(*bounds, touching.stride, touching.mode)
    random = touching.first is not None
    return Shape(
        *bounds,
        touching.stride,
        touching.mode,
        touching.seed,
        touching.permille,
        touching.first,
        touching.nr if random else 0,
        touching.nr_pages,
    )
