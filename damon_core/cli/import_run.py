"""One import from start to end, and what is told of it on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from importlib import metadata

from ..config import Config
from ..config.text import config_text
from ..perf_data.file import PerfFile
from ..perf_data.survey import Survey
from ..record_format import PrimitiveInfo, RecordHeader, RecordOrigin
from ..recording import DEFAULT_PATH
from ..replay import Replay, ReplayClock
from ..replay_source import NAME
from ..snapshot import Snapshot
from ..tally import COUNTERS
from ..units import about_size
from .import_options import ImportOptions, ImportPlan

_LATEST_NS = 2**62


class ImportRun:
    """Reads the samples twice: what there is, and then what becomes of it."""

    def __init__(
        self, options: ImportOptions, file: PerfFile, *, command_line: Sequence[str], quiet: bool
    ) -> None:
        self._began_ns = time.process_time_ns()
        self._quiet = quiet
        survey = file.survey()
        self._plan = options.plan(survey)
        record = self._plan.context.record
        self.path = options.output or (record.path if record else DEFAULT_PATH)
        realtime_ns, clock = time_of_day(file, survey, of_now=options.path == "-")
        self._header = _header(file, self._plan, realtime_ns, clock, tuple(command_line))
        self._replay = Replay(
            file,
            self._plan.context.spec,
            self._plan.targets,
            ReplayClock(survey.first_ns, realtime_ns),
            space=self._plan.space,
            on_snapshot=self._tell,
        )
        for note in (*file.layout.notes, *self._plan.notes, *_file_notes(survey)):
            self._replay.note(note)

    def run(self) -> None:
        """Write the recording, and say what is in it."""
        self._replay.run(self.path, self._header)
        self._summarize()

    def stop(self) -> None:
        """End it after the present sampling interval."""
        self._replay.stop()

    def abandon(self) -> None:
        """What is in the recording by now is whole."""

    def _tell(self, snapshot: Snapshot) -> None:
        for note in () if self._quiet else snapshot.notes:
            print(note, file=sys.stderr)

    def _summarize(self) -> None:
        if self._quiet:
            return
        tally = self._replay.tally
        seen = ", ".join(f"{tally.reports[n]:,} {n}" for n in COUNTERS if tally.reports[n])
        cpu_s = (time.process_time_ns() - self._began_ns) / 1e9
        lines = [
            f"{tally.nr_snapshots} snapshots of {tally.span_ns / 1e9:.3g} s, {tally.nr_regions} "
            f"regions in the last; the import took {cpu_s:.2f} s of CPU time",
            f"reports: {seen or 'none'}; {_directions(self._replay.seen)}",
            f"recorded in {self.path}{_size(self.path)}",
            f"look at it: damon report access {self.path}",
        ]
        for line in lines:
            print(line, file=sys.stderr)


def _directions(seen: dict[str, int]) -> str:
    """What the reports were, as far as there were any."""
    words = {"reads": "reads", "writes": "writes", "unknown_direction": "of unknown direction"}
    told = ", ".join(f"{seen[name]:,} {word}" for name, word in words.items() if seen[name])
    return f"{told or 'none'}, for {seen['accesses']:,} accesses"


def _size(path: str) -> str:
    import os

    try:
        return f" ({about_size(os.stat(path).st_size)})"
    except OSError:
        return ""


def time_of_day(file: PerfFile, survey: Survey, *, of_now: bool) -> tuple[int, str]:
    """CLOCK_REALTIME of the first sample, in ns, and how it is known."""
    clock = file.layout.features.clock
    if clock is not None:
        realtime_ns = clock[0] + survey.first_ns - clock[1]
        if 0 <= realtime_ns < _LATEST_NS:
            return realtime_ns, "as perf recorded them"
    realtime_ns = max(0, file.layout.mtime_ns - (survey.last_ns - survey.first_ns))
    last = "of the time of the import" if of_now else "as old as the file"
    return realtime_ns, f"guessed: the last sample is taken to be {last}"


def _file_notes(survey: Survey) -> list[str]:
    """What was lost, or could not be read, of a file."""
    counts = survey.counts
    notes = []
    if counts.counts.lost:
        notes.append(f"perf lost {counts.counts.lost:,} samples, as it could not keep up")
    if counts.counts.lost_samples:
        notes.append(f"the processor lost {counts.counts.lost_samples:,} samples")
    if counts.counts.throttled:
        notes.append(f"the kernel silenced events {counts.counts.throttled:,} times: too many")
    if counts.unread_bytes:
        notes.append(f"it is damaged: its last {counts.unread_bytes:,} bytes are no records")
    if counts.cut_short:
        notes.append("its last record is cut short, and was left out")
    if counts.other_event:
        notes.append(f"{counts.other_event:,} samples are of events without addresses")
    if counts.unknown_event:
        notes.append(f"{counts.unknown_event:,} samples are of no event of the file")
    if counts.unknown_records:
        notes.append(f"{counts.unknown_records:,} records are of kinds that are not known here")
    return notes


def _header(
    file: PerfFile, plan: ImportPlan, realtime_ns: int, clock: str, command_line: tuple[str, ...]
) -> RecordHeader:
    features = file.layout.features
    version = metadata.version("damon-core")
    spec = plan.context.spec
    return RecordHeader(
        ops=spec.ops,
        primitives=(PrimitiveInfo(NAME, version, file.mechanism),),
        start_ns=realtime_ns,
        host=features.hostname,
        kernel=f"{features.osrelease} {features.arch}".strip(),
        intervals=None if plan.automatic else spec.intervals,
        config=config_text(Config((plan.context,))),
        command_line=command_line,
        damon_version=version,
        origin=RecordOrigin(
            path=file.layout.path,
            events=tuple(event.title for event in file.decoding.events),
            tool=f"perf {features.version or 'of unknown version'}",
            command_line=features.cmdline,
            cpu=features.cpudesc,
            clock=clock,
        ),
    )
