"""The outline of a recording: which targets, from when to when, present and accessed where.

Taken from snapshots spread over the recording, so that a picture needs one full reading only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from attrs import define, field, frozen

from .spans import union

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..snapshot import Snapshot, TargetState

_NR_LOOKED_AT = 500

# Regions are still coarse in the first windows, and seem accessed all over.
_NR_COARSE = 10
_COARSE_SHARE = 1 / 5

# A region of which less was accessed counts as idle: the rest of it tells nothing.
_SPARSE_SHARE = 1 / 256


class Snapshots(Protocol):
    """A recording, or a list of snapshots."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Snapshot]: ...
    def __getitem__(self, number: int, /) -> Snapshot: ...


@frozen
class TimeRows:
    """``nr`` rows of time from ``start_ns`` (CLOCK_REALTIME) on, ``row_ns`` each."""

    start_ns: int
    row_ns: int
    nr: int

    def overlaps(self, begin_ns: int, end_ns: int) -> Iterator[tuple[int, float]]:
        """The rows that a window overlaps, and by how many nanoseconds."""
        first = max(0, (begin_ns - self.start_ns) // self.row_ns)
        last = min(self.nr - 1, (end_ns - 1 - self.start_ns) // self.row_ns)
        for row in range(first, last + 1):
            row_start = self.start_ns + row * self.row_ns
            yield row, float(min(end_ns, row_start + self.row_ns) - max(begin_ns, row_start))


@define
class TargetOutline:
    """One target: where it had regions, and well accessed ones; uint64[N, 2], start and end."""

    target: TargetState
    heat: float = 0.0
    _present: list[np.ndarray] = field(factory=list)
    _accessed: list[np.ndarray] = field(factory=list)

    @property
    def present(self) -> np.ndarray:
        """Where it had regions."""
        return union(np.concatenate(self._present))

    @property
    def accessed(self) -> np.ndarray:
        """Where it had regions that were accessed, and not only in a few of their bytes."""
        return union(np.concatenate([*self._accessed, np.zeros((0, 2), np.uint64)]))

    def add(self, snapshot: Snapshot, *, coarse: bool) -> None:
        """Take in the regions of one snapshot; of a coarse one only where they are."""
        regions = snapshot.regions
        first, last = np.searchsorted(regions.target, [self.target.index, self.target.index + 1])
        ranges = np.stack([regions.start[first:last], regions.end[first:last]], axis=1)
        nr_accesses = regions.nr_accesses[first:last]
        sizes = ranges[:, 1] - ranges[:, 0]
        sparse = regions.accessed_bytes[first:last] < sizes * _SPARSE_SHARE
        self.heat += float(
            ((ranges[:, 1] - ranges[:, 0]) * (nr_accesses / snapshot.nr_samples)).sum()
        )
        self._present.append(union(ranges))
        if not coarse:
            self._accessed.append(union(ranges[(nr_accesses > 0) & ~sparse]))


class Outline:
    """The targets by index, the time they were seen in (CLOCK_REALTIME), by what, and how often.

    ``sources``: mechanism by primitive.  ``sample_us``, ``aggr_us``: intervals of the windows.
    ``bytes_told``: whether the accessed bytes of some region are known.
    """

    def __init__(self, snapshots: Snapshots) -> None:
        self.targets: dict[int, TargetOutline] = {}
        self.sources: dict[str, str] = {}
        self.sample_us: list[int] = []
        self.aggr_us: list[int] = []
        self.bytes_told = False
        self.start_ns = 2**63
        self.end_ns = 0
        if not len(snapshots):
            return
        step = -(-len(snapshots) // _NR_LOOKED_AT)
        nr_coarse = min(_NR_COARSE, int(len(snapshots) * _COARSE_SHARE))
        for number in range(0, len(snapshots), step):
            self._add(snapshots[number], coarse=number < nr_coarse)
        self._add(snapshots[-1], coarse=False)

    def choose(self, index: int | None) -> TargetOutline:
        """The target of that index, by default the one of most heat; LookupError if it is not."""
        if not self.targets:
            raise LookupError("no snapshot has a target")
        if index is None:
            return max(self.targets.values(), key=lambda outline: outline.heat)
        if index not in self.targets:
            known = ", ".join(map(str, sorted(self.targets)[:10]))
            raise LookupError(f"no target {index}; the recording has {known}")
        return self.targets[index]

    def hottest(self, nr: int) -> list[TargetOutline]:
        """At most that many targets, those of most heat first."""
        return sorted(self.targets.values(), key=lambda outline: -outline.heat)[:nr]

    def rows(self, nr: int) -> TimeRows:
        """The time of the recording in that many rows."""
        row_ns = -(-max(self.end_ns - self.start_ns, 1) // nr)
        return TimeRows(self.start_ns, row_ns, nr)

    def _add(self, snapshot: Snapshot, *, coarse: bool) -> None:
        self.start_ns = min(self.start_ns, begin_ns(snapshot))
        self.end_ns = max(self.end_ns, snapshot.end_ns)
        self.sources.update((source.name, source.mechanism) for source in snapshot.sources)
        self.sample_us.append(snapshot.intervals.sample_us)
        self.aggr_us.append(snapshot.intervals.aggr_us)
        self.bytes_told |= not bool(np.isnan(snapshot.regions.accessed_bytes).all())
        for target in snapshot.targets:
            outline = self.targets.setdefault(target.index, TargetOutline(target))
            outline.target = target
            outline.add(snapshot, coarse=coarse)


def begin_ns(snapshot: Snapshot) -> int:
    """When the window began; its length is of a steady clock, ``start_ns`` is not."""
    return snapshot.end_ns - snapshot.intervals.aggr_us * 1000
