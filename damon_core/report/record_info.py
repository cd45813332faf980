"""What a recording is: when, where, of whom, by what, at which cost, and what was lost."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from typing import IO, TYPE_CHECKING

from attrs import asdict, define, field

from ..snapshot import SourceCounters
from ..units import about_size
from .areas import Areas
from .text import (
    about_time,
    clock_time,
    intervals_text,
    mapping_text,
    printable,
    target_text,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..record_format import RecordHeader, RecordOrigin
    from ..record_names import TargetNames
    from ..snapshot import Snapshot, SourceState, TargetState

_COUNTERS = tuple(SourceCounters.__annotations__)
_MAX_AREAS = 8

# Intervals are called mixed from here on: a clock alone does not make them so.
_MIXED = 1.5


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
        self,
        header: RecordHeader,
        snapshots: Iterable[Snapshot],
        *,
        truncated: bool = False,
        names: Sequence[TargetNames] = (),
        width: int = 80,
    ) -> None:
        self.header = header
        self.truncated = truncated
        self.names = {known.target: known for known in names}
        self.width = width
        self.areas = Areas()
        self.sample_us, self.aggr_us, self.nr_regions = _Range(), _Range(), _Range()
        self.monitored = _Range()
        self.cpu_ns = self.target_cpu_ns = self.nr_samples = self.nr_late = 0
        self.first_ns = self.last_ns = header.start_ns
        self.targets: dict[int, TargetState] = {}
        self.sources: dict[str, _Source] = {}
        self.notes: Counter[str] = Counter()
        for snapshot in snapshots:
            self.add(snapshot)
        if not self.nr_snapshots:
            self.sources = {one.name: _Source(one.name) for one in header.primitives}

    @property
    def nr_snapshots(self) -> int:
        """How many there are."""
        return self.nr_regions.nr

    @property
    def length_us(self) -> float:
        """From the first window to the last; at least their sum, should the clock be set back."""
        return max(self.aggr_us.total, (self.last_ns - self.first_ns) / 1000)

    @property
    def covered(self) -> float:
        """Share of the time that lies in windows; the rest is between them."""
        length_us = self.length_us
        return min(1.0, self.aggr_us.total / length_us) if length_us else 0.0

    @property
    def cpu_share(self) -> float:
        """CPU time of the monitor as a share of one CPU."""
        return self.cpu_ns / self.length_us / 1000 if self.nr_snapshots else 0.0

    def render(self, file: IO[str]) -> None:
        """Write it as lines of "name: value"."""
        column = 17 if self.width >= 40 else 2
        for name, value in self._lines():
            first, *more = wrapped(value, self.width - column) or [""]
            if column < 17:
                print(f"{name}:", file=file)
                more, first = [first, *more], ""
            else:
                print(f"{name + ':':<{column}}{first}".rstrip(), file=file)
            for line in more:
                print(f"{'':{column}}{line}", file=file)

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
                "covered": self.covered,
                "nr_samples": self.nr_samples,
                "nr_late": self.nr_late,
                "cpu_ns": self.cpu_ns,
                "cpu_share": self.cpu_share,
                "target_cpu_ns": self.target_cpu_ns,
                "targets": [
                    {
                        **asdict(target),
                        "areas": [[area.start, area.end] for area in self.areas.of(target.index)],
                    }
                    for target in self.targets.values()
                ],
                "primitives": [asdict(source) for source in self.sources.values()],
                "notes": dict(self.notes),
            },
            file,
        )
        file.write("\n")

    def add(self, snapshot: Snapshot) -> None:
        """Take in one snapshot."""
        if not self.nr_snapshots:
            self.first_ns = snapshot.start_ns
        self.last_ns = snapshot.end_ns
        self.sample_us.add(snapshot.intervals.sample_us)
        self.aggr_us.add(snapshot.intervals.aggr_us)
        self.nr_regions.add(len(snapshot.regions))
        self.monitored.add(int((snapshot.regions.end - snapshot.regions.start).sum()))
        self.cpu_ns += snapshot.cpu_ns
        self.target_cpu_ns += snapshot.target_cpu_ns
        self.nr_samples += snapshot.nr_samples
        self.nr_late += snapshot.nr_late
        self.targets.update((target.index, target) for target in snapshot.targets)
        self.areas.add(snapshot)
        self.notes.update(snapshot.notes)
        for state in snapshot.sources:
            _add_source(self.sources.setdefault(state.name, _Source(state.name)), state)

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
        for source in self.sources.values():
            lines += _source_lines(source)
        for note, times in self.notes.items():
            lines.append(("note", printable(note) + (f" ({times} times)" if times > 1 else "")))
        return lines

    def _cpu_lines(self) -> list[tuple[str, str]]:
        if self.header.origin:  # its time is not that of the file
            return [("import's CPU", about_time(self.cpu_ns / 1000))]
        costs = [("monitor's CPU", self.cpu_ns), ("targets' cost", self.target_cpu_ns)]
        return [
            (name, f"{about_time(ns / 1000)}, {ns / self.length_us / 1000:.2%} of one CPU")
            for name, ns in costs[: 1 + bool(self.target_cpu_ns)]
        ]

    def _kept_lines(self) -> list[tuple[str, str]]:
        lines = [
            ("sample interval", _times(self.sample_us)),
            ("aggregation", _times(self.aggr_us)),
            ("windows", f"cover {self.covered:.1%} of the time"),
            ("samples", f"{self.nr_samples:,}, {self.nr_late:,} of them late"),
            ("regions", f"{self.nr_regions.low} to {self.nr_regions.high}"),
            ("monitored", f"{about_size(self.monitored.low)} to {about_size(self.monitored.high)}"),
            *self._cpu_lines(),
        ]
        for target in self.targets.values():
            rss = "" if target.rss is None else f", RSS {about_size(target.rss)}"
            name, who = target_text(target).split(": ", 1)
            lines += [(name, who + rss), *self._area_lines(target.index)]
        return lines

    def _area_lines(self, target: int) -> list[tuple[str, str]]:
        areas = self.areas.of(target)
        names = self.names.get(target)
        lines = []
        for area in areas[:_MAX_AREAS]:
            mostly = f", mostly {mapping_text(names.name_of(area))}" if names else ""
            text = f"{area.start:012x}-{area.end:012x}, {about_size(area.size)}{mostly}"
            lines.append(("  addresses", text))
        if len(areas) > _MAX_AREAS:
            rest = about_size(sum(area.size for area in areas[_MAX_AREAS:]))
            lines.append(("  addresses", f"and {len(areas) - _MAX_AREAS} more of {rest} together"))
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
    lost = f"; {source.counters['lost'] / total:.2%} lost" if source.counters["lost"] else ""
    lines.append(
        ("  reports", f"{total:,}" + (f": {', '.join(counted)}" if counted else "") + lost)
    )
    if source.own:
        own = (f"{printable(name)} {nr:,}" for name, nr in source.own.items())
        lines.append(("  counters", ", ".join(own)))
    lines += [("  failure", printable(failure)) for failure in source.failures]
    return lines


def _times(kept: _Range) -> str:
    low, high = about_time(kept.low), about_time(kept.high)
    mixed = ", mixed" if kept.high > _MIXED * kept.low else ""
    return f"really kept {about_time(kept.mean)} in the mean, {low} to {high}{mixed}"
