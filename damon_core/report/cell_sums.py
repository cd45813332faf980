"""Sums of heat over cells of time by address: one reading of a recording fills many pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from .outline import begin_ns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..snapshot import Snapshot
    from .measure import Measure
    from .outline import TimeRows
    from .spans import Column


@define
class _Plane:
    """The columns of one target among those of all: where they begin, and their edges.

    ``low``: numbers of the edges at which columns begin; each ends at the next one.
    """

    target: int
    first: int
    edges: np.ndarray
    low: np.ndarray
    gapless: bool


@define(eq=False)
class CellSums:
    """Heat of some targets by some measures, summed up in bytes x nanoseconds.

    ``planes``: the columns of each target, by its index.
    """

    rows: TimeRows
    planes: dict[int, tuple[Column, ...]]
    measures: Sequence[Measure]
    _laid: list[_Plane] = field(init=False, factory=list)
    _sums: np.ndarray = field(init=False)
    _all: np.ndarray = field(init=False)

    def __attrs_post_init__(self) -> None:
        first = 0
        for target, columns in self.planes.items():
            ranges = np.array([[one.range.start, one.range.end] for one in columns], np.float64)
            edges = np.unique(ranges)
            low = np.searchsorted(edges, ranges[:, 0])
            gapless = len(edges) == len(columns) + 1
            self._laid.append(_Plane(target, first, edges, low, gapless))
            first += len(columns)
        # The last of the sums is the bytes themselves: where regions were.
        self._sums = np.zeros((len(self.measures) + 1, self.rows.nr, first))
        self._all = np.zeros((len(self.measures), len(self._laid)))

    def add(self, snapshot: Snapshot) -> None:
        """Sum up one snapshot: O(regions + columns), without a loop over either."""
        # A damaged recording may hold numbers of any size.
        with np.errstate(over="ignore", invalid="ignore"):
            self._add(snapshot)

    def _add(self, snapshot: Snapshot) -> None:
        regions = snapshot.regions
        start = regions.start.astype(np.float64)
        sizes = regions.end.astype(np.float64) - start
        masses = np.empty((len(self.measures) + 1, len(sizes)))
        for kind, measure in enumerate(self.measures):
            masses[kind] = measure.masses(snapshot, sizes)
        masses[-1] = sizes
        rows = list(self.rows.overlaps(begin_ns(snapshot), snapshot.end_ns))
        for number, plane in enumerate(self._laid):
            mine = slice(*np.searchsorted(regions.target, [plane.target, plane.target + 1]))
            if mine.start == mine.stop:
                continue
            cells, whole = _in_columns(plane, start[mine], masses[:, mine])
            here = slice(plane.first, plane.first + len(plane.low))
            for row, share_ns in rows:
                self._sums[:, row, here] += cells * share_ns
                self._all[:, number] += whole[:-1] * share_ns

    def heat(self, target: int, measure: Measure) -> np.ndarray:
        """Mean heat by row and column, float64[rows, columns]; NaN where no region was."""
        which, number = self._place(target, measure)
        plane = self._laid[number]
        here = slice(plane.first, plane.first + len(plane.low))
        present = self._sums[-1, :, here]
        heat = np.full(present.shape, np.nan)
        with np.errstate(invalid="ignore", over="ignore"):
            np.divide(self._sums[which, :, here], present, out=heat, where=present > 0)
        return heat

    def hidden(self, target: int, measure: Measure) -> float:
        """Share of the heat of a target outside its columns."""
        which, number = self._place(target, measure)
        plane = self._laid[number]
        here = slice(plane.first, plane.first + len(plane.low))
        everything = self._all[which, number]
        shown = float(self._sums[which, :, here].sum())
        return max(0.0, 1 - shown / everything) if everything else 0.0

    def _place(self, target: int, measure: Measure) -> tuple[int, int]:
        return list(self.measures).index(measure), list(self.planes).index(target)


def _in_columns(
    plane: _Plane, start: np.ndarray, masses: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much of each kind of mass falls into each column, and how much there is.

    ``masses`` float64[kinds, R], the last kind bytes, of sorted regions.
    """
    sums = np.zeros((len(masses), len(start) + 1))
    np.cumsum(masses, axis=1, out=sums[:, 1:])
    region = np.maximum(np.searchsorted(start, plane.edges, side="right") - 1, 0)
    inside = (plane.edges - start[region]) / np.maximum(masses[-1, region], 1)
    below = masses.take(region, axis=1)
    below *= np.minimum(np.maximum(inside, 0), 1)
    below += sums.take(region, axis=1)
    cells = below[:, 1:] - below[:, :-1]
    return cells if plane.gapless else cells.take(plane.low, axis=1), sums[:, -1]
