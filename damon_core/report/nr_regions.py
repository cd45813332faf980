"""How many regions there were, and how large they were in the mean."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

import numpy as np

from ..units import about_size
from .series import Places, SeriesOfTargets, sums_by_target
from .text import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..snapshot import Snapshot

_LEGEND = (
    "regions: their number in a snapshot; size: that of a region, mean over them; each column is "
    "sorted by itself"
)
_LEGEND_BY_TIME = "regions: their number in a snapshot; size: that of a region, mean over them"


class NrRegions:
    """Percentiles of the number of regions over the snapshots, by target."""

    def __init__(
        self,
        snapshots: Iterable[Snapshot] = (),
        *,
        places: Places | None = None,
        width: int = 80,
    ) -> None:
        self.places = places or Places()
        self.width = width
        self.series = SeriesOfTargets()
        for snapshot in snapshots:
            self.add(snapshot)

    def add(self, snapshot: Snapshot) -> None:
        """Count the regions of one snapshot."""
        regions = snapshot.regions
        sizes = (regions.end - regions.start).astype(np.float64)
        counts = sums_by_target(regions, np.ones(len(regions)))
        nr_bytes = sums_by_target(regions, sizes)
        by_target = {
            target.index: _numbers(counts.get(target.index, 0), nr_bytes.get(target.index, 0))
            for target in snapshot.targets
        }
        self.series.add(snapshot, by_target, _numbers(len(regions), float(sizes.sum())))

    def render(self, file: IO[str]) -> None:
        """Write a table for each target, and for all where there are several."""
        for line in wrapped(f"regions in {self.series.nr_snapshots} snapshots", self.width):
            print(line, file=file)
        heads = {"nr_regions": ("regions", _count_text), "size": ("size", about_size)}
        for series in self.series.shown():
            for line in self.series.lines(series, self.places, heads, self.width):
                print(line, file=file)
        legend = _LEGEND_BY_TIME if self.places.by_time else _LEGEND
        for line in wrapped(legend, self.width):
            print(line, file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object; ``nr_regions`` are those of each snapshot in order, sizes bytes."""
        json.dump(
            {
                "nr_snapshots": self.series.nr_snapshots,
                "by_time": self.places.by_time,
                "targets": [
                    {
                        **series.whose(),
                        **series.json_of("nr_regions", self.places, "nr_regions"),
                        "mean_size": series.json_of("size", self.places, "sizes"),
                    }
                    for series in self.series.shown()
                ],
            },
            file,
        )
        file.write("\n")


def _numbers(nr_regions: float, nr_bytes: float) -> dict[str, float]:
    size = nr_bytes / nr_regions if nr_regions else float("nan")
    return {"nr_regions": nr_regions, "size": size}


def _count_text(count: float) -> str:
    return f"{count:,.0f}" if count == int(count) else f"{count:,.1f}"
