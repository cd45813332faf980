"""The primitive ``first_touch``: pages that became resident since the previous look.

A page of private memory gets a frame when it is first touched.  So a page that /proc/PID/pagemap
shows present now, and did not show before, was accessed in between.  This sees the first access
to each page, also after it was swapped out, and none of the later ones.
"""

import os

import attrs
import numpy as np

from damon_core import REPORT_DTYPE, Availability, Provides, ReportFlag, hookimpl
from damon_core.maps import MappingFlag, read_maps
from damon_core.model import Ops

PRESENT = np.uint64(1 << 63)
BYTES_PER_PAGE = 8


@attrs.frozen
class Options:
    """``max_mapping``: mappings of more pages are left out, which bounds the cost of a look."""

    max_mapping: int = attrs.field(default=1 << 20, validator=attrs.validators.ge(1))


class FirstTouch:
    """Reports the pages of writable private mappings that were touched for the first time."""

    ops = frozenset({Ops.VADDR, Ops.FVADDR})
    provides = Provides(granularity="page")
    Options = Options

    def __init__(self, options):
        self._max_mapping = options.max_mapping
        self._pagemaps = {}  # file descriptors by pid
        self._present = {}  # by pid: page numbers, sorted, as of the last look

    @classmethod
    def probe(cls, ops):
        """Whether a pagemap can be read here, tried on this process."""
        try:
            with open("/proc/self/pagemap", "rb") as file:
                file.read(BYTES_PER_PAGE)
        except OSError as error:
            return Availability(
                False, missing=str(error), remedy="needs a kernel with CONFIG_PROC_PAGE_MONITOR"
            )
        return Availability(True, mechanism="pagemap")

    @hookimpl
    def damon_update_targets(self, ctx):
        pids = {target.pid for target in ctx.targets}
        for pid in self._pagemaps.keys() - pids:
            os.close(self._pagemaps.pop(pid))
            del self._present[pid]
        for pid in pids - self._pagemaps.keys():
            try:
                self._pagemaps[pid] = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # it has just ended, which the core will notice
            self._present[pid] = self._look(pid, ctx.page_size)

    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        for pid, before in self._present.items():
            now = self._look(pid, ctx.page_size)
            fresh = np.setdiff1d(now, before, assume_unique=True)
            self._present[pid] = now
            rows = np.zeros(len(fresh), REPORT_DTYPE)
            rows["vaddr"] = fresh * np.uint64(ctx.page_size)
            rows["size"] = ctx.page_size
            rows["pid"] = pid
            rows["weight"] = 1
            rows["flags"] = ReportFlag.HAS_VADDR
            reports.extend(rows)

    @hookimpl
    def damon_cleanup(self, ctx):
        for fd in self._pagemaps.values():
            os.close(fd)
        self._pagemaps.clear()
        self._present.clear()

    def _look(self, pid, page_size):
        """The numbers of the pages that are present now, sorted."""
        try:
            maps = read_maps(pid)
        except OSError:  # it has ended
            return np.empty(0, np.uint64)
        private = (maps["flags"] & (MappingFlag.WRITE | MappingFlag.SHARED)) == MappingFlag.WRITE
        pages = [np.empty(0, np.uint64)]
        for row in maps[private]:
            first, end = int(row["start"]) // page_size, int(row["end"]) // page_size
            if end - first <= self._max_mapping:
                size, start = (end - first) * BYTES_PER_PAGE, first * BYTES_PER_PAGE
                entries = np.frombuffer(os.pread(self._pagemaps[pid], size, start), np.uint64)
                pages.append(np.flatnonzero(entries & PRESENT).astype(np.uint64) + np.uint64(first))
        return np.concatenate(pages)
