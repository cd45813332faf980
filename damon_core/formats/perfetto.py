"""A recording as trace events, for ui.perfetto.dev, speedscope or chrome://tracing.

"Trace Event Format", its JSON Object Format: a target is a process with counters (ph C), a band of
its addresses is a thread, and a time in which its access rate stays alike is a slice (ph X).  Times
are microseconds since the recording began.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from attrs import define, field

from ..report.grid import heat_grid
from ..report.outline import begin_ns
from ..report.text import mapping_text, target_text
from ..report.use_rule import UseRule
from ..units import about_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..record_names import TargetNames
    from ..report.grid import HeatGrid
    from ..report.spans import Column
    from ..snapshot import Snapshot, TargetState
    from .recorded import Recorded

_NR_BANDS = 48
_NR_ROWS = 2000
_STEP = 10.0
"""Percent: a slice goes on while the rate stays between two multiples of it."""

_NR_THREADS = 1000
"""Numbers of threads that a process of the trace has for itself: Perfetto takes equal ones of two
processes for the same thread."""

_Event = dict[str, Any]


def write_perfetto(recorded: Recorded, file: IO[bytes]) -> list[str]:
    """The trace, an event a line."""
    header = recorded.header
    about = {
        "recorded on": header.host,
        "kernel": header.kernel,
        "began, CLOCK_REALTIME ns": str(header.start_ns),
        "primitives": ", ".join(primitive.name for primitive in header.primitives),
    }
    head = {"displayTimeUnit": "ms", "otherData": about}
    file.write(json.dumps(head)[:-1].encode() + b', "traceEvents": [\n')
    separator = b""
    for event in _Trace(recorded).events():
        file.write(separator + json.dumps(event).encode())
        separator = b",\n"
    file.write(b"\n]}\n")
    return []


@define
class _Trace:
    """Events of all targets.  Two of them may have one pid: ids of the trace are made up."""

    recorded: Recorded
    _targets: dict[int, TargetState] = field(factory=dict)
    _processes: dict[int, int] = field(factory=dict)
    _begin_ns: int = 0

    def events(self) -> Iterator[_Event]:
        """All events: counters of all targets, then the bands of each."""
        for number, snapshot in enumerate(self.recorded):
            if number == 0:
                self._begin_ns = begin_ns(snapshot)
            yield from self._counters(snapshot)
        names = {known.target: known for known in self.recorded.names()}
        for index, target in sorted(self._targets.items()):
            process = self._process(index)
            yield _about("process_name", process, process, name=target_text(target))
            yield _about("process_sort_index", process, process, sort_index=index)
            yield from self._bands(index, names.get(index))

    def _counters(self, snapshot: Snapshot) -> Iterator[_Event]:
        regions = snapshot.regions
        sizes = (regions.end - regions.start).astype(np.float64)
        whole = np.where(regions.nr_accesses > 0, sizes, 0.0)
        used = UseRule().sizes(regions)
        heat = sizes * regions.nr_accesses / snapshot.nr_samples
        for target in snapshot.targets:
            self._targets[target.index] = target
            first, last = np.searchsorted(regions.target, [target.index, target.index + 1])
            mine = slice(first, last)
            monitored = float(sizes[mine].sum())
            values = {
                ("working set", "bytes"): round(float(used[mine].sum())),
                ("accessed regions", "bytes"): round(float(whole[mine].sum())),
                ("mean access rate", "%"): 100 * float(heat[mine].sum()) / max(1.0, monitored),
                ("regions", "number"): int(last - first),
            }
            if target.rss is not None:
                values["RSS", "bytes"] = target.rss
            process = self._process(target.index)
            for (name, unit), value in values.items():
                yield {
                    "name": name,
                    "ph": "C",
                    "ts": self._us(begin_ns(snapshot)),
                    "pid": process,
                    "tid": process,
                    "args": {unit: value},
                }

    def _bands(self, index: int, names: TargetNames | None) -> Iterator[_Event]:
        rows = min(_NR_ROWS, len(self.recorded))
        try:
            grid = heat_grid(self.recorded, nr_rows=rows, nr_columns=_NR_BANDS, target=index)
        except LookupError:  # never had a region
            return
        process = self._process(index)
        for number, column in enumerate(grid.columns):
            thread = process + 1 + number
            yield _about("thread_name", process, thread, name=_band_text(column, names))
            yield _about("thread_sort_index", process, thread, sort_index=number)
            yield from self._slices(grid, number, process, thread)

    def _slices(self, grid: HeatGrid, number: int, process: int, thread: int) -> Iterator[_Event]:
        column = grid.columns[number]
        for first, last, heat in _stretches(grid.heat[:, number].tolist()):
            low = int(min(heat, 100 - _STEP) // _STEP * _STEP)
            begin, end = (self._us(grid.start_ns + row * grid.row_ns) for row in (first, last))
            yield {
                # Perfetto colours by the name without its digits.
                "name": f"{low}-{low + _STEP:.0f} % {'#' * round(low / _STEP + 1)}",
                "cat": "heat",
                "ph": "X",
                "ts": begin,
                "dur": end - begin,
                "pid": process,
                "tid": thread,
                "args": {
                    "access rate (%)": round(heat, 3),
                    "start": hex(column.range.start),
                    "end": hex(column.range.end),
                },
            }

    def _process(self, index: int) -> int:
        """Id of a target in the trace, by the order in which targets were seen."""
        return self._processes.setdefault(index, _NR_THREADS * (len(self._processes) + 1))

    def _us(self, time_ns: int) -> int:
        # Whole ones: fractions that readers round would let slices overlap.
        return max(0, time_ns - self._begin_ns) // 1000


def _stretches(heat: Iterable[float]) -> Iterator[tuple[int, int, float]]:
    """Rows first to last (excluded) in which the heat stays in one step, and its mean there."""
    first, step, total = 0, -1.0, 0.0
    number = -1
    for number, cell in enumerate(heat):
        # Neither is a slice: no region, and no access.
        here = min(cell, 100 - _STEP) // _STEP if cell > 0 else -1.0
        if here != step:
            if step >= 0:
                yield first, number, total / (number - first)
            first, step, total = number, here, 0.0
        total += cell
    if step >= 0:
        yield first, number + 1, total / (number + 1 - first)


def _band_text(column: Column, names: TargetNames | None) -> str:
    where = f"{column.range.start:012x} {about_size(column.range.size)}"
    if column.folded:
        where += ", hardly ever accessed"
    return f"{where} {mapping_text(names.name_of(column.range))}" if names else where


def _about(kind: str, process: int, thread: int, **args: str | int) -> _Event:
    return {"name": kind, "ph": "M", "pid": process, "tid": thread, "args": args}
