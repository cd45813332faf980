"""The heat of all targets by all measures, in one reading of a recording: what a page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field, frozen

from .axis import Axis
from .caption import Caption
from .cell_sums import CellSums
from .measure import measures_of
from .outline import Outline, TimeRows
from .spans import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ..record_names import TargetNames
    from ..snapshot import Snapshot, TargetState
    from .measure import Measure
    from .outline import Snapshots
    from .spans import Column

MAX_TARGETS = 16
_MAX_CELLS = 8_000_000
_LEAST_COLUMNS = 64


@frozen(eq=False)
class Plate:
    """One target: its columns of addresses, and what was mapped there, if known."""

    target: TargetState
    columns: tuple[Column, ...]
    axis: Axis
    names: TargetNames | None


@define(eq=False)
class Plates:
    """The hottest targets of a recording, the first the hottest; ``nr_left_out`` others.

    To be filled with each snapshot in one reading, by ``add``.
    """

    plates: tuple[Plate, ...]
    measures: tuple[Measure, ...]
    rows: TimeRows
    caption: Caption
    nr_left_out: int
    _sums: CellSums = field(init=False)

    def __attrs_post_init__(self) -> None:
        columns = {plate.target.index: plate.columns for plate in self.plates}
        self._sums = CellSums(self.rows, columns, self.measures)

    @classmethod
    def of(
        cls,
        snapshots: Snapshots,
        names: Sequence[TargetNames] = (),
        *,
        nr_rows: int = 2000,
        nr_columns: int = 1000,
        fold: bool = True,
    ) -> Plates:
        """Empty ones for a recording that has snapshots; LookupError if none has a region.

        At most ``nr_rows`` of time, and about ``nr_columns`` of addresses, those shared out to the
        targets.
        """
        outline = Outline(snapshots)
        outline.choose(None)
        chosen = [one for one in outline.hottest(MAX_TARGETS) if len(one.present)]
        if not chosen:
            raise LookupError("no snapshot has a region")
        measures = measures_of(outline.sources, bytes_told=outline.bytes_told)
        rows = outline.rows(min(nr_rows, len(snapshots)))
        most = _MAX_CELLS // (rows.nr * len(measures))
        each = max(min(nr_columns, most) // len(chosen), min(nr_columns, _LEAST_COLUMNS))
        known = {one.target: one for one in names}
        plates = []
        for one in chosen:
            least = max(1, each // 80)
            columns = columns_of(one.present, one.accessed, each, fold=fold, least=least)
            index = one.target.index
            plates.append(Plate(one.target, columns, Axis.of(columns), known.get(index)))
        nr_left_out = len(outline.targets) - len(chosen)
        return cls(tuple(plates), measures, rows, Caption.of(outline), nr_left_out)

    def add(self, snapshot: Snapshot) -> None:
        """Sum up one snapshot."""
        self._sums.add(snapshot)

    def number_of(self, measure: str) -> int:
        """The number of the measure of that name; LookupError with those that there are."""
        keys = [one.key for one in self.measures]
        if measure not in keys:
            raise LookupError(f"no measure {measure!r}; the recording has {', '.join(keys)}")
        return keys.index(measure)

    def heat(self, plate: Plate, measure: Measure) -> np.ndarray:
        """float64[rows, columns] in the unit of the measure, NaN where no region was."""
        return self._sums.heat(plate.target.index, measure)

    def hidden(self, plate: Plate, measure: Measure) -> float:
        """Share of the heat of a target in areas for which there was no column."""
        return self._sums.hidden(plate.target.index, measure)
