"""Made-up recordings for the tests of the record format and of the reports."""

from __future__ import annotations

import numpy as np

from damon_core.model import Intervals, Ops
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.snapshot import (
    Snapshot,
    SnapshotRegions,
    SourceCounters,
    SourceState,
    TargetState,
)

SECOND_NS = 1_000_000_000
T0_NS = 1_750_000_000 * SECOND_NS
INTERVALS = Intervals(20_000, 200_000, 1_000_000)


def made_up_header(*names: str, **rest: object) -> RecordHeader:
    """A header of the primitives ``names``, "accessed_bit" if none."""
    fields = {
        "ops": Ops.VADDR,
        "primitives": tuple(PrimitiveInfo(name, "0.1.0") for name in names or ("accessed_bit",)),
        "start_ns": T0_NS,
        "host": "box",
        "kernel": "6.18.0 x86_64",
        "intervals": INTERVALS,
        "config": "ops: vaddr\n",
        "command_line": ("damon", "record", "--pid", "4321"),
        "damon_version": "0.1.0",
    }
    return RecordHeader(**{**fields, **rest})  # type: ignore[arg-type]


def made_up_regions(rows: list[tuple[float, ...]], nr_sources: int = 1) -> SnapshotRegions:
    """Regions from rows of start, end, nr_accesses, age, target, pid, accessed bytes."""
    table = np.array(rows, np.float64).reshape(-1, 7)
    start, end, nr_accesses, age, target, pid, accessed = table.T
    return SnapshotRegions(
        start=start.astype(np.uint64),
        end=end.astype(np.uint64),
        nr_accesses=nr_accesses.astype(np.uint32),
        age=age.astype(np.uint32),
        target=target.astype(np.uint32),
        pid=pid.astype(np.int32),
        hits=np.tile(nr_accesses.astype(np.uint64), (nr_sources, 1)),
        accessed_bytes=accessed.copy(),
    )


def made_up_snapshot(
    index: int,
    rows: list[tuple[float, ...]],
    *names: str,
    targets: tuple[TargetState, ...] = (TargetState(0, 4321, "toucher", rss=128 << 20),),
    **rest: object,
) -> Snapshot:
    names = names or ("accessed_bit",)
    fields = {
        "index": index,
        "start_ns": T0_NS + index * SECOND_NS // 5,
        "end_ns": T0_NS + (index + 1) * SECOND_NS // 5,
        "intervals": INTERVALS,
        "nr_samples": 10,
        "targets": targets,
        "regions": made_up_regions(rows, len(names)),
        "sources": tuple(
            SourceState(name, "bpf", SourceCounters(credited=10, lost=1), {"scans": index})
            for name in names
        ),
        "cpu_ns": 2_000_000,
    }
    return Snapshot(**{**fields, **rest})  # type: ignore[arg-type]


def random_snapshot(index: int, nr_regions: int, seed: int = 0) -> Snapshot:
    """A snapshot of many regions, some of them of unknown accessed bytes."""
    rng = np.random.default_rng([seed, index])
    edges = np.cumsum(rng.integers(1, 500, 2 * nr_regions)) * 4096.0
    start, end = edges[::2], edges[1::2]
    nr_accesses = rng.integers(0, 11, nr_regions) * (rng.random(nr_regions) < 0.3)
    accessed = np.where(rng.random(nr_regions) < 0.9, (end - start) * nr_accesses / 10, np.nan)
    age = rng.integers(0, 300, nr_regions)
    zeros = np.zeros(nr_regions)
    rows = np.column_stack([start, end, nr_accesses, age, zeros, zeros + 4321, accessed])
    return made_up_snapshot(index, [tuple(row) for row in rows])
