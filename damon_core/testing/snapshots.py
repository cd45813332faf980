"""Made-up snapshots, for tests of whatever reads recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..model import Intervals
from ..snapshot import Snapshot, SnapshotRegions, SourceCounters, SourceState, TargetState

SECOND_NS = 1_000_000_000
T0_NS = 1_750_000_000 * SECOND_NS
"""When made-up recordings begin."""

INTERVALS = Intervals(20_000, 200_000, 1_000_000)
NR_SAMPLES = INTERVALS.nr_samples
TARGET = TargetState(0, 4321, "toucher", rss=128 << 20)

Row = tuple[float, ...]
"""A region: start, end, nr_accesses, age, target, pid, accessed bytes (NaN: unknown)."""


def made_up_regions(rows: Sequence[Row], nr_sources: int = 1) -> SnapshotRegions:
    """Regions from rows; each source has as many hits as the region has accesses."""
    start, end, nr_accesses, age, target, pid, accessed = (
        np.array([row[number] for row in rows], np.float64) for number in range(7)
    )
    return SnapshotRegions(
        start=start.astype(np.uint64),
        end=end.astype(np.uint64),
        nr_accesses=nr_accesses.astype(np.uint32),
        age=age.astype(np.uint32),
        target=target.astype(np.uint32),
        pid=pid.astype(np.int32),
        hits=np.tile(nr_accesses.astype(np.uint64), (nr_sources, 1)),
        accessed_bytes=accessed,
    )


def made_up_snapshot(
    index: int, rows: Sequence[Row], *sources: str, targets: Sequence[TargetState] = (TARGET,)
) -> Snapshot:
    """Window number ``index`` since T0_NS; ``sources`` are names of primitives."""
    names = sources or ("accessed_bit",)
    window_ns = INTERVALS.aggr_us * 1000
    return Snapshot(
        index=index,
        start_ns=T0_NS + index * window_ns,
        end_ns=T0_NS + (index + 1) * window_ns,
        intervals=INTERVALS,
        nr_samples=NR_SAMPLES,
        targets=tuple(targets),
        regions=made_up_regions(rows, len(names)),
        sources=tuple(
            SourceState(name, "bpf", SourceCounters(credited=10, lost=1), {"scans": index})
            for name in names
        ),
        cpu_ns=2_000_000,
    )


def random_snapshot(index: int, nr_regions: int, seed: int = 0) -> Snapshot:
    """Sorted regions of one target, three in ten accessed, one in ten of unknown bytes."""
    rng = np.random.default_rng([seed, index])
    edges = np.cumsum(rng.integers(1, 500, 2 * nr_regions)) * 4096.0
    start, end = edges[::2], edges[1::2]
    nr_accesses = rng.integers(0, NR_SAMPLES + 1, nr_regions) * (rng.random(nr_regions) < 0.3)
    accessed = np.where(
        rng.random(nr_regions) < 0.9, (end - start) * nr_accesses / NR_SAMPLES, np.nan
    )
    age = rng.integers(0, 300, nr_regions)
    whose = np.zeros(nr_regions)
    columns = [start, end, nr_accesses, age, whose, whose + TARGET.pid, accessed]
    return made_up_snapshot(index, np.column_stack(columns).tolist())


def differences(one: Snapshot, other: Snapshot) -> list[str]:
    """Names of the fields in which two snapshots differ, [] if they are the same."""
    return [
        *(name for name in _FACTS if getattr(one, name) != getattr(other, name)),
        *(name for name in _COLUMNS if not _same(one.regions, other.regions, name)),
    ]


_COLUMNS = SnapshotRegions.__annotations__.keys()
_FACTS = Snapshot.__annotations__.keys() - {"regions"}


def _same(one: Any, other: Any, name: str) -> bool:
    mine, theirs = getattr(one, name), getattr(other, name)
    return mine.dtype == theirs.dtype and np.array_equal(
        mine, theirs, equal_nan=mine.dtype.kind == "f"
    )
