"""Numbers of the snapshots of a recording, by target: their percentiles, and how they went."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field, frozen

from .outline import begin_ns
from .text import about_time, bar, fitting_columns, target_text, wrapped

if TYPE_CHECKING:
    from ..snapshot import Snapshot, SnapshotRegions, TargetState

QUARTILES = (0, 25, 50, 75, 100)
_BAR = 40


@frozen
class Places:
    """Which of the numbers are shown: ``percentiles`` of them by size, or ``by_time`` in order."""

    percentiles: tuple[int, ...] = QUARTILES
    by_time: bool = False

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """Positions in ``numbers``, as damo has them: the percentile of the count, rounded down."""
        at = len(numbers) * np.array(self.percentiles) // 100
        places: np.ndarray = np.minimum(at, len(numbers) - 1)
        return places

    def values(self, numbers: np.ndarray) -> list[float]:
        """The numbers at the places; NaN is left out of those by size."""
        if not self.by_time:
            numbers = np.sort(numbers[~np.isnan(numbers)])
        if not len(numbers):
            return [float("nan")] * len(self.percentiles)
        return [float(number) for number in numbers[self.of(numbers)]]


@define(eq=False)
class Series:
    """Numbers of one target, or of all (None), a row a kind, in the snapshots that have it."""

    target: TargetState | None
    kinds: dict[str, array[float]] = field(factory=dict)
    ends_ns: array[int] = field(factory=lambda: array("q"))

    def add(self, end_ns: int, numbers: Mapping[str, float]) -> None:
        """Those of one snapshot."""
        nr_before = len(self.ends_ns)
        self.ends_ns.append(end_ns)
        for kind, number in numbers.items():
            if kind not in self.kinds:  # a primitive that was not there at first
                self.kinds[kind] = array("d", [float("nan")] * nr_before)
            self.kinds[kind].append(number)
        for numbers_so_far in self.kinds.values():
            if len(numbers_so_far) < len(self.ends_ns):
                numbers_so_far.append(float("nan"))

    def of(self, kind: str) -> np.ndarray:
        """float64[snapshots]."""
        return np.array(self.kinds[kind])

    def mean(self, kind: str) -> float:
        """Without the unknown ones; NaN if there is none."""
        known = self.of(kind)
        known = known[~np.isnan(known)]
        return float(known.mean()) if len(known) else float("nan")

    def whose(self) -> dict[str, int | None]:
        """The target for programs; null for all together."""
        target = self.target
        return (
            {"target": target.index, "pid": target.pid} if target else {"target": None, "pid": None}
        )

    def json_of(self, kind: str, places: Places, name: str) -> dict[str, object]:
        """One kind for programs: percentiles, mean, and each number in order as ``name``."""
        numbers = self.of(kind)
        values = map(_json_number, places.values(numbers))
        return {
            "percentiles": dict(zip(map(str, places.percentiles), values, strict=True)),
            "mean": _json_number(self.mean(kind)),
            name: [_json_number(number) for number in numbers.tolist()],
        }


class SeriesOfTargets:
    """A series of each target, and of all together."""

    def __init__(self) -> None:
        self.nr_snapshots = 0
        self.start_ns = 0
        self.total = Series(None)
        self._targets: dict[int, Series] = {}

    def add(
        self,
        snapshot: Snapshot,
        by_target: Mapping[int, Mapping[str, float]],
        total: Mapping[str, float],
    ) -> None:
        """Numbers of one snapshot, by the index of the target, for the targets that it has."""
        if not self.nr_snapshots:
            self.start_ns = begin_ns(snapshot)
        self.nr_snapshots += 1
        for target in {target.index: target for target in snapshot.targets}.values():
            series = self._targets.setdefault(target.index, Series(target))
            series.target = target
            series.add(snapshot.end_ns, by_target[target.index])
        self.total.add(snapshot.end_ns, total)

    def shown(self) -> list[Series]:
        """Of each target, and of all where there are several."""
        series = [self._targets[index] for index in sorted(self._targets)]
        return [*series, self.total] if len(series) > 1 else series

    def lines(
        self,
        series: Series,
        places: Places,
        heads: Mapping[str, tuple[str, Callable[[float], str]]],
        width: int,
    ) -> list[str]:
        """A table of one series: ``heads`` are title and wording of each kind; bars of the first.

        Columns are sorted each by itself, unless they are by time.
        """
        whose = target_text(series.target) if series.target else "all targets"
        rows: list[list[str]] = [["" if places.by_time else "percentile"]]
        rows += [[f"{percentile} %"] for percentile in places.percentiles]
        rows.append(["mean"])
        if places.by_time:
            _extend(rows, ["since start", *self._times(series, places), ""])
        kinds = [kind for kind in heads if kind in series.kinds]
        for kind in kinds:
            title, worded = heads[kind]
            values = [*places.values(series.of(kind)), series.mean(kind)]
            _extend(rows, [title, *("-" if v != v else worded(v) for v in values)])
        nr_columns = len(rows[0])
        lines = fitting_columns(rows, width, range(nr_columns - 1, nr_columns - len(kinds), -1), 0)
        marks = ["", *_bars(places.values(series.of(kinds[0])), width - max(map(len, lines))), ""]
        table = [f"{line}  {mark}".rstrip() for line, mark in zip(lines, marks, strict=True)]
        return [*wrapped(f"{whose}, {len(series.ends_ns)} snapshots", width), *table]

    def _times(self, series: Series, places: Places) -> list[str]:
        ends = np.array(series.ends_ns)
        since_ns = [end - self.start_ns for end in ends[places.of(ends)].tolist()]
        return [about_time(max(0, time_ns) / 1000) for time_ns in since_ns]


def sums_by_target(regions: SnapshotRegions, numbers: np.ndarray) -> dict[int, float]:
    """Sums of a number of each region, by target; those without regions are not in it."""
    if not len(regions):
        return {}
    # Regions are sorted by target, whose indices may be any number.
    first = np.concatenate([[0], np.flatnonzero(np.diff(regions.target)) + 1])
    sums = np.add.reduceat(numbers, first)
    return dict(zip(regions.target[first].tolist(), sums.tolist(), strict=True))


def _json_number(number: float) -> float | None:
    """JSON knows no NaN."""
    return None if number != number else number


def _extend(rows: list[list[str]], column: Sequence[str]) -> None:
    for row, cell in zip(rows, column, strict=True):
        row.append(cell)


def _bars(values: Sequence[float], room: int) -> list[str]:
    known: list[Any] = [0.0 if value != value else value for value in values]
    length = min(_BAR, room - 2)
    top = max(known, default=0.0) or 1.0
    return [bar(value / top, length) if length >= 4 else "" for value in known]
