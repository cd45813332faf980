"""The regions of all targets of a context: C memory, C rules, and NumPy copies to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._native import ffi, lib
from .model import AddrRange, Intervals

MAX_SOURCES: int = lib.DAMON_MAX_SOURCES

REGION_DTYPE = np.dtype(
    [
        ("start", np.uint64),
        ("end", np.uint64),
        ("sampling_addr", np.uint64),
        ("nr_accesses", np.uint32),
        ("last_nr_accesses", np.uint32),
        ("age", np.uint32),
        ("accessed", np.uint32),
        ("tick_bytes", np.uint64),
        ("accessed_bytes", np.uint64),
        ("hits", np.uint64, (MAX_SOURCES,)),
    ]
)
"""``struct damon_region`` of ``_native/regions.h``."""


def _check(err: int, doing: str) -> int:
    if err < 0:
        raise MemoryError(f"no memory to {doing}")
    return err


class RegionMap:
    """Targets by index, each with sorted regions that do not overlap.

    The rules are those of DAMON's newest kernels; ``seed`` makes a run repeatable.
    ``min_region_sz``: bytes, a power of two.
    """

    def __init__(self, seed: int, min_region_sz: int = 4096) -> None:
        created = lib.damon_region_map_create(seed & (2**64 - 1), min_region_sz)
        if created == ffi.NULL:
            raise MemoryError("no memory for a region map")
        self.c = ffi.gc(created, lib.damon_region_map_destroy)

    @property
    def nr_targets(self) -> int:
        return int(self.c.nr_targets)

    @property
    def nr_regions(self) -> int:
        return int(lib.damon_nr_regions(self.c))

    @property
    def total_size(self) -> int:
        return int(lib.damon_total_size(self.c))

    def add_target(self, pid: int, min_region_sz: int = 4096) -> int:
        """Append a target without regions; its index."""
        return _check(lib.damon_add_target(self.c, pid, min_region_sz), "add a target")

    def remove_target(self, target: int) -> None:
        """Forget a target; the indexes of those behind it shift down by one."""
        lib.damon_remove_target(self.c, self._index(target))

    def set_ranges(
        self, target: int, ranges: Sequence[AddrRange], min_region_sz: int = 4096
    ) -> None:
        """Make the regions cover ``ranges``; those that stay keep their counters.

        ValueError, and no change, if a range is empty, or two overlap or go backwards once aligned
        to ``min_region_sz``.
        """
        try:
            c_ranges = ffi.new("struct damon_range[]", [(r.start, r.end) for r in ranges])
        except OverflowError:
            raise ValueError(f"ranges {', '.join(map(str, ranges))} leave 64 bits") from None
        err = lib.damon_set_regions(
            self.c, self._index(target), c_ranges, len(ranges), min_region_sz
        )
        if err == -22:
            raise ValueError(
                f"ranges {', '.join(map(str, ranges))} are empty or overlap once aligned"
            )
        _check(err, "set regions")

    def regions(self, target: int) -> np.ndarray:
        """A copy of the regions of a target: REGION_DTYPE rows, sorted."""
        t = self.c.targets[self._index(target)]
        if not t.nr_regions:
            return np.empty(0, REGION_DTYPE)
        memory = ffi.buffer(t.regions, t.nr_regions * REGION_DTYPE.itemsize)
        rows: np.ndarray = np.frombuffer(memory, REGION_DTYPE).copy()
        return rows

    def sampling_addrs(self, target: int) -> np.ndarray:
        """The addresses drawn for this tick: uint64, one per region."""
        t = self.c.targets[self._index(target)]
        if not t.nr_regions:
            return np.empty(0, np.uint64)
        memory = ffi.buffer(t.regions, t.nr_regions * REGION_DTYPE.itemsize)
        addrs: np.ndarray = np.frombuffer(memory, REGION_DTYPE)["sampling_addr"].copy()
        return addrs

    def load(self, target: int, rows: np.ndarray) -> None:
        """Replace the regions of a target by REGION_DTYPE rows, as they are."""
        rows = np.ascontiguousarray(rows, REGION_DTYPE)
        pointer = ffi.cast("struct damon_region *", rows.ctypes.data)
        _check(
            lib.damon_load_regions(self.c, self._index(target), pointer, len(rows)), "load regions"
        )

    def prepare(self) -> None:
        """Draw a sampling address for each region."""
        lib.damon_draw_sampling_addrs(self.c)

    def end_tick(self) -> int:
        """Update nr_accesses of every region once; the highest one."""
        return int(lib.damon_end_tick(self.c))

    def merge(self, max_nr_accesses: int, max_nr_regions: int, sz_limit: int) -> None:
        """Age all regions, then merge neighbours that are accessed alike."""
        lib.damon_merge_regions(self.c, max_nr_accesses, max_nr_regions, sz_limit)

    def apply_min_nr_regions(self, min_nr_regions: int) -> int:
        """Cut regions above the size limit; that limit, in bytes, for the next merge."""
        limit = ffi.new("uint64_t *")
        _check(lib.damon_apply_min_nr_regions(self.c, min_nr_regions, limit), "cut regions")
        return int(limit[0])

    def reset_aggregated(self) -> None:
        """Start a new window."""
        lib.damon_reset_aggregated(self.c)

    def split(self, max_nr_regions: int) -> None:
        """Split regions at random where ``max_nr_regions`` leaves room."""
        _check(lib.damon_split_regions(self.c, max_nr_regions), "split regions")

    def update_results(self, old: Intervals, new: Intervals, aggregating: bool) -> None:
        """Convert counts and ages to new intervals; mid-window the part so far is thrown away.

        Nothing is converted from or to an interval of 0.
        """
        if not (old.sample_us and old.aggr_us and new.sample_us and new.aggr_us):
            return
        lib.damon_update_results(
            self.c, old.nr_samples, new.nr_samples, old.aggr_us, new.aggr_us, aggregating
        )

    def _index(self, target: int) -> int:
        if not 0 <= target < self.c.nr_targets:
            raise IndexError(f"target {target} of {self.c.nr_targets}")
        return target


def moving_sum(
    nr_accesses: np.ndarray, last_nr_accesses: np.ndarray, samples_left: int, nr_samples: int
) -> np.ndarray:
    """Access rate between two window ends: this window so far plus the rest of the last one.

    ``samples_left``: sampling intervals until the window ends, of ``nr_samples``.  Kernel function
    damon_nr_accesses_mvsum, computed on demand.
    """
    left_bp = max(0, samples_left) * 10_000 // nr_samples
    if left_bp == 10_000:
        last: np.ndarray = last_nr_accesses.copy()
        return last
    rest = last_nr_accesses.astype(np.uint64) * left_bp // 10_000
    moving: np.ndarray = nr_accesses + rest.astype(np.uint32)
    return moving
