"""Sizes over time: the working set, monitored and resident bytes of each target as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from .caption import Caption
from .outline import begin_ns
from .use_rule import UseRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.figure import Figure

    from ..snapshot import Snapshot, TargetState

KINDS = ("wss", "rss", "monitored")


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

    def total(self, kind: str) -> np.ndarray:
        """Sum over the targets of "wss", "rss" or "monitored": float64[N].

        Resident bytes are of a whole process, so they count once where several targets are of one.
        """
        sizes: np.ndarray = getattr(self, kind)
        if kind == "rss":
            first = {target.pid: number for number, target in enumerate(self.targets)}
            sizes = sizes[sorted(first.values())]
        known = ~np.isnan(sizes).all(axis=0)
        return np.where(known, np.nansum(sizes, axis=0), np.nan)

    def figure(self, kinds: Sequence[str] = KINDS) -> Figure:
        """Some of "wss", "rss", "monitored" as a figure of matplotlib.

        PlotError if that is not installed.
        """
        from ..figures import sizes_figure

        return sizes_figure(self, kinds)

    def _repr_png_(self) -> bytes | None:
        """What notebooks show; None (the text) without matplotlib."""
        from ..figures import shown_png

        return shown_png(self)


def sizes_over_time(snapshots: Iterable[Snapshot], *, rule: UseRule | None = None) -> SizesOverTime:
    """The sizes in one or more snapshots; ValueError if there is none."""
    gathered = _Gathered(rule or UseRule())
    for number, snapshot in enumerate(snapshots):
        gathered.add(number, snapshot)
    if not gathered.times:
        raise ValueError("no snapshot has sizes")
    targets = tuple(gathered.targets[index] for index in sorted(gathered.targets))
    values = np.full((3, len(targets), len(gathered.times)), np.nan)
    place = {target.index: number for number, target in enumerate(targets)}
    for index, number, sizes in gathered.sizes:
        values[:, place[index], number] = sizes
    times = (np.array(gathered.times, np.float64) - gathered.start_ns) / 1e9
    wss, monitored, rss = values
    return SizesOverTime(
        gathered.start_ns, times, targets, wss, monitored, rss, Caption.of(gathered)
    )


@define
class _Gathered:
    rule: UseRule
    start_ns: int = 2**63
    sources: dict[str, str] = field(factory=dict)
    sample_us: list[int] = field(factory=list)
    aggr_us: list[int] = field(factory=list)
    targets: dict[int, TargetState] = field(factory=dict)
    times: list[tuple[int, int]] = field(factory=list)
    sizes: list[tuple[int, int, tuple[float, float, float]]] = field(factory=list)

    def add(self, number: int, snapshot: Snapshot) -> None:
        begin = begin_ns(snapshot)
        self.start_ns = min(self.start_ns, begin)
        self.times.append((begin, snapshot.end_ns))
        self.sources.update((source.name, source.mechanism) for source in snapshot.sources)
        self.sample_us.append(snapshot.intervals.sample_us)
        self.aggr_us.append(snapshot.intervals.aggr_us)
        regions = snapshot.regions
        used = self.rule.sizes(regions)
        whole = (regions.end - regions.start).astype(np.float64)
        for target in snapshot.targets:
            self.targets[target.index] = target
            mine = slice(*np.searchsorted(regions.target, [target.index, target.index + 1]))
            rss = np.nan if target.rss is None else float(target.rss)
            sizes = float(used[mine].sum()), float(whole[mine].sum()), rss
            self.sizes.append((target.index, number, sizes))
