"""A recording made of a file of samples: the file's time drives the engine that also runs live."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from attrs import evolve

from .engine import Monitor
from .ops import AddressSpace
from .record_format import RecordHeader
from .record_names import NameWatch
from .record_writer import RecordWriter, remove_file
from .replay_source import ReplayedReports, Samples
from .replay_targets import AsGiven, ReplayTarget, ReplayTargets
from .snapshot import Snapshot
from .spec import ContextSpec
from .tally import Tally

STOPPED = "stopped before the end of the file"


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
        self._targets = ReplayTargets(targets)
        self._primitive = ReplayedReports(samples, [one.pid for one in targets if one.pid], clock)
        self._on_snapshot = on_snapshot
        self._monitor = Monitor(
            # Time stands still while the engine works: no quota of it can be exceeded.
            evolve(spec, cpu_quota=math.inf),
            self._targets,
            self._primitive,
            self._take,
            space=space or AsGiven(spec.ops),
            clock=clock,
        )
        self._primitive.end = self._monitor.stop
        self._writer: RecordWriter | None = None

    @property
    def seen(self) -> dict[str, int]:
        """What the reports were: accesses that they stand for, reads, writes, of neither known."""
        return dict(self._primitive.seen)

    @property
    def finished(self) -> bool:
        return self._primitive.exhausted

    def note(self, text: str) -> None:
        """Tell the user, and keep it in the recording."""
        self._monitor.note(text)

    def stop(self) -> None:
        """End it after one more sampling interval; the last snapshot says so."""
        self._monitor.note(STOPPED)
        self._primitive.stopping = True

    def run(self, path: str, header: RecordHeader) -> None:
        """Write the recording; RecordError if it cannot be written."""
        names = NameWatch(self._targets.mappings_of)
        self._writer = RecordWriter(path, header, names=names)
        try:
            with self._writer:
                self._monitor.run()
        except BaseException:
            if not self._writer.nr_snapshots:
                remove_file(path)
            raise

    def _take(self, snapshot: Snapshot) -> None:
        assert self._writer is not None
        self._writer.write(snapshot)
        self.tally.add(snapshot)
        self._on_snapshot(snapshot)
