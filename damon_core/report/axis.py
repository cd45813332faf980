"""The place of addresses on a drawn axis: bands by size, small ones widened, gaps between."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from ..model import AddrRange
from .text import mapping_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..record_names import TargetNames
    from .spans import Column

# Of the whole axis: the smallest area, a folded stretch, the gap between two areas.
LEAST_SHARE = 1 / 80
_FOLD_SHARE = 1 / 60
_GAP_SHARE = 1 / 150


@frozen
class Band:
    """A stretch of the axis from ``low`` to ``high`` (0 to 1): ``nr`` columns from ``first`` on."""

    range: AddrRange
    area: int
    folded: bool
    first: int
    nr: int
    low: float
    high: float


@frozen
class Label:
    """A mapping's name at its place on the axis."""

    low: float
    high: float
    text: str


@frozen
class Axis:
    """The addresses of the columns of a picture, laid out from 0 to 1."""

    bands: tuple[Band, ...]

    @classmethod
    def of(cls, columns: Sequence[Column]) -> Axis:
        """Bands by their numbers of columns; LookupError without columns."""
        if not columns:
            raise LookupError("an axis has one column at least")
        runs = [list(run) for _, run in groupby(columns, lambda one: (one.area, one.folded))]
        areas = [run[0].area for run in runs]
        gap = min(_GAP_SHARE, 0.2 / len(runs))
        least = min(LEAST_SHARE, 0.5 / len(runs)) * len(columns)
        fold = min(_FOLD_SHARE, 0.5 / len(runs)) * len(columns)
        weights = [fold if run[0].folded else max(len(run), least) for run in runs]
        gaps = [0.0, *(gap * (area != before) for before, area in pairwise(areas))]
        scale = (1 - sum(gaps)) / sum(weights)
        bands, first, low = [], 0, 0.0
        for run, weight, before in zip(runs, weights, gaps, strict=True):
            low += before
            high = min(1.0, low + weight * scale)
            whole = AddrRange(run[0].range.start, run[-1].range.end)
            bands.append(Band(whole, run[0].area, run[0].folded, first, len(run), low, high))
            first, low = first + len(run), high
        return cls(tuple(bands))

    def edges(self) -> np.ndarray:
        """Where each column begins and ends, float64[columns, 2]."""
        parts = [np.linspace(band.low, band.high, band.nr + 1) for band in self.bands]
        return np.concatenate([np.stack([part[:-1], part[1:]], axis=1) for part in parts])

    def labels(self, names: TargetNames | None) -> tuple[Label, ...]:
        """The mappings along the axis, neighbours of one name as one."""
        found: list[Label] = []
        for band in self.bands if names else ():
            for low, high, text in _named(band, names):
                last = found[-1] if found else None
                if last and last.text == text and low - last.high < _GAP_SHARE / 100:
                    found[-1] = Label(last.low, high, text)
                else:
                    found.append(Label(low, high, text))
        return tuple(found)


def _named(band: Band, names: TargetNames | None) -> Iterator[tuple[float, float, str]]:
    size = band.range.size
    for known in names.ranges if names else ():
        start, end = max(known.start, band.range.start), min(known.end, band.range.end)
        if start < end:
            low, high = (
                band.low + (band.high - band.low) * ((edge - band.range.start) / size)
                for edge in (start, end)
            )
            yield low, high, mapping_text(known.name)
