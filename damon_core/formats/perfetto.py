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
from ..report.wss import UseRule
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
    """Two targets may have one pid, so that a process of the trace is the target's index."""

    recorded: Recorded
    _targets: dict[int, TargetState] = field(factory=dict)
    _begin_ns: int = 0

    def events(self) -> Iterator[_Event]:
        """All events: counters of all targets, then the bands of each."""
        for number, snapshot in enumerate(self.recorded):
            if number == 0:
                self._begin_ns = begin_ns(snapshot)
            yield from self._counters(snapshot)
        names = {known.target: known for known in self.recorded.names()}
        for index, target in sorted(self._targets.items()):
            yield _named("process_name", index, 0, target_text(target))
            yield _sorted("process_sort_index", index, 0)
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
                "working set (bytes)": float(used[mine].sum()),
                "accessed regions (bytes)": float(whole[mine].sum()),
                "mean access rate (%)": 100 * float(heat[mine].sum()) / max(1.0, monitored),
                "regions": int(last - first),
            }
            if target.rss is not None:
                values["RSS (bytes)"] = target.rss
            for name, value in values.items():
                yield {
                    "name": name,
                    "ph": "C",
                    "ts": self._us(begin_ns(snapshot)),
                    "pid": _process(target.index),
                    "tid": 0,
                    "args": {"value": value},
                }

    def _bands(self, index: int, names: TargetNames | None) -> Iterator[_Event]:
        rows = min(_NR_ROWS, len(self.recorded))
        try:
            grid = heat_grid(self.recorded, nr_rows=rows, nr_columns=_NR_BANDS, target=index)
        except LookupError:  # never had a region
            return
        for number, column in enumerate(grid.columns, start=1):
            yield _named("thread_name", index, number, _band_text(column, names))
            yield _sorted("thread_sort_index", index, number)
            yield from self._slices(grid, number)

    def _slices(self, grid: HeatGrid, number: int) -> Iterator[_Event]:
        column = grid.columns[number - 1]
        for first, last, heat in _stretches(grid.heat[:, number - 1].tolist()):
            low = int(min(heat, 100 - _STEP) // _STEP * _STEP)
            yield {
                "name": f"{low}-{low + _STEP:.0f} %",
                "cat": "heat",
                "ph": "X",
                "ts": self._us(grid.start_ns + first * grid.row_ns),
                "dur": (last - first) * grid.row_ns / 1000,
                "pid": _process(grid.target.index),
                "tid": number,
                "args": {
                    "access rate (%)": round(heat, 3),
                    "start": hex(column.range.start),
                    "end": hex(column.range.end),
                },
            }

    def _us(self, time_ns: int) -> float:
        return (time_ns - self._begin_ns) / 1000


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


def _named(kind: str, index: int, thread: int, name: str) -> _Event:
    return {
        "name": kind,
        "ph": "M",
        "pid": _process(index),
        "tid": thread,
        "args": {"name": name},
    }


def _sorted(kind: str, index: int, thread: int) -> _Event:
    return {
        "name": kind,
        "ph": "M",
        "pid": _process(index),
        "tid": thread,
        "args": {"sort_index": thread or index},
    }


def _process(index: int) -> int:
    """To readers of traces, process 0 is the idle one."""
    return index + 1
