"""What a recording is: when, where, of whom, by what, at which cost, and what was lost."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from typing import IO, TYPE_CHECKING

from attrs import asdict, define, field

from ..snapshot import SourceCounters
from ..units import about_size
from .text import about_time, clock_time, intervals_text, printable, target_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..record_format import RecordHeader, RecordOrigin
    from ..snapshot import Snapshot, SourceState, TargetState

_COUNTERS = tuple(SourceCounters.__annotations__)


@define
class _Range:
    """Smallest and largest of something, and its sum."""

    low: int = 0
    high: int = 0
    total: int = 0
    nr: int = 0

    def add(self, value: int) -> None:
        self.low = min(self.low, value) if self.nr else value
        self.high = max(self.high, value)
        self.total += value
        self.nr += 1

    @property
    def mean(self) -> float:
        return self.total / self.nr if self.nr else 0.0


@define
class _Source:
    """One primitive over the whole recording; ``own`` as last seen: it counts from the start."""

    name: str
    mechanisms: list[str] = field(factory=list)
    counters: Counter[str] = field(factory=Counter)
    own: dict[str, int] = field(factory=dict)
    failures: list[str] = field(factory=list)


class RecordInfo:
    """A recording summed up."""

    def __init__(
        self, header: RecordHeader, snapshots: Iterable[Snapshot], *, truncated: bool = False
    ) -> None:
        self.header = header
        self.truncated = truncated
        self.sample_us, self.aggr_us, self.nr_regions = _Range(), _Range(), _Range()
        self.monitored = _Range()
        self.cpu_ns = self.nr_samples = self.nr_late = 0
        self.first_ns = self.last_ns = header.start_ns
        self.targets: dict[int, TargetState] = {}
        self.sources = [_Source(primitive.name) for primitive in header.primitives]
        self.notes: Counter[str] = Counter()
        for snapshot in snapshots:
            self._add(snapshot)

    @property
    def nr_snapshots(self) -> int:
        """How many there are."""
        return self.nr_regions.nr

    @property
    def length_us(self) -> float:
        """From the first window to the last; at least their sum, should the clock be set back."""
        return max(self.aggr_us.total, (self.last_ns - self.first_ns) / 1000)

    @property
    def cpu_share(self) -> float:
        """CPU time of the monitor as a share of one CPU."""
        return self.cpu_ns / self.length_us / 1000 if self.nr_snapshots else 0.0

    def render(self, file: IO[str]) -> None:
        """Write it as lines of "name: value"."""
        for name, value in self._lines():
            print(f"{name + ':':<17}{value}", file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object."""
        header = self.header
        json.dump(
            {
                "host": header.host,
                "kernel": header.kernel,
                "damon": header.damon_version,
                "command_line": header.command_line,
                "context": header.context,
                "origin": asdict(header.origin) if header.origin else None,
                "ops": str(header.ops),
                "config": header.config,
                "intervals_asked": asdict(header.intervals) if header.intervals else None,
                "truncated": self.truncated,
                "nr_snapshots": self.nr_snapshots,
                "start_ns": self.first_ns,
                "end_ns": self.last_ns,
                "sample_us": asdict(self.sample_us),
                "aggr_us": asdict(self.aggr_us),
                "nr_regions": asdict(self.nr_regions),
                "monitored_bytes": asdict(self.monitored),
                "nr_samples": self.nr_samples,
                "nr_late": self.nr_late,
                "cpu_ns": self.cpu_ns,
                "cpu_share": self.cpu_share,
                "targets": [asdict(target) for target in self.targets.values()],
                "primitives": [asdict(source) for source in self.sources],
                "notes": dict(self.notes),
            },
            file,
        )
        file.write("\n")

    def _add(self, snapshot: Snapshot) -> None:
        if not self.nr_snapshots:
            self.first_ns = snapshot.start_ns
        self.last_ns = snapshot.end_ns
        self.sample_us.add(snapshot.intervals.sample_us)
        self.aggr_us.add(snapshot.intervals.aggr_us)
        self.nr_regions.add(len(snapshot.regions))
        self.monitored.add(int((snapshot.regions.end - snapshot.regions.start).sum()))
        self.cpu_ns += snapshot.cpu_ns
        self.nr_samples += snapshot.nr_samples
        self.nr_late += snapshot.nr_late
        self.targets.update((target.index, target) for target in snapshot.targets)
        self.notes.update(snapshot.notes)
        for source, state in zip(self.sources, snapshot.sources, strict=True):
            _add_source(source, state)

    def _lines(self) -> list[tuple[str, str]]:
        header = self.header
        end = "broken off (stopped hard, or still being written)" if self.truncated else "complete"
        asked = intervals_text(header.intervals) if header.intervals else "automatic"
        lines = [
            ("recording", f"{end}, {self.nr_snapshots} snapshots"),
            ("begin", clock_time(self.first_ns)),
            ("end", f"{clock_time(self.last_ns)} ({about_time(self.length_us)})"),
            ("host", f"{_known(header.host)}, kernel {_known(header.kernel)}"),
            ("command", printable(shlex.join(header.command_line)) or "unknown"),
            ("damon", printable(header.damon_version) or "unknown"),
            ("ops", str(header.ops)),
            ("asked intervals", asked),
        ]
        if header.context:
            lines.append(("context", printable(header.context)))
        if header.origin:
            lines += _origin_lines(header.origin)
        if self.nr_snapshots:
            lines += self._kept_lines()
        for source in self.sources:
            lines += _source_lines(source)
        for note, times in self.notes.items():
            lines.append(("note", printable(note) + (f" ({times} times)" if times > 1 else "")))
        return lines

    def _cpu_line(self) -> tuple[str, str]:
        if self.header.origin:  # its time is not that of the file
            return ("import's CPU", about_time(self.cpu_ns / 1000))
        cost = f"{about_time(self.cpu_ns / 1000)}, {self.cpu_share:.2%} of one CPU"
        return ("monitor's CPU", cost)

    def _kept_lines(self) -> list[tuple[str, str]]:
        lines = [
            ("sample interval", _times(self.sample_us)),
            ("aggregation", _times(self.aggr_us)),
            ("samples", f"{self.nr_samples:,}, {self.nr_late:,} of them late"),
            ("regions", f"{self.nr_regions.low} to {self.nr_regions.high}"),
            ("monitored", f"{about_size(self.monitored.low)} to {about_size(self.monitored.high)}"),
            self._cpu_line(),
        ]
        for target in self.targets.values():
            rss = "" if target.rss is None else f", RSS {about_size(target.rss)}"
            name, who = target_text(target).split(": ", 1)
            lines.append((name, who + rss))
        return lines


