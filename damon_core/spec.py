"""What one monitoring context is asked to do: the engine's whole input, apart from targets and primitives."""

from __future__ import annotations

import mmap

from attrs import field, frozen

from .errors import ConfigError
from .model import AddrRange, Intervals, Match, NrRegions, Ops, SampleFilter


@frozen
class ContextSpec:
    """Attributes of a context; ConfigError for values that cannot work.

    ``intervals`` None means auto: the shortest that keep within ``cpu_quota`` (share of one CPU,
    above 0).  ``ranges``: the fixed ranges of fvaddr, or what to watch of physical memory.
    ``nr_reports_min`` / ``nr_reports_max``: first and largest capacity of a report ring.
    ``min_region_sz``: bytes, a power of two, at least a page.  ``seed`` None draws one.
    """

    ops: Ops = Ops.VADDR
    intervals: Intervals | None = None
    cpu_quota: float = 0.05
    nr_regions: NrRegions = NrRegions()
    filters: tuple[SampleFilter, ...] = ()
    match: Match = Match.ANY
    ranges: tuple[AddrRange, ...] = ()
    nr_reports_min: int = 2**15
    nr_reports_max: int = 2**20
    min_region_sz: int = field(default=mmap.PAGESIZE)
    seed: int | None = None

    def __attrs_post_init__(self) -> None:
        if not self.cpu_quota > 0:
            raise ConfigError(f"cpu_quota is {self.cpu_quota:g}: a share of one CPU above 0 is needed")
        if self.min_region_sz < mmap.PAGESIZE or self.min_region_sz & (self.min_region_sz - 1):
            raise ConfigError(
                f"region_sz min is {self.min_region_sz}: "
                f"a power of two of at least {mmap.PAGESIZE} bytes is needed"
            )
        if not 1 <= self.nr_reports_min <= self.nr_reports_max:
            raise ConfigError(
                f"report buffer of {self.nr_reports_min} to {self.nr_reports_max} reports: "
                "the first must be at least 1 and not above the second"
            )
        if self.intervals is not None and self.intervals.sample_us == 0:
            raise ConfigError("sample_us is 0: a sampling interval of at least 1 us is needed")
