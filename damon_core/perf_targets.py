"""Perf events of a context's targets: sampled on the whole machine, or of each of their threads."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from .model import Ops
from .perf_event import PerfError
from .perf_sampling import ALL_THREADS, PerfSampling

if TYPE_CHECKING:
    from .perf_ring import Slots
    from .primitive import PrimitiveContext
    from .target import Target

NOBODY = -2  # no task has this id, and perf gives it to none


class Scope(str, Enum):
    """Whose events are sampled.

    ``machine``: everybody's, of which those of the targets are reported; each event on the machine
    takes a little longer.  ``threads``: those of the targets' threads; a new thread is found at the
    next sampling interval.  ``auto``: ``machine`` where that is permitted.
    """

    AUTO = "auto"
    MACHINE = "machine"
    THREADS = "threads"

    def __str__(self) -> str:
        return self.value


Make = Callable[[Scope, bool], PerfSampling]
"""A sampling that is not open yet, for MACHINE or THREADS; of what happens in user mode alone?"""


class TargetSampling:
    """Samples from :meth:`begin` on, once it is opened; ``make`` says of which events.

    ``scope`` is what came of it: what is not permitted for the machine is tried for threads, and
    what is not for all they do, for what they do in user mode.  Physical memory has no threads.
    """

    def __init__(self, make: Make, scope: Scope, ops: Ops) -> None:
        self.scope = scope
        self.is_of_user_mode = False
        self._make = make
        self._ops = ops
        self._sampling: PerfSampling | None = None
        self._follows_cpus = False
        self._offline: frozenset[int] = frozenset()
        self._told: set[str] = set()

    @property
    def sampling(self) -> PerfSampling:
        """What was opened."""
        assert self._sampling is not None, "not opened"
        return self._sampling

    @property
    def is_of_machine(self) -> bool:
        """Whether the events of all processes are sampled, once it is opened."""
        return self.scope is Scope.MACHINE

    def open(self, ctx: PrimitiveContext) -> None:
        """Open the events; PerfError says what is not permitted."""
        if self.scope is not Scope.THREADS or self._ops is Ops.PADDR:
            try:
                self._open(Scope.MACHINE, (ALL_THREADS,))
            except PerfError as error:
                if not is_denied(error) or not self._may_fall_back:
                    raise
        if self._sampling is None:
            self._open_threads(ctx)
        self.update(ctx)

    def update(self, ctx: PrimitiveContext) -> None:
        """Follow the context's targets, and the processors that come and go."""
        if self._ops is not Ops.PADDR:
            self.sampling.decoder.only([target.pid for target in ctx.targets] or [NOBODY])
        self._follows_cpus = True

    def begin(self, ctx: PrimitiveContext) -> None:
        """Let the events begin, and find the threads that are new."""
        if self.scope is Scope.THREADS:
            try:
                self.sampling.follow(threads_of(ctx.targets), ctx.reports)
            except (PerfError, OSError) as error:
                self._miss(ctx, "threads", error)
        self.sampling.enable()

    def drain(self, ctx: PrimitiveContext, slots: Slots) -> None:
        """Report all samples since the last time."""
        if self._follows_cpus:  # not before: what processors leave behind is reported too
            self._follow_cpus(ctx, slots)
        self.sampling.drain(slots, time.monotonic_ns())

    def close(self) -> None:
        """Close all; harmless a second time."""
        if self._sampling is not None:
            self._sampling.close()

    @property
    def _may_fall_back(self) -> bool:
        return self.scope is Scope.AUTO and self._ops is not Ops.PADDR

    def _open(self, scope: Scope, tids: Iterable[int]) -> None:
        sampling = self._make(scope, self.is_of_user_mode)
        sampling.open(tids)
        self.scope, self._sampling = scope, sampling

    def _open_threads(self, ctx: PrimitiveContext) -> None:
        threads = threads_of(ctx.targets)
        try:
            self._open(Scope.THREADS, threads)
        except PerfError as error:
            if not is_denied(error):
                raise
            self.is_of_user_mode = True
            self._open(Scope.THREADS, threads)

    def _follow_cpus(self, ctx: PrimitiveContext, slots: Slots) -> None:
        self._follows_cpus = False
        try:
            self.sampling.follow_cpus(slots, time.monotonic_ns())
        except (PerfError, OSError) as error:
            self._miss(ctx, "processors", error)
        if self.sampling.offline != self._offline:
            self._offline = self.sampling.offline
            names = ", ".join(map(str, sorted(self._offline))) or "none any more"
            ctx.tell(f"processors out of use, not sampled until they come back: {names}")

    def _miss(self, ctx: PrimitiveContext, what: str, error: Exception) -> None:
        """What is new and cannot be sampled is tried again, and not the end of it."""
        ctx.count(f"intervals_without_new_{what}")
        if what not in self._told:
            self._told.add(what)
            ctx.tell(f"new {what} are not sampled: {error}")


def threads_of(targets: Iterable[Target]) -> list[int]:
    """The threads of all targets now."""
    tids = []
    for target in targets:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            tids += [int(name) for name in os.listdir(f"/proc/{target.pid}/task")]
    return tids


def is_denied(error: PerfError) -> bool:
    """Whether more privileges would help."""
    return error.errno in (errno.EACCES, errno.EPERM)
