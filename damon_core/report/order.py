"""Which regions of a snapshot are shown, and in which order, in damo's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from .. import metrics

if TYPE_CHECKING:
    from ..snapshot import Snapshot

SORT_KEYS = ("address", "size", "access_rate", "age", "recency", "temperature")


@frozen
class RegionOrder:
    """Which regions are shown, and in which order.

    ``sort`` is one of SORT_KEYS; ascending, or descending with ``reverse``.  ``only`` is "hot"
    (accessed in the window), "cold" (not accessed), or None.
    """

    sort: str = "address"
    reverse: bool = False
    only: str | None = None
    limit: int | None = None

    def rows(self, snapshot: Snapshot) -> np.ndarray:
        """Indices of the regions to show, in order."""
        regions = snapshot.regions
        chosen = np.ones(len(regions), bool)
        if self.only is not None:
            chosen &= (regions.nr_accesses > 0) == (self.only == "hot")
        rows = np.flatnonzero(chosen)
        if self.sort != "address":
            rows = rows[np.argsort(self._key(snapshot)[rows], kind="stable")]
        return rows[::-1][: self.limit] if self.reverse else rows[: self.limit]

    def _key(self, snapshot: Snapshot) -> np.ndarray:
        regions, aggr_us = snapshot.regions, snapshot.intervals.aggr_us
        keys: dict[str, np.ndarray] = {
            "size": regions.end - regions.start,
            "access_rate": regions.nr_accesses,
            "age": regions.age,
            "recency": metrics.idle_us(regions.nr_accesses, regions.age, aggr_us),
            "temperature": temperature_of(snapshot),
        }
        return keys[self.sort]


def temperature_of(snapshot: Snapshot) -> np.ndarray:
    """damo's temperature of each region, at its default weights: the rate and the age count."""
    regions = snapshot.regions
    heat: np.ndarray = metrics.temperature(
        regions.end - regions.start,
        metrics.percent(regions.nr_accesses, snapshot.nr_samples),
        metrics.age_us(regions.age, snapshot.intervals.aggr_us),
    )
    return heat
