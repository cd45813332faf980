"""The working set size: how many bytes were in use, by target, over the snapshots."""

from __future__ import annotations

import json
from functools import partial
from typing import IO, TYPE_CHECKING

from ..units import about_size
from .selection import as_seen_by
from .series import Places, SeriesOfTargets, sums_by_target
from .text import printable, wrapped
from .use_rule import KnownBytes, UseRule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..snapshot import Snapshot, SnapshotRegions

ALL = ""
"""The kind of a series that is of all primitives together."""


class WorkingSet:
    """Percentiles of the working set size; of several primitives also as each of them saw it."""

    def __init__(
        self,
        snapshots: Iterable[Snapshot] = (),
        *,
        rule: UseRule | None = None,
        places: Places | None = None,
        width: int = 80,
    ) -> None:
        self.rule = rule or UseRule()
        self.places = places or Places()
        self.width = width
        self.series = SeriesOfTargets()
        self.primitives: dict[str, None] = {}
        self.known = KnownBytes()
        for snapshot in snapshots:
            self.add(snapshot)

    @property
    def nr_snapshots(self) -> int:
        """How many were counted."""
        return self.series.nr_snapshots

    def median(self) -> float:
        """Median of the whole working set, in bytes; 0 without snapshots."""
        if not self.nr_snapshots:
            return 0.0
        return Places((50,)).values(self.series.total.of(ALL))[0]

    def add(self, snapshot: Snapshot) -> None:
        """Count one snapshot."""
        regions = snapshot.regions
        sums = {ALL: self._sums(regions)}
        if len(snapshot.sources) > 1:
            for source in snapshot.sources:
                self.primitives[source.name] = None
                sums[source.name] = self._sums(as_seen_by(snapshot, source.name).regions)
        by_target = {
            target.index: {kind: mine.get(target.index, 0.0) for kind, mine in sums.items()}
            for target in snapshot.targets
        }
        total = {kind: sum(mine.values()) for kind, mine in sums.items()}
        self.series.add(snapshot, by_target, total)
        self.known.add(regions)

    def render(self, file: IO[str]) -> None:
        """Write a table of percentiles for each target, and for all where there are several."""
        for line in wrapped(f"working set size in {self.nr_snapshots} snapshots", self.width):
            print(line, file=file)
        for text in self.rule.texts(self.known.share):
            for line in wrapped(text, self.width - 2):
                print(f"  {line}", file=file)
        heads = {ALL: ("size", about_size)}
        heads |= {name: (printable(name), about_size) for name in self.primitives}
        for series in self.series.shown():
            for line in self.series.lines(series, self.places, heads, self.width):
                print(line, file=file)
        for line in self._legend():
            print(line, file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object; sizes are bytes, ``sizes`` those of each snapshot in order."""
        json.dump(
            {
                "nr_snapshots": self.nr_snapshots,
                "rule": "regions" if self.rule.by_region else "accessed_bytes",
                "acc_thres": self.rule.acc_thres,
                "share_told": 0.0 if self.rule.by_region else self.known.share,
                "by_time": self.places.by_time,
                "targets": [
                    {
                        **series.whose(),
                        **series.json_of(ALL, self.places, "sizes"),
                        "primitives": {
                            name: series.json_of(name, self.places, "sizes")
                            for name in self.primitives
                            if name in series.kinds
                        },
                    }
                    for series in self.series.shown()
                ],
            },
            file,
        )
        file.write("\n")

    def _sums(self, regions: SnapshotRegions) -> dict[int, float]:
        return sums_by_target(regions, self.rule.sizes(regions))

    def _legend(self) -> list[str]:
        lines = partial(wrapped, width=self.width)
        if not self.nr_snapshots:
            return []
        if self.places.by_time:
            legend = lines("a line is the snapshot after so many percent of them")
        else:
            legend = lines("percentile: so many percent of the snapshots had at most that size")
        if self.primitives:
            legend += lines(
                "size: by all primitives together; each of them alone: at most as many bytes"
            )
        return legend
