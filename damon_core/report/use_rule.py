"""Which bytes of a region are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, frozen

if TYPE_CHECKING:
    from ..snapshot import SnapshotRegions


@frozen
class UseRule:
    """Which bytes of a region are in use.

    Its accessed bytes (mean over the sampling intervals of the window) where a primitive can tell
    them, else all of it if it was accessed in at least ``acc_thres`` samples.  ``by_region`` takes
    the second rule for all, as damo does.
    """

    by_region: bool = False
    acc_thres: int = 1

    def sizes(self, regions: SnapshotRegions) -> np.ndarray:
        """Bytes in use of each region, float64."""
        whole = (regions.end - regions.start).astype(np.float64)
        used = np.where(regions.nr_accesses >= self.acc_thres, whole, 0.0)
        if self.by_region:
            return used
        return np.where(np.isnan(regions.accessed_bytes), used, regions.accessed_bytes)

    def texts(self, share_known: float) -> list[str]:
        """The rule for people; ``share_known``: of the memory."""
        whole = f"whole size of regions accessed in {self.acc_thres} samples or more"
        if self.by_region or not share_known:
            return [whole]
        exact = "bytes accessed in a sampling interval, mean of each window"
        if share_known > 0.9995:
            return [exact]
        return [exact, f"where known ({share_known:.1%} of the memory); elsewhere", whole]


@define
class KnownBytes:
    """Of how much of the monitored memory a primitive could tell the accessed bytes."""

    _known: float = 0.0
    _all: float = 0.0

    @property
    def share(self) -> float:
        """Of 1; 0 of nothing."""
        return self._known / self._all if self._all else 0.0

    def add(self, regions: SnapshotRegions) -> None:
        """Count the regions of one snapshot."""
        whole = (regions.end - regions.start).astype(np.float64)
        self._all += float(whole.sum())
        self._known += float(whole[~np.isnan(regions.accessed_bytes)].sum())
