"""The heat of given address ranges of one target, mean over a whole recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model import AddrRange
    from ..snapshot import Snapshot, SnapshotRegions


class RangeHeat:
    """Sums up bytes in use over time, by range; one reading of a recording fills it."""

    def __init__(self, target: int, ranges: Sequence[AddrRange]) -> None:
        self.target = target
        edges = [(one.start, one.end) for one in ranges]
        self._edges = np.array(edges, np.float64).reshape(-1, 2)
        self._in_use = np.zeros(len(ranges))
        self._present = np.zeros(len(ranges))
        self._everywhere = 0.0
        self._time_us = 0.0

    def add(self, snapshot: Snapshot) -> None:
        """Sum up one snapshot: O(regions + ranges)."""
        time_us = float(snapshot.intervals.aggr_us)
        self._time_us += time_us
        regions = snapshot.regions
        first, last = np.searchsorted(regions.target, [self.target, self.target + 1])
        if first == last:
            return
        borders = np.empty(2 * (last - first))
        borders[::2], borders[1::2] = regions.start[first:last], regions.end[first:last]
        with np.errstate(over="ignore", invalid="ignore"):  # a recording may hold any number
            masses = bytes_in_use(regions, snapshot.nr_samples)[first:last]
            self._in_use += self._shared_out(borders, masses) * time_us
            self._present += self._shared_out(borders, borders[1::2] - borders[::2]) * time_us
            self._everywhere += float(masses.sum()) * time_us

    def in_use(self) -> np.ndarray:
        """Bytes in use in each range, mean over the time: float64[ranges]."""
        return self._in_use / (self._time_us or 1.0)

    def percent(self) -> np.ndarray:
        """Percent of the monitored bytes of a range that were in use; NaN where none were."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return np.where(self._present > 0, 100 * self._in_use / self._present, np.nan)

    def everywhere(self) -> float:
        """Bytes of the target in use, mean over the time, in these ranges or not."""
        return self._everywhere / (self._time_us or 1.0)

    def _shared_out(self, borders: np.ndarray, masses: np.ndarray) -> np.ndarray:
        """How much of the masses of regions, evenly spread, falls into each range."""
        sums = np.zeros(len(borders) + 1)
        np.cumsum(masses, out=sums[1::2])
        sums[2::2] = sums[1:-1:2]
        below = np.interp(self._edges, borders, sums[:-1])
        inside: np.ndarray = below[:, 1] - below[:, 0]
        return inside


def bytes_in_use(regions: SnapshotRegions, nr_samples: int) -> np.ndarray:
    """Accessed bytes of regions where known, elsewhere their size times their access rate."""
    sizes = (regions.end - regions.start).astype(np.float64)
    told = ~np.isnan(regions.accessed_bytes)
    return np.where(told, regions.accessed_bytes, sizes * (regions.nr_accesses / nr_samples))
