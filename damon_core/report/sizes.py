"""Sizes over time: the working set, monitored and resident bytes of each target as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from .caption import Caption
from .outline import Outline, begin_ns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..snapshot import Snapshot, SnapshotRegions, TargetState
    from .outline import Snapshots


@frozen(eq=False)
class SizesOverTime:
    """Sizes in bytes of T targets in N snapshots; NaN where a target was not in a snapshot.

    ``times_s`` float64[N, 2]: begin and end of each window, in seconds since ``start_ns``
    (CLOCK_REALTIME).  ``wss``, ``monitored``, ``rss`` float64[T, N]: bytes in use by the rule of
    ``damon report wss``, bytes in regions, resident bytes (NaN too where unknown).
    """

    start_ns: int
    times_s: np.ndarray
    targets: tuple[TargetState, ...]
    wss: np.ndarray
    monitored: np.ndarray
    rss: np.ndarray
    caption: Caption

    def total(self, sizes: np.ndarray) -> np.ndarray:
        """Sum over the targets, float64[N]: of ``wss``, ``monitored`` or ``rss``."""
        known = ~np.isnan(sizes).all(axis=0)
        return np.where(known, np.nansum(sizes, axis=0), np.nan)

    def figure(self) -> Figure:
        """It as a figure of matplotlib, PlotError if that is not installed."""
        from ..figures import sizes_figure

        return sizes_figure(self)

    def _repr_png_(self) -> bytes | None:
        """What notebooks show; None (the text) without matplotlib."""
        from ..figures import shown_png

        return shown_png(self)


def sizes_over_time(
    snapshots: Snapshots, *, by_region: bool = False, acc_thres: int = 1
) -> SizesOverTime:
    """The sizes of a recording that has snapshots, by the rule of ``WorkingSet``."""
    outline = Outline(snapshots)
    gathered = _Gathered(by_region, acc_thres)
    for number, snapshot in enumerate(snapshots):
        gathered.add(number, snapshot)
    targets = tuple(gathered.targets[index] for index in sorted(gathered.targets))
    values = np.full((3, len(targets), len(snapshots)), np.nan)
    place = {target.index: number for number, target in enumerate(targets)}
    for index, number, sizes in gathered.sizes:
        values[:, place[index], number] = sizes
    times = (np.array(gathered.times, np.float64).reshape(-1, 2)) / 1e9
    wss, monitored, rss = values
    return SizesOverTime(outline.start_ns, times, targets, wss, monitored, rss, Caption.of(outline))


def used_bytes(
    regions: SnapshotRegions, *, by_region: bool = False, acc_thres: int = 1
) -> np.ndarray:
    """Bytes in use of each region, float64[R]: accessed ones where known, else all or none."""
    whole = (regions.end - regions.start).astype(np.float64)
    used = np.where(regions.nr_accesses >= acc_thres, whole, 0.0)
    if by_region:
        return used
    return np.where(~np.isnan(regions.accessed_bytes), regions.accessed_bytes, used)


@define
class _Gathered:
    by_region: bool
    acc_thres: int
    start_ns: int | None = None
    targets: dict[int, TargetState] = field(factory=dict)
    times: list[tuple[int, int]] = field(factory=list)
    sizes: list[tuple[int, int, tuple[float, float, float]]] = field(factory=list)

    def add(self, number: int, snapshot: Snapshot) -> None:
        begin = begin_ns(snapshot)
        self.start_ns = begin if self.start_ns is None else self.start_ns
        self.times.append((begin - self.start_ns, snapshot.end_ns - self.start_ns))
        regions = snapshot.regions
        used = used_bytes(regions, by_region=self.by_region, acc_thres=self.acc_thres)
        whole = (regions.end - regions.start).astype(np.float64)
        for target in snapshot.targets:
            self.targets[target.index] = target
            mine = slice(*np.searchsorted(regions.target, [target.index, target.index + 1]))
            rss = np.nan if target.rss is None else float(target.rss)
            sizes = float(used[mine].sum()), float(whole[mine].sum()), rss
            self.sizes.append((target.index, number, sizes))
