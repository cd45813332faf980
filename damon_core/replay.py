"""A recording made of a file of samples: the file's time drives the engine that also runs live."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from attrs import evolve, frozen

from .access import REPORT_DTYPE
from .engine import Monitor
from .maps import Mapping
from .model import AddrRange, Ops
from .ops import AddressSpace
from .primitive import PrimitiveContext, Provides
from .record_format import RecordHeader
from .record_names import NameWatch
from .record_writer import RecordWriter
from .snapshot import Snapshot
from .spec import ContextSpec
from .tally import Tally
from .target import Target

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


@frozen
class ReplayTarget:
    """A process of the file (``pid`` 0: physical memory), and what of it is monitored."""

    pid: int
    comm: str
    ranges: tuple[AddrRange, ...] = ()
    mappings: tuple[Mapping, ...] = ()


class ReplayClock:
    """Time as in the file: a wait is over at once.

    ``realtime_ns``: what CLOCK_REALTIME was at ``start_ns`` of the file's clock.
    """

    def __init__(self, start_ns: int, realtime_ns: int) -> None:
        self._ns = start_ns
        self._offset_ns = realtime_ns - start_ns
        self._woken = False

    def now_ns(self) -> int:
        return self._ns

    def realtime_ns(self) -> int:
        return self._ns + self._offset_ns

    def thread_cpu_ns(self) -> int:
        return time.thread_time_ns()

    def wait_until(self, deadline_ns: int) -> bool:
        if self._woken:
            self._woken = False
            return False
        self._ns = max(self._ns, deadline_ns)
        return True

    def wake(self) -> None:
        self._woken = True

    def close(self) -> None:
        """Nothing is held."""


class Replay:
    """Monitors what a file says was accessed, and records it as ``damon record`` does.

    ``tally`` sums its snapshots up; ``finished``: the file was read to its end.
    """

    def __init__(
        self,
        samples: Samples,
        spec: ContextSpec,
        targets: Sequence[ReplayTarget],
        clock: ReplayClock,
        *,
        space: AddressSpace | None = None,
        on_snapshot: Callable[[Snapshot], None] = lambda snapshot: None,
    ) -> None:
        self.tally = Tally()
        self._targets = _ReplayTargets(targets)
        self._primitive = _Replayed(samples, [one.pid for one in targets if one.pid], clock)
        self._on_snapshot = on_snapshot
        self._monitor = Monitor(
            # Time stands still while the engine works: no quota of it can be exceeded.
            evolve(spec, cpu_quota=math.inf),
            self._targets,
            self._primitive,
            self._take,
            space=space or _AsGiven(spec.ops),
            clock=clock,
        )
        self._primitive.stop = self._monitor.stop
        self._writer: RecordWriter | None = None

    @property
    def finished(self) -> bool:
        return self._primitive.exhausted

    def note(self, text: str) -> None:
        """Tell the user, and keep it in the recording."""
        self._monitor.note(text)

    def stop(self) -> None:
        """End it after the present sampling interval."""
        self._monitor.stop()

    def run(self, path: str, header: RecordHeader) -> None:
        """Write the recording; RecordError if it cannot be written."""
        names = NameWatch(self._targets.mappings_of)
        with RecordWriter(path, header, names=names) as self._writer:
            self._monitor.run()

    def _take(self, snapshot: Snapshot) -> None:
        assert self._writer is not None
        self._writer.write(snapshot)
        self.tally.add(snapshot)
        self._on_snapshot(snapshot)


class _Replayed:
    """The one primitive: hands over the reports of each sampling interval."""

    names: tuple[str, ...] = (NAME,)

    def __init__(self, samples: Samples, pids: Sequence[int], clock: ReplayClock) -> None:
        self.exhausted = False
        self.stop: Callable[[], None] = lambda: None
        self._samples = samples
        self._clock = clock
        self._reports = samples.by_time(pids)
        self._rows = np.empty(0, REPORT_DTYPE)
        self._times = self._rows["time_ns"]
        self._lost = self._nr_accesses = 0

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
                self._ctx.reports.extend(self._rows[:nr])
                self._nr_accesses += int(self._rows["weight"][:nr].sum(dtype=np.uint64))
                self._rows, self._times = self._rows[nr:], self._times[nr:]
            if len(self._rows):
                break
            self._read_on()
        self._count()
        if self.exhausted:
            self.stop()

    def cleanup(self) -> None:
        self._reports = iter(())

    def failures(self) -> tuple[str | None, ...]:
        return (None,)

    def provides(self) -> tuple[Provides, ...]:
        return (Provides(granularity="event", write=True, cpu=True, tid=True),)

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
        self._ctx.counters.update(counters, accesses=self._nr_accesses)


class _ReplayTargets:
    """All targets at the first poll; none of them ever ends."""

    def __init__(self, targets: Sequence[ReplayTarget]) -> None:
        self._targets = targets
        self._polled = False

    def poll(self) -> Sequence[Target]:
        if self._polled:
            return ()
        self._polled = True
        return [_target(one) for one in self._targets]

    def release(self) -> None:
        """There is nothing to be let go."""

    def close(self) -> None:
        """Nor to be ended."""

    def mappings_of(self, pid: int) -> Sequence[Mapping]:
        """What was mapped, as far as the file tells."""
        return next(one.mappings for one in self._targets if one.pid == pid)


class _AsGiven:
    """The ranges that the targets came with."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops

    @property
    def ops(self) -> Ops:
        return self._ops

    def ranges(self, target: Target) -> tuple[AddrRange, ...] | None:
        return target.given_ranges or None


def _target(one: ReplayTarget) -> Target:
    if not one.pid:
        return Target.physical(given_ranges=one.ranges)
    # No process that runs here has this start time: none is taken for the one of the file.
    return Target(pid=one.pid, comm=one.comm, start_time=-1, given_ranges=one.ranges)
