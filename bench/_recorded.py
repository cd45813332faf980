"""What the accuracy programs share: a workload that is recorded to its end, with its truth."""

from __future__ import annotations

import sys
from pathlib import Path

from attrs import frozen

from damon_core.config import Config, ContextConfig, TargetConfig
from damon_core.host import PrimitiveChoice
from damon_core.record import Record, open_record
from damon_core.recorded_context import RecordedContext
from damon_core.recording import Recording
from damon_core.snapshot import Snapshot
from damon_core.spec import ContextSpec
from damon_core.truth import Truth
from damon_core.workload.plan import Workload
from damon_core.workload.toucher import Toucher


@frozen(eq=False)
class Recorded:
    """One run: what was seen, what was true, and what the engine said on the way."""

    record: Record
    truth: Truth
    context: RecordedContext
    notes: tuple[str, ...]

    def windows_of_phases(self) -> list[list[Snapshot]]:
        """For each phase the snapshots whose windows lie in it."""
        starts = [phase.time_ns for phase in self.truth.phases]
        ends = [*starts[1:], 2**63]
        windows: list[list[Snapshot]] = [[] for _ in starts]
        for snapshot in self.record:
            begin = self.truth.monotonic_ns(snapshot.start_ns)
            end = self.truth.monotonic_ns(snapshot.end_ns)
            for mine, phase_start, phase_end in zip(windows, starts, ends, strict=True):
                if phase_start <= begin and end <= phase_end:
                    mine.append(snapshot)
        return windows


def record_context(
    context: ContextConfig, path: Path, duration_us: int | None
) -> tuple[RecordedContext, tuple[str, ...]]:
    """Record what is configured; the context, and its notes."""
    notes: list[str] = []

    def take(context: RecordedContext, snapshot: Snapshot) -> None:
        notes.extend(snapshot.notes)
        for note in snapshot.notes:
            print(note, file=sys.stderr)

    recording = Recording(Config((context,)), path=str(path), on_snapshot=take)
    recording.run(duration_us)
    return recording.contexts[0], tuple(notes)


def record_pid(
    pid: int, spec: ContextSpec, path: Path, duration_us: int | None
) -> tuple[RecordedContext, tuple[str, ...]]:
    """Record a process; the context, and its notes."""
    context = ContextConfig(spec, (TargetConfig(pid=pid),), (PrimitiveChoice("accessed_bit"),))
    return record_context(context, path, duration_us)


def record_workload(
    workload: Workload, spec: ContextSpec, folder: Path, duration_us: int | None = None
) -> Recorded:
    """Run a workload and record it until its end, or for a time."""
    log, path = folder / "truth", folder / "record.damon"
    with Toucher(workload, log) as toucher:
        context, notes = record_pid(toucher.pid, spec, path, duration_us)
    return Recorded(open_record(str(path)), Truth.read(log), context, notes)
