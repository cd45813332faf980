"""The whole machine under the page-table walk: all processes, by the page frames they accessed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import hugetlb
from ._native import ffi, lib
from .bitmaps import words_at

if TYPE_CHECKING:
    from damon_core.model import AddrRange
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports
    from damon_core.target import Target

    from .walker import Walker

_COUNTERS = ("born", "gone", "denied")
_WORD_PAGES = 64


class Machine:
    """The target of ``paddr``."""

    def __init__(self, walker: Walker, flush: bool) -> None:
        self._walker = walker
        self._flush = flush
        self._machine = ffi.gc(lib.machine_create(walker.walk), lib.machine_destroy)
        self._frames = _new_frames(walker.nr_frames)
        self._hugetlb = _new_frames(walker.nr_frames)
        self._has_hugetlb = False
        self._parts: list[tuple[Target, Sequence[tuple[int, int]]]] = []

    def update(self, ctx: PrimitiveContext) -> None:
        """Follow the ranges, and where hugetlb pages are."""
        self._parts = [(t, _word_ranges(t.ranges, ctx.page_size)) for t in ctx.targets]
        lib.frame_bits_clear(self._hugetlb)
        has_hugetlb = hugetlb.exists() and self._find_hugetlb()
        if has_hugetlb and not self._has_hugetlb:
            ctx.tell(hugetlb.TOLD)
        self._has_hugetlb = has_hugetlb

    def clear(self, ctx: PrimitiveContext) -> None:
        """Clear the accessed bits of all processes."""
        counts = ffi.new("struct machine_counts *")
        _check(lib.machine_clear(self._machine, self._flush, counts))
        _count(ctx, counts)

    def report(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        """Hand over the page frames accessed since the clear."""
        counts = ffi.new("struct machine_counts *")
        lib.frame_bits_clear(self._frames)
        _check(lib.machine_scan(self._machine, self._frames, counts))
        _count(ctx, counts)
        if counts.no_ram:
            ctx.count("pages_outside_ram", counts.no_ram)
        if self._has_hugetlb:
            nr = lib.frame_bits_subtract(self._frames, self._hugetlb)
            ctx.count("hugetlb_bytes", nr * ctx.page_size)
        for first, words in _runs(self._frames):
            self._hand_over(first, words, ctx, reports)

    def close(self) -> None:
        """Nothing stays open here."""
        self._parts = []

    def _hand_over(
        self, first: int, words: np.ndarray, ctx: PrimitiveContext, reports: SourceReports
    ) -> None:
        for target, parts in self._parts:
            for start, end in parts:
                low, high = max(start, first), min(end, first + len(words))
                if low < high:
                    addr = low * _WORD_PAGES * ctx.page_size
                    part = words[low - first : high - first]
                    reports.extend_bitmap(target, addr, ctx.page_size, part, 0)

    def _find_hugetlb(self) -> bool:
        found = False
        for name in os.listdir("/proc"):
            for r in hugetlb.ranges_of(int(name)) if name.isdigit() else ():
                found = True
                # An error is the process's end.
                lib.machine_large_frames(self._machine, int(name), r.start, r.end, self._hugetlb)
        return found


def _new_frames(nr: int) -> Any:
    frames = lib.frame_bits_create(nr)
    if frames == ffi.NULL:
        raise MemoryError(f"no memory for a bitmap of {nr} page frames")
    return ffi.gc(frames, lib.frame_bits_destroy)


def _runs(frames: Any) -> Iterator[tuple[int, np.ndarray]]:
    """Parts that are not empty: number of the first word, and the words."""
    at, nr = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    while True:
        words = lib.frame_bits_next(frames, at, nr)
        if not nr[0]:
            return
        yield at[0] // _WORD_PAGES - nr[0], words_at(words, nr[0])


def _word_ranges(ranges: Sequence[AddrRange], page_size: int) -> list[tuple[int, int]]:
    """The words of the bitmap that cover ``ranges``; each word once."""
    per_word = _WORD_PAGES * page_size
    merged: list[tuple[int, int]] = []
    for r in sorted(ranges):
        start, end = r.start // per_word, -(-r.end // per_word)
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _count(ctx: PrimitiveContext, counts: Any) -> None:
    for name in _COUNTERS:
        if nr := getattr(counts, name):
            ctx.count(f"processes_{name}", nr)


def _check(error: int) -> None:
    if error < 0:
        raise OSError(-error, f"page tables of all processes: {os.strerror(-error)}")
