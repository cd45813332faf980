"""The access table: each region of a snapshot with its rate, age and accessed bytes."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .. import metrics
from ..model import AddrRange
from ..units import about_size
from .head import head_lines
from .order import RegionOrder, temperature_of
from .text import about_time, fitting_columns, mapping_text, printable, shortened, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..record_names import TargetNames
    from ..snapshot import Snapshot

_LEGEND = (
    "rate: samples with an access; hz: such samples a second; age: time at a similar rate; "
    "accessed: bytes accessed in a sampling interval, mean, - where unknown; "
    "{hits}: access reports in the window"
)
# What goes first where the line is too short: hz repeats what the rate says.
_EXPENDABLE = (3, 5, 4)

# From which width on there are names of mappings, and the ends of ranges.
_WIDE = 50
_LEAST_NAME = 12


class AccessTable:
    """The regions of one snapshot, in a chosen order."""

    def __init__(
        self,
        snapshot: Snapshot,
        order: RegionOrder | None = None,
        *,
        names: Sequence[TargetNames] = (),
        width: int = 80,
    ) -> None:
        self.snapshot = snapshot
        self.order = order or RegionOrder()
        self.width = width
        self.names = {known.target: known for known in names}
        self.rows = self.order.rows(snapshot)
        self._temperature = temperature_of(snapshot)

    def render(self, file: IO[str]) -> None:
        """Write the table, one line a region."""
        for line in head_lines(self.snapshot, self.width):
            print(line, file=file)
        if not len(self.rows):
            print("no region to show", file=file)
            return
        for line in self._lines():
            print(line, file=file)
        for line in wrapped(_LEGEND.format(hits=", ".join(self._hits_head())), self.width):
            print(line, file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object: the snapshot and a list of its regions."""
        snapshot = self.snapshot
        json.dump(
            {
                "snapshot": snapshot.index,
                "start_ns": snapshot.start_ns,
                "end_ns": snapshot.end_ns,
                "sample_us": snapshot.intervals.sample_us,
                "aggr_us": snapshot.intervals.aggr_us,
                "nr_samples": snapshot.nr_samples,
                "targets": [
                    {"target": t.index, "pid": t.pid, "comm": t.comm, "alive": t.alive}
                    for t in snapshot.targets
                ],
                "regions": [self._region_json(row) for row in self.rows],
            },
            file,
        )
        file.write("\n")

    def _region_json(self, row: int) -> dict[str, Any]:
        snapshot, regions = self.snapshot, self.snapshot.regions
        accessed = float(regions.accessed_bytes[row])
        nr_accesses, age = int(regions.nr_accesses[row]), int(regions.age[row])
        aggr_us = snapshot.intervals.aggr_us
        return {
            "target": int(regions.target[row]),
            "pid": int(regions.pid[row]),
            "start": int(regions.start[row]),
            "end": int(regions.end[row]),
            "name": self.name_of(row),
            "nr_accesses": nr_accesses,
            "percent": metrics.percent(nr_accesses, snapshot.nr_samples),
            "hz": metrics.hz(nr_accesses, aggr_us),
            "age": age,
            "age_us": metrics.age_us(age, aggr_us),
            "idle_us": metrics.idle_us(nr_accesses, age, aggr_us),
            "temperature": int(self._temperature[row]),
            "accessed_bytes": None if np.isnan(accessed) else accessed,
            "hits": {
                source.name: int(regions.hits[number, row])
                for number, source in enumerate(snapshot.sources)
            },
        }

    def _hits_head(self) -> list[str]:
        names = [printable(source.name) for source in self.snapshot.sources]
        return ["hits"] if len(names) == 1 else names

    def _lines(self) -> list[str]:
        cells = self._cells()
        hits = range(6, len(cells[0]))
        expendable = (_EXPENDABLE[0], *hits, *_EXPENDABLE[1:])
        if self.names and self.width >= _WIDE:
            # Of several primitives each is worth more than the names.
            before_names = expendable if len(hits) == 1 else expendable[:1]
            room = self.width - _LEAST_NAME - 2
            lines = fitting_columns(cells, room, before_names)
            if max(map(len, lines)) <= room:
                return self._with_names(lines)
        return fitting_columns(cells, self.width, expendable)

    def _with_names(self, lines: list[str]) -> list[str]:
        """Lines with the mapping at their end, as much of it as fits."""
        used = max(map(len, lines)) + 2
        room = self.width - used
        names = ["mapping", *(mapping_text(self.name_of(row)) for row in self.rows)]
        return [
            f"{line:<{used}}{shortened(name, room)}".rstrip()
            for line, name in zip(lines, names, strict=True)
        ]

    def name_of(self, row: int) -> str | None:
        """The mapping of most of a region."""
        regions = self.snapshot.regions
        known = self.names.get(int(regions.target[row]))
        return (
            known.name_of(AddrRange(int(regions.start[row]), int(regions.end[row])))
            if known
            else None
        )

    def _cells(self) -> list[list[str]]:
        snapshot, regions = self.snapshot, self.snapshot.regions
        aggr_us = snapshot.intervals.aggr_us
        several = len(snapshot.targets) > 1
        wide = self.width >= _WIDE
        head = [
            "address range" if wide else "from address",
            "size",
            "rate",
            "hz",
            "age",
            "accessed",
        ]
        cells = [[*head, *self._hits_head()]]
        for row in self.rows:
            start, end = int(regions.start[row]), int(regions.end[row])
            nr_accesses = int(regions.nr_accesses[row])
            accessed = float(regions.accessed_bytes[row])
            where = f"{int(regions.target[row])}: " if several else ""
            cells.append(
                [
                    f"{where}{start:012x}-{end:012x}" if wide else f"{where}{start:012x}",
                    about_size(end - start),
                    f"{metrics.percent(nr_accesses, snapshot.nr_samples)} %",
                    f"{metrics.hz(nr_accesses, aggr_us):.3g}",
                    about_time(metrics.age_us(int(regions.age[row]), aggr_us)),
                    "-" if np.isnan(accessed) else about_size(accessed),
                    *(str(int(hits)) for hits in regions.hits[:, row]),
                ]
            )
        return cells
