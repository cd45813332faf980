"""The access table: each region of a snapshot with its rate, age and accessed bytes."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .. import metrics
from ..model import AddrRange
from ..units import about_size
from .order import RegionOrder, temperature_of
from .text import (
    about_time,
    clock_time,
    columns_text,
    mapping_text,
    printable,
    shortened,
    target_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..record_names import TargetNames
    from ..snapshot import Snapshot, TargetState

_LEGEND = (
    "rate: samples with an access; hz: such samples a second; age: time at a similar\n"
    "rate; accessed: bytes accessed in a sampling interval, mean, - where unknown;\n"
    "{hits}: access reports in the window"
)


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
        snapshot = self.snapshot
        window = snapshot.intervals
        print(
            f"snapshot {snapshot.index}, {clock_time(snapshot.end_ns)}: window "
            f"{about_time(window.aggr_us)}, {snapshot.nr_samples} samples of "
            f"{about_time(window.sample_us)}",
            file=file,
        )
        for target in snapshot.targets:
            print(self._target_line(target), file=file)
        if not len(self.rows):
            print("no region to show", file=file)
            return
        for line in self._lines():
            print(line, file=file)
        print(_LEGEND.format(hits=", ".join(self._hits_head())), file=file)

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
            "name": self._name_of(row),
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

    def _target_line(self, target: TargetState) -> str:
        regions = self.snapshot.regions
        mine = regions.target == target.index
        sizes = (regions.end - regions.start)[mine]
        hot = int(sizes[regions.nr_accesses[mine] > 0].sum())
        rss = "" if target.rss is None else f", RSS {about_size(target.rss)}"
        return (
            f"{target_text(target)}\n  {len(sizes)} regions of {about_size(int(sizes.sum()))}, "
            f"accessed ones {about_size(hot)}{rss}"
        )

    def _hits_head(self) -> list[str]:
        names = [printable(source.name) for source in self.snapshot.sources]
        return ["hits"] if len(names) == 1 else names

    def _lines(self) -> list[str]:
        cells = self._cells()
        lines = columns_text(cells)
        if max(map(len, lines)) > self.width:  # hz repeats what the rate says: it goes first
            lines = columns_text([row[:3] + row[4:] for row in cells])
        return self._with_names(lines) if self.names else lines

    def _with_names(self, lines: list[str]) -> list[str]:
        """Lines with the mapping at their end, as much of it as fits."""
        used = max(map(len, lines)) + 2
        names = ["mapping", *(mapping_text(self._name_of(row)) for row in self.rows)]
        return [
            f"{line:<{used}}{shortened(name, max(12, self.width - used))}".rstrip()
            for line, name in zip(lines, names, strict=True)
        ]

    def _name_of(self, row: int) -> str | None:
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
        head = ["address range", "size", "rate", "hz", "age", "accessed"]
        cells = [[*head, *self._hits_head()]]
        for row in self.rows:
            start, end = int(regions.start[row]), int(regions.end[row])
            nr_accesses = int(regions.nr_accesses[row])
            accessed = float(regions.accessed_bytes[row])
            where = f"{int(regions.target[row])}: " if several else ""
            cells.append(
                [
                    f"{where}{start:012x}-{end:012x}",
                    about_size(end - start),
                    f"{metrics.percent(nr_accesses, snapshot.nr_samples)} %",
                    f"{metrics.hz(nr_accesses, aggr_us):.3g}",
                    about_time(metrics.age_us(int(regions.age[row]), aggr_us)),
                    "-" if np.isnan(accessed) else about_size(accessed),
                    *(str(int(hits)) for hits in regions.hits[:, row]),
                ]
            )
        return cells
