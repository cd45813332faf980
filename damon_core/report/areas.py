"""Which addresses were monitored, by target, over a whole recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from ..model import AddrRange
from .spans import union

if TYPE_CHECKING:
    from ..snapshot import Snapshot

# Of a recording whose mappings never stop to change, no more ranges are kept: gaps are closed.
_MAX_AREAS = 4096


@define(eq=False)
class Areas:
    """The union of the regions of each target."""

    _found: dict[int, np.ndarray] = field(factory=dict)
    _last: np.ndarray | None = None

    def add(self, snapshot: Snapshot) -> None:
        """Take in one snapshot; cheap where its areas are those of the one before."""
        regions = snapshot.regions
        if not len(regions):
            return
        # Regions that touch are one area.
        breaks = (regions.start[1:] != regions.end[:-1]) | (np.diff(regions.target) != 0)
        first = np.concatenate([[True], breaks])
        last = np.concatenate([breaks, [True]])
        areas = np.stack([regions.target[first], regions.start[first], regions.end[last]], axis=1)
        if self._last is not None and np.array_equal(areas, self._last):
            return
        self._last = areas
        for target in np.unique(areas[:, 0]).tolist():
            mine = areas[areas[:, 0] == target, 1:]
            if target in self._found:
                mine = np.concatenate([self._found[target], mine])
            self._found[target] = _limited(union(mine))

    def of(self, target: int) -> list[AddrRange]:
        """The areas of a target, by address."""
        return [AddrRange(*area) for area in self._found.get(target, np.zeros((0, 2))).tolist()]


def _limited(areas: np.ndarray) -> np.ndarray:
    """As many areas as are kept: the widest gaps stay."""
    if len(areas) <= _MAX_AREAS:
        return areas
    gaps = areas[1:, 0] - areas[:-1, 1]
    return union(areas, int(np.partition(gaps, -_MAX_AREAS // 2)[-_MAX_AREAS // 2]))