def _known(text: str) -> str:
    return printable(text) or "unknown"


def _origin_lines(origin: RecordOrigin) -> list[tuple[str, str]]:
    cpu = f" on {printable(origin.cpu)}" if origin.cpu else ""
    lines = [("imported from", f"{printable(origin.path)}, {printable(origin.tool)}{cpu}")]
    if origin.command_line:
        lines.append(("  recorded by", printable(shlex.join(origin.command_line))))
    lines.append(("  times of day", printable(origin.clock)))
    return lines


def _add_source(source: _Source, state: SourceState) -> None:
    if state.mechanism not in source.mechanisms:
        source.mechanisms.append(state.mechanism)
    source.counters.update({name: getattr(state.counters, name) for name in _COUNTERS})
    source.own = dict(state.own)
    if state.failure and state.failure not in source.failures:
        source.failures.append(state.failure)


def _source_lines(source: _Source) -> list[tuple[str, str]]:
    mechanisms = ", ".join(printable(name) for name in source.mechanisms if name)
    lines = [("primitive", printable(source.name) + (f" ({mechanisms})" if mechanisms else ""))]
    total = source.counters.total()
    counted = [f"{nr:,} {name}" for name, nr in source.counters.items() if nr]
    lines.append(("  reports", f"{total:,}" + (f": {', '.join(counted)}" if counted else "")))
    if source.own:
        own = (f"{printable(name)} {nr:,}" for name, nr in source.own.items())
        lines.append(("  counters", ", ".join(own)))
    lines += [("  failure", printable(failure)) for failure in source.failures]
    return lines


def _times(kept: _Range) -> str:
    low, high = about_time(kept.low), about_time(kept.high)
    return f"really kept {about_time(kept.mean)} in the mean, {low} to {high}"
