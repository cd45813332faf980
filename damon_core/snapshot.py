"""One snapshot: the regions of all targets at the end of an aggregation interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    import numpy as np

    from .model import Intervals


@frozen
class SourceCounters:
    """What became of the reports of one primitive in one aggregation interval.

    Every report is in exactly one of these.  ``credited``: marked a region.  ``filtered``: a sample
    filter dropped it, or it missed the sampling page under ``match: sampled``.  ``no_address``: no
    address of the kind the ops need, or size 0.  ``no_target``: of a process that is no target.
    ``no_region``: outside every region.  ``stale``: older than the previous drain.  ``lost``: the
    buffer was full.
    """

    credited: int = 0
    filtered: int = 0
    no_address: int = 0
    no_target: int = 0
    no_region: int = 0
    stale: int = 0
    lost: int = 0

    @property
    def total(self) -> int:
        return (
            self.credited
            + self.filtered
            + self.no_address
            + self.no_target
            + self.no_region
            + self.stale
            + self.lost
        )


@frozen
class SourceState:
    """One primitive in one aggregation interval.

    ``counters`` are of this interval.  ``own`` are the primitive's own counters since the start, by
    name.  ``failure`` says why it was stopped, or is None while it works.  ``target_cpu_ns``: CPU
    time that it cost others in this interval, the targets as a rule, by its own account.
    """

    name: str
    mechanism: str = ""
    counters: SourceCounters = SourceCounters()
    own: dict[str, int] = field(factory=dict)
    failure: str | None = None
    target_cpu_ns: int = 0


@frozen
class TargetState:
    """One target at the end of an aggregation interval; ``pid`` is 0 for physical memory."""

    index: int
    pid: int
    comm: str
    alive: bool = True
    rss: int | None = None


@frozen(eq=False)
class SnapshotRegions:
    """The regions of a snapshot, by column, sorted by target and address; R regions, S sources.

    ``start``, ``end`` uint64[R] bytes, half open; ``nr_accesses``, ``age`` uint32[R] (sampling
    intervals, aggregation intervals); ``target`` uint32[R] index, ``pid`` int32[R]; ``hits``
    uint64[S, R] reports credited, by source; ``accessed_bytes`` float64[R], mean over the sampling
    intervals of the window, NaN where no source could tell.
    """

    start: np.ndarray
    end: np.ndarray
    nr_accesses: np.ndarray
    age: np.ndarray
    target: np.ndarray
    pid: np.ndarray
    hits: np.ndarray
    accessed_bytes: np.ndarray

    def __len__(self) -> int:
        return len(self.start)


@frozen(eq=False)
class Snapshot:
    """The regions of all targets at the end of one aggregation interval.

    ``start_ns``, ``end_ns``: CLOCK_REALTIME. ``intervals``: as really kept (mean sampling interval,
    length of the window). ``nr_samples``: ticks of the window, the highest possible nr_accesses;
    ``nr_late`` of them began late, as the tick before took longer than a sampling interval.
    ``cpu_ns``: CPU time of the monitoring thread since the snapshot before, kernel work on its
    behalf and the handling of that snapshot included.
    ``notes``: one-line messages for the user that came up in the window.
    """

    index: int
    start_ns: int
    end_ns: int
    intervals: Intervals
    nr_samples: int
    targets: tuple[TargetState, ...]
    regions: SnapshotRegions
    sources: tuple[SourceState, ...]
    cpu_ns: int = 0
    nr_late: int = 0
    notes: tuple[str, ...] = ()

    @property
    def target_cpu_ns(self) -> int:
        """CPU time that monitoring cost others in the window, by the account of the primitives."""
        return sum(source.target_cpu_ns for source in self.sources)
