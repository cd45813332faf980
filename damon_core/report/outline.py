"""The outline of a recording: which targets, from when to when, present and accessed where.

Taken from snapshots spread over the recording, so that a picture needs one full reading only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from attrs import define, field

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
    """The targets by index, and the time they were seen in (CLOCK_REALTIME)."""

    def __init__(self, snapshots: Snapshots) -> None:
        self.targets: dict[int, TargetOutline] = {}
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

    def _add(self, snapshot: Snapshot, *, coarse: bool) -> None:
        self.start_ns = min(self.start_ns, begin_ns(snapshot))
        self.end_ns = max(self.end_ns, snapshot.end_ns)
        for target in snapshot.targets:
            outline = self.targets.setdefault(target.index, TargetOutline(target))
            outline.target = target
            outline.add(snapshot, coarse=coarse)


def begin_ns(snapshot: Snapshot) -> int:
    """When the window began; its length is of a steady clock, ``start_ns`` is not."""
    return snapshot.end_ns - snapshot.intervals.aggr_us * 1000
