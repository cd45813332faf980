"""Heat by time and address: the plain numbers behind every heatmap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from .outline import Outline, begin_ns
from .spans import Column, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..snapshot import Snapshot, TargetState
    from .outline import Snapshots


@frozen(eq=False)
class HeatGrid:
    """Heat of one target: rows of time from ``start_ns`` on, ``row_ns`` each; columns of addresses.

    ``heat`` float64[rows, columns]: percent of the samples in which a cell was accessed, mean over
    its bytes and time; ``by_bytes``: percent of its bytes accessed in a sampling interval; NaN
    where no region was.  ``hidden``: share of all heat outside the columns.  ``others``: targets
    not shown.
    """

    target: TargetState
    others: tuple[int, ...]
    start_ns: int
    row_ns: int
    columns: tuple[Column, ...]
    heat: np.ndarray
    hidden: float
    by_bytes: bool


class GridSums:
    """A grid of a recording that has snapshots, to be filled with each of them in one reading.

    ``target``: its index, by default that of the most accessed bytes.  ``fold``: one column for a
    long stretch that was never accessed.  LookupError if no snapshot has such a target, or it no
    region.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        *,
        nr_rows: int = 20,
        nr_columns: int = 64,
        target: int | None = None,
        fold: bool = True,
        by_bytes: bool = False,
    ) -> None:
        self._outline = outline = Outline(snapshots)
        self._chosen = chosen = outline.choose(target)
        index = chosen.target.index
        self._columns = columns_of(chosen.present, chosen.accessed, nr_columns, fold=fold)
        if not self._columns:
            raise LookupError(f"target {index} has no region")
        rows = min(nr_rows, len(snapshots))
        row_ns = -(-max(outline.end_ns - outline.start_ns, 1) // rows)
        self._sums = _Sums(outline.start_ns, row_ns, rows, self._columns, index, by_bytes)

    def add(self, snapshot: Snapshot) -> None:
        """Sum up one snapshot."""
        self._sums.add(snapshot)

    def grid(self) -> HeatGrid:
        """The grid of what was summed up."""
        sums = self._sums
        return HeatGrid(
            target=self._chosen.target,
            others=tuple(sorted(self._outline.targets.keys() - {sums.target})),
            start_ns=sums.start_ns,
            row_ns=sums.row_ns,
            columns=self._columns,
            heat=sums.heat(),
            hidden=sums.hidden(),
            by_bytes=sums.by_bytes,
        )


def heat_grid(
    snapshots: Snapshots,
    *,
    nr_rows: int = 20,
    nr_columns: int = 64,
    target: int | None = None,
    fold: bool = True,
    by_bytes: bool = False,
) -> HeatGrid:
    """The grid of a recording; arguments and errors are those of ``GridSums``."""
    sums = GridSums(
        snapshots,
        nr_rows=nr_rows,
        nr_columns=nr_columns,
        target=target,
        fold=fold,
        by_bytes=by_bytes,
    )
    for snapshot in snapshots:
        sums.add(snapshot)
    return sums.grid()


class _Sums:
    """Heat and presence, in bytes x nanoseconds, summed into the cells."""

    def __init__(
        self,
        start_ns: int,
        row_ns: int,
        nr_rows: int,
        columns: tuple[Column, ...],
        target: int,
        by_bytes: bool,
    ) -> None:
        self.start_ns, self.row_ns, self.nr_rows = start_ns, row_ns, nr_rows
        self.target, self.by_bytes = target, by_bytes
        self._edges = np.array([[c.range.start, c.range.end] for c in columns], np.float64)
        self._heat = np.zeros((nr_rows, len(columns)))
        self._present = np.zeros((nr_rows, len(columns)))
        self._all_heat = 0.0

    def add(self, snapshot: Snapshot) -> None:
        """Sum up one snapshot: O(regions + columns), without a loop over either."""
        regions = snapshot.regions
        first, last = np.searchsorted(regions.target, [self.target, self.target + 1])
        if first == last:
            return
        mine = slice(first, last)
        borders = np.empty(2 * (last - first))
        borders[::2], borders[1::2] = regions.start[mine], regions.end[mine]
        sizes = borders[1::2] - borders[::2]
        rate = regions.nr_accesses[mine] / snapshot.nr_samples
        masses = sizes * rate
        if self.by_bytes:
            told = ~np.isnan(regions.accessed_bytes[mine])
            masses = np.where(told, regions.accessed_bytes[mine], masses)
        heat = self._in_columns(borders, masses)
        present = self._in_columns(borders, sizes)
        for row, share_ns in self._rows(begin_ns(snapshot), snapshot.end_ns):
            self._heat[row] += heat * share_ns
            self._present[row] += present * share_ns
            self._all_heat += float(masses.sum()) * share_ns

    def heat(self) -> np.ndarray:
        """Percent by cell, NaN where no region was."""
        with np.errstate(invalid="ignore"):
            return np.where(self._present > 0, 100 * self._heat / self._present, np.nan)

    def hidden(self) -> float:
        """Share of the heat outside the columns."""
        shown = float(self._heat.sum())
        return max(0.0, 1 - shown / self._all_heat) if self._all_heat else 0.0

    def _in_columns(self, borders: np.ndarray, masses: np.ndarray) -> np.ndarray:
        """How much of the masses between the borders falls into each column."""
        sums = np.zeros(len(borders) + 1)
        np.cumsum(masses, out=sums[1::2])
        sums[2::2] = sums[1:-1:2]
        below = np.interp(self._edges, borders, sums[:-1])
        mass: np.ndarray = below[:, 1] - below[:, 0]
        return mass

    def _rows(self, begin_ns: int, end_ns: int) -> Iterator[tuple[int, float]]:
        """The rows that a window overlaps, and by how much."""
        first = max(0, (begin_ns - self.start_ns) // self.row_ns)
        last = min(self.nr_rows - 1, (end_ns - 1 - self.start_ns) // self.row_ns)
        for row in range(first, last + 1):
            row_start = self.start_ns + row * self.row_ns
            yield row, float(min(end_ns, row_start + self.row_ns) - max(begin_ns, row_start))
