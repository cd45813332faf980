"""Heat by time and address: the plain numbers behind every heatmap."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from .axis import Axis
from .caption import Caption
from .cell_sums import CellSums
from .measure import Measure, measure_of
from .outline import Outline
from .spans import Column, columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ..record_names import TargetNames
    from ..snapshot import Snapshot, TargetState
    from .outline import Snapshots


@frozen(eq=False, slots=False)
class HeatGrid:
    """Heat of one target: rows of time from ``start_ns`` on, ``row_ns`` each; columns of addresses.

    ``heat`` float64[rows, columns] in the unit of ``measure``, mean over the bytes and the time of
    a cell; NaN where no region was.  ``hidden``: share of all heat outside the columns.
    ``others``: targets not shown.  ``names``: what was mapped where, if known.
    """

    target: TargetState
    others: tuple[int, ...]
    start_ns: int
    row_ns: int
    columns: tuple[Column, ...]
    heat: np.ndarray
    hidden: float
    measure: Measure
    caption: Caption
    names: TargetNames | None = None

    @property
    def times_s(self) -> np.ndarray:
        """Where each row begins, and the last one ends: float64[rows + 1] seconds from 0 on."""
        return np.arange(len(self.heat) + 1) * (self.row_ns / 1e9)

    @property
    def addresses(self) -> np.ndarray:
        """Where each column begins and ends, uint64[columns, 2]; not all touch each other."""
        ranges = [(column.range.start, column.range.end) for column in self.columns]
        return np.array(ranges, np.uint64)

    @cached_property
    def axis(self) -> Axis:
        """The addresses laid out for drawing."""
        return Axis.of(self.columns)

    def figure(self) -> Figure:
        """It as a figure of matplotlib, PlotError if that is not installed."""
        from ..figures import heatmap_figure

        return heatmap_figure(self)

    def _repr_png_(self) -> bytes | None:
        """What notebooks show; None (the text) without matplotlib."""
        from ..figures import shown_png

        return shown_png(self)


class GridSums:
    """A grid of a recording that has snapshots, to be filled with each of them in one reading.

    ``target``: its index, by default that of the most accessed bytes.  ``fold``: one column for a
    long stretch that was never accessed.  ``measure``: "samples", "bytes", or a primitive, for its
    reports.  ``least``, ``marks``: as for ``columns_of``.  LookupError if no snapshot has such a
    target or primitive, or it no region.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        *,
        nr_rows: int = 20,
        nr_columns: int = 64,
        target: int | None = None,
        fold: bool = True,
        measure: str = "samples",
        least: int = 1,
        marks: bool = False,
        names: Sequence[TargetNames] = (),
    ) -> None:
        self._outline = outline = Outline(snapshots)
        self._chosen = chosen = outline.choose(target)
        self._measure = measure_of(measure)
        self._names = names
        if self._measure.source not in (None, *outline.sources):
            known = ", ".join(["samples", "bytes", *outline.sources])
            raise LookupError(f"no measure {measure!r}; the recording has {known}")
        self._columns = columns_of(
            chosen.present, chosen.accessed, nr_columns, fold=fold, least=least, marks=marks
        )
        index = chosen.target.index
        if not self._columns:
            raise LookupError(f"target {index} has no region")
        rows = outline.rows(min(nr_rows, len(snapshots)))
        self._sums = CellSums(rows, {index: self._columns}, [self._measure])

    def add(self, snapshot: Snapshot) -> None:
        """Sum up one snapshot."""
        self._sums.add(snapshot)

    def grid(self) -> HeatGrid:
        """The grid of what was summed up."""
        target, rows = self._chosen.target, self._sums.rows
        return HeatGrid(
            target=target,
            others=tuple(sorted(self._outline.targets.keys() - {target.index})),
            start_ns=rows.start_ns,
            row_ns=rows.row_ns,
            columns=self._columns,
            heat=self._sums.heat(target.index, self._measure),
            hidden=self._sums.hidden(target.index, self._measure),
            measure=self._measure,
            caption=Caption.of(self._outline),
            names=next((known for known in self._names if known.target == target.index), None),
        )


def heat_grid(
    snapshots: Snapshots,
    *,
    nr_rows: int = 20,
    nr_columns: int = 64,
    target: int | None = None,
    fold: bool = True,
    measure: str = "samples",
    least: int = 1,
    marks: bool = False,
    names: Sequence[TargetNames] = (),
) -> HeatGrid:
    """The grid of a recording; arguments and errors are those of ``GridSums``."""
    sums = GridSums(
        snapshots,
        nr_rows=nr_rows,
        nr_columns=nr_columns,
        target=target,
        fold=fold,
        measure=measure,
        least=least,
        marks=marks,
        names=names,
    )
    for snapshot in snapshots:
        sums.add(snapshot)
    return sums.grid()
