"""The primitive ``first_touch``: pages that became resident since the previous look.

A page of anonymous memory gets a frame when it is first touched, so a page that /proc/PID/pagemap
shows present now, and did not before, was accessed in between.  It sees each page's first access
(and the first one after it was swapped out), and none of the later ones.
"""

from __future__ import annotations

import os

import attrs
import numpy as np

from damon_core import Availability, Provides, hookimpl
from damon_core.maps import MappingFlag, read_maps
from damon_core.model import Ops

PRESENT = np.uint64(1 << 63)
BYTES_PER_PAGE = 8


@attrs.frozen
class Options:
    """``max_mapping``: larger mappings, in pages, are left out, to bound the cost of a look."""

    max_mapping: int = attrs.field(default=1 << 20, validator=attrs.validators.ge(1))


class FirstTouch:
    """Reports the pages of writable private mappings that were touched for the first time."""

    ops = frozenset({Ops.VADDR, Ops.FVADDR})
    provides = Provides(granularity="page")
    Options = Options

    def __init__(self, options: Options) -> None:
        self._max_mapping = options.max_mapping
        self._pagemaps: dict[int, int] = {}
        self._seen: dict[tuple[int, int], np.ndarray] = {}

    @classmethod
    def probe(cls, ops: Ops) -> Availability:
        """Whether this process can read a pagemap, tried on its own."""
        try:
            with open("/proc/self/pagemap", "rb") as file:
                file.read(BYTES_PER_PAGE)
        except OSError as error:
            return Availability(False, missing=str(error), remedy="CONFIG_PROC_PAGE_MONITOR=y")
        return Availability(True, mechanism="pagemap")

    @hookimpl
    def damon_update_targets(self, ctx):
        wanted = {target.pid for target in ctx.targets}
        for pid in self._pagemaps.keys() - wanted:
            os.close(self._pagemaps.pop(pid))
        for pid in wanted - self._pagemaps.keys():
            try:
                self._pagemaps[pid] = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # it has ended: the core will notice

    @hookimpl
    def damon_prepare_access_checks(self, ctx):
        self._look(ctx)

    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        for target, start, fresh in self._look(ctx):
            words = np.zeros(-(-len(fresh) // 64), np.uint64)
            bits = np.packbits(fresh, bitorder="little")
            words.view(np.uint8)[: len(bits)] = bits
            reports.extend_bitmap(target, start, ctx.page_size, words)

    @hookimpl
    def damon_cleanup(self, ctx):
        for fd in self._pagemaps.values():
            os.close(fd)
        self._pagemaps.clear()

    def _look(self, ctx):
        """What is present now; a list of target, start of mapping, pages that were not before."""
        found, seen = [], {}
        for target in ctx.targets:
            for start, nr_pages in self._mappings(target, ctx.page_size):
                present = self._present(target.pid, start // ctx.page_size, nr_pages)
                before = self._seen.get((target.pid, start))
                seen[target.pid, start] = present
                if before is not None and len(before) <= len(present):
                    fresh = present.copy()
                    fresh[: len(before)] &= ~before
                    found.append((target, start, fresh))
        self._seen = seen
        return found

    def _mappings(self, target, page_size):
        try:
            maps = read_maps(target.pid)
        except OSError:
            return []
        flags = maps["flags"] & (MappingFlag.WRITE | MappingFlag.SHARED)
        rows = maps[flags == MappingFlag.WRITE]
        sizes = (rows["end"] - rows["start"]) // np.uint64(page_size)
        pairs = zip(rows["start"].tolist(), sizes.tolist(), strict=True)
        return [(start, size) for start, size in pairs if size <= self._max_mapping]

    def _present(self, pid, first_page, nr_pages):
        fd = self._pagemaps.get(pid)
        if fd is None:
            return np.empty(0, bool)
        raw = os.pread(fd, nr_pages * BYTES_PER_PAGE, first_page * BYTES_PER_PAGE)
        return (np.frombuffer(raw, np.uint64) & PRESENT) != 0
