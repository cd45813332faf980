"""What one monitoring context is asked to do, apart from targets and primitives."""

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
    nr_regions: NrRegions = field(factory=NrRegions)
    filters: tuple[SampleFilter, ...] = ()
    match: Match = Match.ANY
    ranges: tuple[AddrRange, ...] = ()
    nr_reports_min: int = 2**15
    nr_reports_max: int = 2**20
    min_region_sz: int = field(default=mmap.PAGESIZE)
    seed: int | None = None

    def __attrs_post_init__(self) -> None:
        if not self.cpu_quota > 0:
            raise ConfigError(
                f"cpu_quota is {self.cpu_quota:g}: a share of one CPU above 0 is needed"
            )
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


def check_online_change(old: ContextSpec, new: ContextSpec) -> None:
    """ConfigError if ``new`` differs from ``old`` in what cannot change while monitoring."""
    for name in ("ops", "seed", "min_region_sz", "nr_reports_min", "nr_reports_max"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            raise ConfigError(
                f"{name} cannot change while monitoring (from {before} to {after}): start anew"
            )
    if new.ranges != old.ranges and new.ops is Ops.VADDR:
        raise ConfigError("ranges cannot be given for vaddr: it follows the mappings; use fvaddr")
