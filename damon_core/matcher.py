"""The region matcher: credits access reports to regions, and counts where each report ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from ._native import ffi, lib
from .access import REPORT_DTYPE
from .model import Match, SampleFilter
from .regions import RegionMap
from .snapshot import SourceCounters

_FILTER_TYPES = {
    "cpumask": lib.DAMON_FILTER_CPUMASK,
    "threads": lib.DAMON_FILTER_THREADS,
    "write": lib.DAMON_FILTER_WRITE,
}
_COUNTERS = tuple(f.name for f in attrs.fields(SourceCounters))


class Counters:
    """Where the reports of one source ended, in C memory; :meth:`take` starts anew."""

    def __init__(self) -> None:
        self.c = ffi.new("struct damon_report_counters *")

    def read(self) -> SourceCounters:
        return SourceCounters(*(int(getattr(self.c, name)) for name in _COUNTERS))

    def take(self) -> SourceCounters:
        """What was counted since the last take."""
        counted = self.read()
        for name in _COUNTERS:
            setattr(self.c, name, 0)
        return counted


class Matcher:
    """Matches the reports of one tick against one region map, source by source.

    ``physical``: by physical address, whatever the process.  Call order in a tick:
    :meth:`begin_tick`, then credits of one source, :meth:`fold`, the next source, ...
    """

    def __init__(self, *, physical: bool = False) -> None:
        created = lib.damon_matcher_create(physical)
        if created == ffi.NULL:
            raise MemoryError("no memory for a region matcher")
        self.c = ffi.gc(created, lib.damon_matcher_destroy)

    def set_filters(self, filters: Sequence[SampleFilter]) -> None:
        """Replace the sample filters; the first that applies to a report decides."""
        kept = []  # cffi frees an array with its last reference
        c_filters = ffi.new("struct damon_filter[]", len(filters))
        for c_filter, f in zip(c_filters, filters, strict=True):
            ids = ffi.new("int32_t[]", sorted(f.cpus if f.type == "cpumask" else f.tids))
            kept.append(ids)
            c_filter.type = _FILTER_TYPES[f.type]
            c_filter.matching = f.matching
            c_filter.allow = f.allow
            c_filter.ids = ids
            c_filter.nr_ids = len(ids)
        if lib.damon_matcher_set_filters(self.c, c_filters, len(filters)):
            raise MemoryError("no memory for the sample filters")

    def set_match(self, match: Match, page_size: int) -> None:
        """Choose between any page of a region and the page of its sampling address."""
        lib.damon_matcher_set_sampled(self.c, page_size if match is Match.SAMPLED else 0)

    def begin_tick(self, regions: RegionMap, not_before_ns: int = 0) -> None:
        """Learn borders and sampling addresses; exact times before ``not_before_ns`` are stale."""
        if lib.damon_matcher_begin_tick(self.c, regions.c):
            raise MemoryError("no memory for the region matcher")
        lib.damon_matcher_set_not_before(self.c, not_before_ns)

    def credit(self, reports: np.ndarray, counters: Counters) -> None:
        """Match REPORT_DTYPE rows; TypeError for anything else."""
        if reports.dtype != REPORT_DTYPE or not reports.flags.c_contiguous:
            raise TypeError(
                f"access reports must be a contiguous array of REPORT_DTYPE, not {reports.dtype}"
            )
        pointer = ffi.cast("struct damon_access_report *", reports.ctypes.data)
        lib.damon_matcher_credit(self.c, pointer, len(reports), counters.c)

    def credit_bitmap(
        self,
        target: int,
        start: int,
        page_size: int,
        words: np.ndarray,
        flags: int,
        counters: Counters,
    ) -> None:
        """Match pages from ``start`` by a bitmap (uint64, LSB first); each set bit is a report."""
        if words.dtype != np.uint64 or not words.flags.c_contiguous:
            raise TypeError(
                f"a page bitmap must be a contiguous array of uint64, not {words.dtype}"
            )
        if page_size < 1 or start < 0 or start + len(words) * 64 * page_size > 2**64:
            raise ValueError(
                f"a bitmap of {len(words) * 64} pages of {page_size} bytes from {start:#x} "
                "does not fit into 64-bit addresses"
            )
        pointer = ffi.cast("uint64_t *", words.ctypes.data)
        lib.damon_matcher_credit_bitmap(
            self.c, target, start, page_size, pointer, len(words), flags, counters.c
        )

    def drain(self, ring: Any, counters: Counters) -> None:
        """Match everything in a report ring, and count what the ring has lost."""
        lib.damon_matcher_drain(self.c, ring, counters.c)

    def fold(self, regions: RegionMap, source: int) -> None:
        """Add what the reports since the last fold have hit to the regions, as of ``source``."""
        if lib.damon_matcher_fold(self.c, regions.c, source):
            raise RuntimeError("regions changed between begin_tick and fold")
