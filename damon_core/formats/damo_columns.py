"""The numbers of a damo recording in the units of ours, whole series at a time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, frozen

from .damo_series import AGE_US, NO_AGE, PERCENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .damo_series import DamoSeries

_MAX_U32 = 2**32 - 1


@frozen(eq=False)
class Part:
    """Regions of one window, sorted; columns as in ``SnapshotRegions``."""

    start: np.ndarray
    end: np.ndarray
    nr_accesses: np.ndarray
    age: np.ndarray
    hits: np.ndarray
    accessed_bytes: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def taken(self, which: slice | np.ndarray) -> Part:
        """Some of the regions."""
        return Part(
            self.start[which],
            self.end[which],
            self.nr_accesses[which],
            self.age[which],
            self.hits[:, which],
            self.accessed_bytes[which],
        )


@define
class Columns:
    """The regions of several series; ``nr_samples`` is of all their windows.

    ``counts``: regions whose numbers had to be worked out or left out, by what was done.
    """

    nr_samples: int
    guessed: bool
    counts: Counter[str]
    _series: Sequence[DamoSeries]
    _parts: list[Part]
    _unsorted: list[dict[int, np.ndarray]]

    def window(self, series: int, number: int) -> Part:
        """The regions of one window."""
        part = self._parts[series].taken(self._series[series].region_numbers(number))
        order = self._unsorted[series].get(number)
        return part if order is None else part.taken(order)


def columns_of(series: Sequence[DamoSeries], sample_us: int | None, nr_sources: int) -> Columns:
    """Convert all series of one context; ``sample_us``: sampling interval the user tells."""
    nr_samples, guessed = _nr_samples(series, sample_us)
    counts: Counter[str] = Counter()
    parts = [_part(one, nr_samples, nr_sources, counts) for one in series]
    unsorted = [_unsorted(one, part, counts) for one, part in zip(series, parts, strict=True)]
    return Columns(nr_samples, guessed, counts, series, parts, unsorted)


def mean_window_us(series: DamoSeries) -> float:
    """Mean length of the windows."""
    length_ns = sum(series.end_ns) - sum(series.start_ns)
    return max(1.0, length_ns / 1000 / max(1, len(series)))


def _nr_samples(series: Sequence[DamoSeries], sample_us: int | None) -> tuple[int, bool]:
    """Samples in a window, and whether they are only known to be no fewer."""
    if sample_us:
        return min(max(1, round(mean_window_us(series[0]) / sample_us)), _MAX_U32), False
    asked = [one.intervals.nr_samples for one in series if one.intervals]
    if asked:
        return min(max(asked), _MAX_U32), False
    highest = 0
    for one in series:
        samples = np.frombuffer(one.flags, np.uint8) & PERCENT == 0
        highest = max(highest, int(np.max(np.frombuffer(one.accesses)[samples], initial=0)))
    # Nothing but percents: each is so many samples of a hundred.
    return (min(highest, _MAX_U32), True) if highest else (100, False)


def _part(series: DamoSeries, nr_samples: int, nr_sources: int, counts: Counter[str]) -> Part:
    nr = len(series.starts)
    flags = np.frombuffer(series.flags, np.uint8)
    accesses = np.frombuffer(series.accesses)
    percent = flags & PERCENT > 0
    counts["regions with percent only: their samples are worked out"] += int(percent.sum())
    worked_out = np.maximum(np.rint(accesses * nr_samples / 100), accesses > 0)
    samples = np.where(percent, worked_out, accesses)
    above = samples > nr_samples
    counts["regions with more accesses than samples: taken as accessed in all"] += int(above.sum())
    age = np.frombuffer(series.age)
    in_us = flags & AGE_US > 0
    counts["regions with an age in time only: their windows are worked out"] += int(in_us.sum())
    counts["regions without an age: 0 stands for it"] += int((flags & NO_AGE > 0).sum())
    aggr_us = series.intervals.aggr_us if series.intervals else mean_window_us(series)
    windows = np.where(in_us, np.rint(age / aggr_us), age)
    told = np.frombuffer(series.accessed_bytes)
    hits = np.zeros((nr_sources, nr), np.uint64)
    if nr_sources and len(series.hits) == nr_sources * nr:
        hits = np.frombuffer(series.hits, np.uint64).reshape(nr, nr_sources).T
    return Part(
        start=np.frombuffer(series.starts, np.uint64),
        end=np.frombuffer(series.ends, np.uint64),
        nr_accesses=np.minimum(samples, nr_samples).astype(np.uint32),
        age=np.minimum(windows, _MAX_U32).astype(np.uint32),
        hits=hits,
        accessed_bytes=np.where(told < 0, np.nan, told),
    )


def _unsorted(series: DamoSeries, part: Part, counts: Counter[str]) -> dict[int, np.ndarray]:
    """The order of regions in windows where it is none; those that overlap one below are out."""
    if len(part) < 2:
        return {}
    first = np.frombuffer(series.first, np.uint64)
    backwards = np.flatnonzero(part.start[1:] < part.end[:-1]) + 1
    inside = backwards[~np.isin(backwards, first)]
    orders = {}
    for number in np.unique(np.searchsorted(first, inside, "right") - 1).tolist():
        window = part.taken(series.region_numbers(number))
        order = np.argsort(window.start, kind="stable")
        kept, reached = [], 0
        for row in order.tolist():
            if int(window.start[row]) >= reached:
                kept.append(row)
                reached = int(window.end[row])
        counts["regions that overlap others of their window: left out"] += len(order) - len(kept)
        orders[number] = np.array(kept, np.intp)
    return orders
