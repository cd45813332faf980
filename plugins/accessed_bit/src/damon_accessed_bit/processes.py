"""Target processes under the page-table walk: clear each, then collect its accessed pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import define

from . import hugetlb
from ._native import ffi, lib
from .bitmaps import words_at
from .clearing import ClearRefs
from .walker import Walked, Walker, address_ranges, check_process

if TYPE_CHECKING:
    from damon_core.model import AddrRange
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports
    from damon_core.target import Target


@define(eq=False)
class _Process:
    """One target; ``cleared``: whether its bits were, in this sampling interval."""

    target: Target
    clear_refs: ClearRefs
    walked: Walked
    cleared: bool = False
    ranges: Any = None
    excluded: Any = None
    hugetlb: Sequence[AddrRange] = ()


class Processes:
    """The targets of ``vaddr`` and ``fvaddr``."""

    def __init__(self, walker: Walker, flush: bool) -> None:
        self._walker = walker
        self._flush = flush
        self._processes: dict[Target, _Process] = {}
        self._bits = ffi.gc(lib.young_bits_create(), lib.young_bits_destroy)
        self._nr_hugetlb_bytes = 0

    def update(self, ctx: PrimitiveContext) -> None:
        """Follow the context's targets and their ranges."""
        for target in self._processes.keys() - set(ctx.targets):
            self._processes.pop(target).clear_refs.close()
        for target in ctx.targets:
            if target not in self._processes:
                self._open(target, ctx)
        find_hugetlb = hugetlb.exists()
        for process in self._processes.values():
            process.ranges = address_ranges(process.target.ranges)
            process.hugetlb = hugetlb.ranges_of(process.target.pid) if find_hugetlb else ()
            process.excluded = address_ranges(process.hugetlb)
        self._tell_hugetlb(ctx)

    def clear(self, ctx: PrimitiveContext) -> None:
        """Clear the accessed bits of all targets; those that have ended are counted."""
        for process in self._processes.values():
            process.cleared = False
            try:
                process.clear_refs.clear()
            except ProcessLookupError:
                ctx.count("processes_gone")
                continue
            process.cleared = True

    def report(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        """Hand over the pages accessed since the clear."""
        for process in self._processes.values():
            if not process.cleared:
                continue
            try:
                self._scan(process)
            except ProcessLookupError:
                ctx.count("processes_gone")
                continue
            # A pid is the process's own only as long as it lives.
            if process.target.alive():
                self._hand_over(process, ctx, reports)

    def close(self) -> None:
        """Close all files; idempotent."""
        for process in self._processes.values():
            process.clear_refs.close()
        self._processes.clear()

    def _open(self, target: Target, ctx: PrimitiveContext) -> None:
        try:
            clear_refs = ClearRefs(target.pid, self._flush)
        except ProcessLookupError:
            ctx.count("processes_gone")
            return
        self._processes[target] = _Process(target, clear_refs, Walked(target.pid))

    def _scan(self, process: _Process) -> None:
        error = lib.young_bits_scan(
            self._bits,
            self._walker.walk,
            process.walked.pid,
            process.walked.task,
            process.ranges,
            len(process.ranges),
            process.excluded,
            len(process.excluded),
        )
        check_process(error, process.walked.pid)

    def _hand_over(self, process: _Process, ctx: PrimitiveContext, reports: SourceReports) -> None:
        if not self._bits.nr_runs:
            return
        words = words_at(self._bits.words, self._bits.nr_words)
        for run in ffi.unpack(self._bits.runs, self._bits.nr_runs):
            part = words[run.offset : run.offset + run.nr]
            reports.extend_bitmap(process.target, run.start, ctx.page_size, part, 0)

    def _tell_hugetlb(self, ctx: PrimitiveContext) -> None:
        nr_bytes = sum(r.size for p in self._processes.values() for r in p.hugetlb)
        if nr_bytes > self._nr_hugetlb_bytes:
            if not self._nr_hugetlb_bytes:
                ctx.tell(hugetlb.TOLD)
            ctx.count("hugetlb_bytes", nr_bytes - self._nr_hugetlb_bytes)
            self._nr_hugetlb_bytes = nr_bytes
