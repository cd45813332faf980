"""A whole monitoring context in plain Python: its ticks, and the ends of its windows."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, evolve, field

from ...access import AccessReport
from ...model import Intervals, Match, NrRegions, SampleFilter
from .draws import Random
from .ranges import Range, set_ranges
from .regions import (
    Region,
    Splitter,
    Target,
    apply_min_nr_regions,
    merge,
    reset_aggregated,
)
from .reports import Bitmap, Counters, Matcher
from .ticks import Schedule, update_results

Accesses = Sequence[tuple[int, AccessReport | Bitmap]]
"""What one tick sees: (source, report or bitmap)."""


@define
class Context:
    """Targets that are sampled, aggregated, merged and split as the engine does it."""

    seed: int
    intervals: Intervals
    nr_regions: NrRegions
    nr_sources: int = 1
    min_region_sz: int = 4096
    match: Match = Match.ANY
    filters: Sequence[SampleFilter] = ()
    physical: bool = False
    targets: list[Target] = field(factory=list)
    schedule: Schedule = field(init=False)
    sz_limit: int = field(init=False, default=0)
    _random: Random = field(init=False)
    _splitter: Splitter = field(init=False, factory=Splitter)
    _counters: list[Counters] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.schedule = Schedule(self.intervals)
        self._random = Random(self.seed)
        self._counters = [Counters() for _ in range(self.nr_sources)]

    @property
    def counters(self) -> list[Counters]:
        """Where the reports ended, by source, since the start."""
        return self._counters

    def add_target(self, pid: int, ranges: Sequence[Range], min_region_sz: int = 0) -> Target:
        """Watch these ranges of a process."""
        target = Target([], pid=pid)
        self.targets.append(target)
        self.set_ranges(target, ranges, min_region_sz)
        return target

    def set_ranges(self, target: Target, ranges: Sequence[Range], min_region_sz: int = 0) -> None:
        """Watch other ranges of a target; ValueError, and no change, for bad ones."""
        least = max(min_region_sz, self.min_region_sz)
        set_ranges(target, ranges, least, self.nr_sources)

    def start(self) -> None:
        """Before the first tick."""
        self._limit_sizes()

    def prepare(self) -> None:
        """Start of a sampling interval: draw the sampling addresses."""
        for region in (r for t in self.targets for r in t.regions):
            region.sampling_addr = self._random.rand(region.start, region.end)

    def check(self, accesses: Accesses, since_ns: int = 0) -> None:
        """End of a sampling interval: one update of each region."""
        matcher = Matcher(
            self.targets, self.nr_sources, self.match, self.filters, self.physical, self._counters
        )
        for source, access in accesses:
            if isinstance(access, Bitmap):
                matcher.bitmap(access, source)
            else:
                matcher.report(access, source, since_ns)
        matcher.end_tick()

    def tick_ended(self) -> list[list[Region]] | None:
        """The end of the tick; at the end of a window its regions, by target, as users see them."""
        if not self.schedule.tick().aggregation:
            return None
        merge(self.targets, self.intervals.nr_samples, self.nr_regions.max, self.sz_limit)
        self._limit_sizes()
        snapshot = [[evolve(r, hits=list(r.hits)) for r in t.regions] for t in self.targets]
        reset_aggregated(self.targets)
        self._splitter.split(self.targets, self.nr_regions.max, self._random.rand)
        return snapshot

    def change_intervals(self, intervals: Intervals) -> None:
        """New intervals from this tick on; what was counted is converted."""
        aggregating = self.schedule.change(intervals)
        update_results(self.targets, self.intervals, intervals, aggregating)
        self.intervals = intervals

    def _limit_sizes(self) -> None:
        self.sz_limit = apply_min_nr_regions(self.targets, self.nr_regions.min, self.min_region_sz)
