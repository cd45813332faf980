"""Targets that wait for the word to work, so that the monitor is there from the first access on."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType

from attrs import frozen

from ..config import TargetConfig
from ..config.context import TargetMatch
from ..errors import RecordError, RunError
from ..model import AddrRange
from ..spans import Spans
from ..truth_log import TruthLog, read_truth_log
from ..units import format_time_us
from ..workload.key_load import KeyLoad
from ..workload.plan import Workload
from ..workload.server import Connection, Server
from ..workload.toucher import Toucher, log_paths
from .page_units import huge_pages

SERVED_NS = 12_000_000_000
"""How long a server is under load."""
_CPUCLOCK_SCHED = 2


@frozen
class TargetCost:
    """What the target did: touches or requests, in how much CPU time of its own, in how much time.

    A command did one thing: all of it.
    """

    nr_touches: float
    cpu_ns: int
    span_ns: int

    @property
    def cpu_per_touch_ns(self) -> float:
        return self.cpu_ns / self.nr_touches if self.nr_touches else 0.0

    @property
    def touches_per_s(self) -> float:
        return self.nr_touches * 1e9 / self.span_ns if self.span_ns else 0.0


class Driven(ABC):
    """A target that is ready; leaving the context ends it.

    ``truths``: of each of its processes, once it has stopped; empty where none is known.  ``huge``:
    what of the areas that were asked for huge pages mapped before its work and after it.
    """

    target: TargetConfig
    truths: tuple[TruthLog, ...] = ()
    huge: Spans = Spans.of(())

    def areas(self) -> tuple[AddrRange, ...]:
        """The memory of a workload of one process, of all others nothing."""
        return ()

    @abstractmethod
    def work(self) -> TargetCost:
        """Let it do all its work, and stop it.  RunError if it fails."""

    @abstractmethod
    def close(self) -> None:
        """End it, whatever it is at."""

    def __enter__(self) -> Driven:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class DrivenWorkload(Driven):
    """A workload whose accesses are known."""

    def __init__(self, workload: Workload, log: Path) -> None:
        self._logs = log_paths(workload, log)
        for path in self._logs:
            path.unlink(missing_ok=True)
        self._toucher = Toucher(workload, log, control=True)
        self._areas: tuple[AddrRange, ...] = ()
        match = TargetMatch(children=True) if workload.processes else None
        self.target = TargetConfig(pid=self._toucher.pid, match=match)

    def areas(self) -> tuple[AddrRange, ...]:
        """As of any."""
        self._areas = tuple(area.range for area in read_truth_log(self._logs[0]).areas)
        return self._areas

    def work(self) -> TargetCost:
        """As of any."""
        huge = huge_pages(self._toucher.pid, self._areas)
        before_ns = self._cpu_time_ns()
        self._toucher.start()
        self._toucher.finish()
        cpu_ns = self._cpu_time_ns() - before_ns
        self.huge = huge & huge_pages(self._toucher.pid, self._areas)
        self._toucher.stop()
        self.truths = tuple(whole_log(path) for path in self._logs)
        return _cost_of_touches(self.truths, cpu_ns)

    def close(self) -> None:
        """As of any."""
        self._toucher.__exit__(None, None, None)

    def _cpu_time_ns(self) -> int:
        return sum(cpu_time_ns(pid) for pid in self._toucher.pids)


class DrivenServer(Driven):
    """A server that has all its keys, and is to be asked for them."""

    def __init__(
        self, kind: type[Server], load: KeyLoad, *, duration_ns: int | None = None
    ) -> None:
        self._load = load
        self._duration_ns = duration_ns or SERVED_NS
        self._server = kind()
        self._connection: Connection | None = None
        try:
            self._connection = self._server.connect()
            load.fill(self._server, self._connection)
        except BaseException:
            self.close()
            raise
        self.target = TargetConfig(pid=self._server.pid)

    def work(self) -> TargetCost:
        """As of any."""
        assert self._connection is not None
        before_ns = cpu_time_ns(self._server.pid)
        done = self._load.run(self._server, self._connection, self._duration_ns)
        cpu_ns = cpu_time_ns(self._server.pid) - before_ns
        self.close()
        return TargetCost(done.nr_requests, cpu_ns, done.span_ns)

    def close(self) -> None:
        """As of any."""
        if self._connection is not None:
            self._connection.close()
        self._server.__exit__(None, None, None)


def whole_log(path: Path) -> TruthLog:
    """The truth that a workload wrote; RunError for none, one that was cut off, or an empty one."""
    try:
        log = read_truth_log(path)
    except RecordError as error:
        what = str(error) if path.exists() and path.stat().st_size else "nothing was written"
        raise RunError(
            f"no truth: {what}, a log of what it touched was wanted; see whether the workload runs "
            "by itself (damon workload)"
        ) from None
    if not log.ended:
        until_us = ((log.known_until_ns or log.start_ns) - log.start_ns) // 1000
        raise RunError(
            f"the truth is cut off after {format_time_us(until_us)}: its last line, which says "
            "that the workload came to its end, is missing; see what killed it (dmesg), and run "
            "it again"
        )
    if not log.touchings:
        raise RunError(
            "it touched nothing, so there is nothing to see: give its phases time, and its "
            "patterns a shorter pause"
        )
    return log


def cpu_time_ns(pid: int) -> int:
    """CPU time of a process, its threads that have ended included; RunError if it is gone."""
    try:
        # clock_getcpuclockid(3), which Python has for threads only: MAKE_PROCESS_CPUCLOCK in Linux
        return time.clock_gettime_ns((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:
        raise RunError(f"process {pid} ended before its work was done") from None


def _cost_of_touches(logs: tuple[TruthLog, ...], cpu_ns: int) -> TargetCost:
    records = [one for log in logs for one in log.touchings]
    places = (
        one.nr if one.first is not None else one.nr * -(-one.range.size // one.stride)
        for one in records
    )
    start_ns = min((one.t0 for one in records), default=0)
    end_ns = max((one.t1 for one in records), default=0)
    return TargetCost(sum(places), cpu_ns, end_ns - start_ns)
