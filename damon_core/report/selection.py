"""What of a recording a report shows: a time, targets, addresses, kinds of regions, a primitive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve, frozen

from ..snapshot import SnapshotRegions
from ..spans import Spans
from .outline import begin_ns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model import AddrRange
    from ..snapshot import Snapshot
    from .moment import TimeSpan

Bounds = tuple[float, float]
"""Smallest and largest value, both included."""


@frozen
class Selection:
    """Criteria that all must be met; None or () selects everything.

    ``time``: snapshots whose window has its middle in the span, so that spans that touch share no
    snapshot.  ``targets``: their indices.  ``sizes`` bytes, ``rates`` percent of the samples with
    an access, ``ages`` microseconds: of whole regions.  ``addresses``: regions are cut at the
    borders; a region is what was accessed alike, so a piece has its rate and age, and its share of
    accessed bytes and hits.

    ``primitive``: only its hits count.  A region it did not hit was not accessed; another one was
    in as many samples as it had hits, or as all primitives together saw if those are fewer: at
    most so many.  Accessed bytes are those that all saw.
    """

    time: TimeSpan | None = None
    targets: tuple[int, ...] = ()
    addresses: tuple[AddrRange, ...] = ()
    sizes: Bounds | None = None
    rates: Bounds | None = None
    ages: Bounds | None = None
    primitive: str | None = None

    def apply(self, snapshots: Iterable[Snapshot]) -> Iterator[Snapshot]:
        """The selected snapshots, in order, with the selected regions; one in memory at a time.

        A snapshot of the time stays, with all its facts, though none of its regions does.
        """
        bounds: tuple[int, int] | None = None
        for snapshot in snapshots:
            if self.time:
                bounds = bounds or self.time.bounds_ns(begin_ns(snapshot))
                if not bounds[0] <= middle_ns(snapshot) < bounds[1]:
                    continue
            yield self.regions_of(snapshot)

    def regions_of(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the selected targets, source and regions, whatever its time."""
        if self.primitive is not None:
            snapshot = as_seen_by(snapshot, self.primitive)
        if self.targets:
            chosen = tuple(t for t in snapshot.targets if t.index in self.targets)
            snapshot = evolve(snapshot, targets=chosen)
        regions = snapshot.regions
        kept = self._mask(snapshot)
        if kept is not None:
            regions = _rows(regions, np.flatnonzero(kept))
        if self.addresses:
            regions = _cut(regions, Spans.of((one.start, one.end) for one in self.addresses))
        return snapshot if regions is snapshot.regions else evolve(snapshot, regions=regions)

    def _mask(self, snapshot: Snapshot) -> np.ndarray | None:
        """Which regions meet the criteria that are of whole regions; None: all of them."""
        regions = snapshot.regions
        masks = []
        if self.targets:
            masks.append(np.isin(regions.target, np.array(self.targets, np.int64)))
        if self.sizes:
            masks.append(_between(regions.end - regions.start, self.sizes))
        if self.rates:
            rates = regions.nr_accesses * 100.0 / snapshot.nr_samples
            masks.append(_between(rates, self.rates))
        if self.ages:
            ages = regions.age * float(snapshot.intervals.aggr_us)
            masks.append(_between(ages, self.ages))
        return np.logical_and.reduce(masks) if masks else None


def middle_ns(snapshot: Snapshot) -> int:
    """The time that stands for a window."""
    return (begin_ns(snapshot) + snapshot.end_ns) // 2


def _between(values: np.ndarray, bounds: Bounds) -> np.ndarray:
    inside: np.ndarray = (values >= bounds[0]) & (values <= bounds[1])
    return inside


def _rows(regions: SnapshotRegions, rows: np.ndarray) -> SnapshotRegions:
    return SnapshotRegions(
        start=regions.start[rows],
        end=regions.end[rows],
        nr_accesses=regions.nr_accesses[rows],
        age=regions.age[rows],
        target=regions.target[rows],
        pid=regions.pid[rows],
        hits=regions.hits[:, rows],
        accessed_bytes=regions.accessed_bytes[rows],
    )


def _cut(regions: SnapshotRegions, spans: Spans) -> SnapshotRegions:
    """The pieces of regions that lie in the spans."""
    first = np.searchsorted(spans.ends, regions.start, side="right")
    last = np.searchsorted(spans.starts, regions.end, side="left")
    nr_pieces = np.maximum(last - first, 0)
    rows = np.repeat(np.arange(len(regions)), nr_pieces)
    # Of the pieces of one region, the first lies in its first span, and so on.
    turn = np.arange(len(rows)) - np.repeat(np.cumsum(nr_pieces) - nr_pieces, nr_pieces)
    span = first[rows] + turn
    pieces = _rows(regions, rows)
    start = np.maximum(pieces.start, spans.starts[span])
    end = np.minimum(pieces.end, spans.ends[span])
    share = (end - start) / (pieces.end - pieces.start)
    return evolve(
        pieces,
        start=start,
        end=end,
        hits=np.where(share < 1, np.rint(pieces.hits * share), pieces.hits).astype(np.uint64),
        accessed_bytes=pieces.accessed_bytes * share,
    )


def as_seen_by(snapshot: Snapshot, name: str) -> Snapshot:
    """A snapshot as one primitive saw it, at most; without regions if it has no such source."""
    regions = snapshot.regions
    numbers = [number for number, source in enumerate(snapshot.sources) if source.name == name]
    if not numbers:
        nothing = _rows(evolve(regions, hits=regions.hits[:0]), np.zeros(0, np.intp))
        return evolve(snapshot, sources=(), regions=nothing)
    hits = regions.hits[numbers[:1]]
    seen = np.minimum(regions.nr_accesses, hits[0]).astype(np.uint32)
    told = ~np.isnan(regions.accessed_bytes)
    accessed = np.where((hits[0] == 0) & told, 0.0, regions.accessed_bytes)
    return evolve(
        snapshot,
        sources=(snapshot.sources[numbers[0]],),
        regions=evolve(regions, hits=hits, nr_accesses=seen, accessed_bytes=accessed),
    )
