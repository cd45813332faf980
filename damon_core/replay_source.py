"""The accesses of a replay, handed to the engine in each sampling interval as by a primitive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from .access import REPORT_DTYPE, ReportFlag
from .clock import Clock
from .primitive import PrimitiveContext, Provides

NAME = "perf_data"
"""What the source of imported reports is called in recordings."""


class Samples(Protocol):
    """Reports that are to be replayed, rows of REPORT_DTYPE by time."""

    @property
    def mechanism(self) -> str:
        """By what they were taken."""
        ...

    def by_time(self, pids: Sequence[int]) -> Iterator[np.ndarray]:
        """Those of these processes, or all of them."""
        ...

    def counters(self) -> dict[str, int]:
        """What became of everything that was read until now, by name; ``lost`` among it."""
        ...


class ReplayedReports:
    """The one primitive: hands over the reports of each sampling interval.

    ``exhausted``: there are no more; then, or once it is ``stopping``, it calls ``end``.  ``seen``
    counts what the reports were.
    """

    names: tuple[str, ...] = (NAME,)

    def __init__(self, samples: Samples, pids: Sequence[int], clock: Clock) -> None:
        self.exhausted = False
        self.stopping = False
        self.end: Callable[[], None] = lambda: None
        self._samples = samples
        self._clock = clock
        self._reports = samples.by_time(pids)
        self._rows = np.empty(0, REPORT_DTYPE)
        self._times = self._rows["time_ns"]
        self._lost = 0
        self.seen = {"accesses": 0, "reads": 0, "writes": 0, "unknown_direction": 0}

    def init(self, ctxs: Sequence[PrimitiveContext]) -> None:
        (self._ctx,) = ctxs
        self._ctx.mechanism = self._samples.mechanism

    def update_targets(self) -> None:
        """Who the targets are does not change."""

    def prepare(self) -> None:
        """The accesses have been."""

    def check(self) -> None:
        """Report what was sampled before the end of this interval; at the end of the file, stop."""
        end_ns = self._clock.now_ns()
        while not self.exhausted:
            nr = int(np.searchsorted(self._times, np.uint64(end_ns)))
            if nr:
                self._report(self._rows[:nr])
                self._rows, self._times = self._rows[nr:], self._times[nr:]
            if len(self._rows):
                break
            self._read_on()
        self._count()
        if self.exhausted or self.stopping:
            self.end()

    def cleanup(self) -> None:
        self._reports = iter(())

    def failures(self) -> tuple[str | None, ...]:
        return (None,)

    def provides(self) -> tuple[Provides, ...]:
        return (Provides(granularity="event", write=True, cpu=True, tid=True),)

    def _report(self, rows: np.ndarray) -> None:
        self._ctx.reports.extend(rows)
        nr_reads, nr_writes = (
            int(np.count_nonzero(rows["flags"] & flag))
            for flag in (ReportFlag.READ, ReportFlag.WRITE)
        )
        self.seen["accesses"] += int(rows["weight"].sum(dtype=np.uint64))
        self.seen["reads"] += nr_reads
        self.seen["writes"] += nr_writes
        self.seen["unknown_direction"] += len(rows) - nr_reads - nr_writes

    def _read_on(self) -> None:
        try:
            self._rows = next(self._reports)
        except StopIteration:
            self.exhausted = True
            return
        self._times = self._rows["time_ns"].copy()

    def _count(self) -> None:
        counters = self._samples.counters()
        lost = counters.pop("lost", 0)
        if lost > self._lost:
            self._ctx.reports.lose(lost - self._lost)
            self._lost = lost
        seen = {name: nr for name, nr in self.seen.items() if nr}
        self._ctx.counters.update({**counters, **seen})
