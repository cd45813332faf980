"""The faults of the targets, sampled by perf on all processors."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from damon_core.model import AddrRange, Ops
from damon_core.perf_event import PerfError
from damon_core.perf_sampling import ALL_THREADS, PerfSampling

from .fault_options import FaultEvent, Scope
from .fault_source import FaultSource, fault_source

if TYPE_CHECKING:
    from damon_core.perf_ring import Slots
    from damon_core.primitive import PrimitiveContext
    from damon_core.target import Target

    from .options import Options

NOBODY = -2  # no task has this id, and perf gives it to none
MAX_FILTERED = 16  # ranges in a filter: it is evaluated at every fault


class FaultSampling:
    """Samples from :meth:`begin` on, once it is opened; what is lost is counted."""

    def __init__(self, options: Options, ops: Ops, event: FaultEvent) -> None:
        self.source = fault_source(event, ops)
        self.scope = options.scope
        self._ops = ops
        self._options = options
        self._sampling: PerfSampling | None = None
        self._counted = dict.fromkeys(("faults", "kernel_address", "rings_grown"), 0)
        self._follows_cpus = False
        self._offline: frozenset[int] = frozenset()
        self._is_told_missed = False

    @property
    def is_of_machine(self) -> bool:
        """Whether the faults of all processes are sampled, once it is opened."""
        return self.scope is Scope.MACHINE

    def open(self, ctx: PrimitiveContext) -> None:
        """Open the events; PerfError says what is not permitted."""
        filter = self._filter(ctx.targets)
        if self.scope is not Scope.THREADS or self._ops is Ops.PADDR:
            try:
                self._sampling = self._opened(self.source, (ALL_THREADS,), filter)
                self.scope = Scope.MACHINE
            except PerfError as error:
                if not _is_denied(error) or not self._may_fall_back:
                    raise
        if self._sampling is None:
            self.scope = Scope.THREADS
            self._sampling = self._of_threads(ctx, filter)
        self.update(ctx)

    def update(self, ctx: PrimitiveContext) -> None:
        """Follow the context's targets, and the processors that come and go."""
        sampling = self._opened_sampling
        if self._ops is not Ops.PADDR:
            sampling.decoder.only([target.pid for target in ctx.targets] or [NOBODY])
        sampling.set_filter(self._filter(ctx.targets), ctx.reports)
        self._follows_cpus = True

    def begin(self, ctx: PrimitiveContext) -> None:
        """Let the events begin, and find the threads that are new."""
        sampling = self._opened_sampling
        if self.scope is Scope.THREADS:
            try:
                sampling.follow(_threads(ctx.targets), ctx.reports)
            except (PerfError, OSError) as error:
                self._tell_missed(ctx, error)
        sampling.enable()

    def drain(self, ctx: PrimitiveContext, slots: Slots) -> None:
        """Report all faults since the last time."""
        sampling = self._opened_sampling
        if self._follows_cpus:  # not before: what processors leave behind is reported too
            self._follow_cpus(ctx, slots)
        sampling.drain(slots, time.monotonic_ns())
        totals = sampling.totals
        self._count(ctx, "faults", totals.nr_events)
        self._count(ctx, "kernel_address", totals.counts.kernel)
        self._count(ctx, "rings_grown", totals.nr_grown)

    def close(self) -> None:
        """Close all; harmless a second time."""
        if self._sampling is not None:
            self._sampling.close()

    @property
    def _opened_sampling(self) -> PerfSampling:
        assert self._sampling is not None, "not opened"
        return self._sampling

    @property
    def _may_fall_back(self) -> bool:
        return self.scope is Scope.AUTO and self._ops is not Ops.PADDR

    def _of_threads(self, ctx: PrimitiveContext, filter: str) -> PerfSampling:
        threads = _threads(ctx.targets)
        try:
            return self._opened(self.source, threads, filter)
        except PerfError as error:
            if not _is_denied(error):
                raise
        self.source = self.source.of_user_mode()
        ctx.tell("only faults in user mode are sampled: for all run as root or with CAP_PERFMON")
        return self._opened(self.source, threads, filter)

    def _opened(self, source: FaultSource, tids: Iterable[int], filter: str) -> PerfSampling:
        sampling = PerfSampling(
            source.attrs,
            source.decoding,
            ring_size=self._options.ring_size,
            max_ring_size=self._options.max_ring_size,
            filter=filter,
        )
        sampling.open(tids)
        return sampling

    def _filter(self, targets: Sequence[Target]) -> str:
        """What the kernel is to let through: fixed ranges, if there are few of them."""
        ranges = sorted({one for target in targets for one in target.ranges or target.given_ranges})
        if self._ops is not Ops.FVADDR or not self.source.takes_filters:
            return ""
        return range_filter(ranges) if 0 < len(ranges) <= MAX_FILTERED else ""

    def _follow_cpus(self, ctx: PrimitiveContext, slots: Slots) -> None:
        sampling = self._opened_sampling
        self._follows_cpus = False
        sampling.follow_cpus(slots, time.monotonic_ns())
        if sampling.offline != self._offline:
            self._offline = sampling.offline
            names = ", ".join(map(str, sorted(self._offline))) or "none any more"
            ctx.tell(f"processors out of use, not sampled until they come back: {names}")

    def _tell_missed(self, ctx: PrimitiveContext, error: Exception) -> None:
        """New threads that cannot be sampled are tried again, and not the end of it."""
        ctx.count("intervals_without_new_threads")
        if not self._is_told_missed:
            self._is_told_missed = True
            ctx.tell(f"new threads are not sampled: {error}")

    def _count(self, ctx: PrimitiveContext, name: str, total: int) -> None:
        ctx.count(name, total - self._counted[name])
        self._counted[name] = total


def range_filter(ranges: Sequence[AddrRange]) -> str:
    """A filter for tracepoints with a field ``address``."""
    return " || ".join(f"(address >= {one.start:#x} && address < {one.end:#x})" for one in ranges)


def _threads(targets: Iterable[Target]) -> list[int]:
    tids = []
    for target in targets:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            tids += [int(name) for name in os.listdir(f"/proc/{target.pid}/task")]
    return tids


def _is_denied(error: PerfError) -> bool:
    return error.errno in (errno.EACCES, errno.EPERM)
