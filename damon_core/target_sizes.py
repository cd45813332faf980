"""How many bytes of each target are in use, hot, and idle for how long, in one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import metrics

if TYPE_CHECKING:
    from .snapshot import Snapshot


class TargetSizes:
    """Bytes by target, float64[T] in the order of ``snapshot.targets``.

    ``monitored``: in regions.  ``working_set``: accessed in a sampling interval, the mean of the
    window, where a primitive can tell; else in regions that were accessed.  ``hot``: in regions
    that were accessed in the window.  ``nr_regions`` is counted likewise.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        regions = snapshot.regions
        indices = np.array([target.index for target in snapshot.targets], np.int64)
        order = np.argsort(indices)
        found = np.searchsorted(indices[order], regions.target)
        self._snapshot = snapshot
        self._slots = order[found] if len(found) else found
        self._sizes = (regions.end - regions.start).astype(np.float64)
        self.nr_regions = np.bincount(self._slots, minlength=len(indices))
        self.monitored = self._by_target(self._sizes)
        self.working_set = self._by_target(
            metrics.used_bytes(self._sizes, regions.nr_accesses, regions.accessed_bytes)
        )
        self.hot = self._by_target(np.where(regions.nr_accesses > 0, self._sizes, 0.0))

    def cold(self, idle_us: int) -> np.ndarray:
        """Bytes in regions that have not been accessed for at least that long."""
        snapshot, regions = self._snapshot, self._snapshot.regions
        idle = metrics.idle_us(regions.nr_accesses, regions.age, snapshot.intervals.aggr_us)
        return self._by_target(np.where(idle >= idle_us, self._sizes, 0.0))

    def _by_target(self, of_regions: np.ndarray) -> np.ndarray:
        nr_targets = len(self._snapshot.targets)
        return np.bincount(self._slots, weights=of_regions, minlength=nr_targets)
