"""The nouns of the monitor that need no memory of their own: ranges, intervals, limits, filters."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from attrs import field, frozen

from .errors import ConfigError


class Ops(str, Enum):
    """Which address space is monitored (the kernel's operations sets)."""

    VADDR = "vaddr"
    FVADDR = "fvaddr"
    PADDR = "paddr"

    def __str__(self) -> str:
        return self.value


class Match(str, Enum):
    """Which reports make a region "accessed" in a tick.

    ``any``: a report anywhere in the region.  ``sampled``: only one in the page of the region's
    sampling address, as the kernel's page-table check does (facts: semantics of DAMON, section 13).
    """

    ANY = "any"
    SAMPLED = "sampled"

    def __str__(self) -> str:
        return self.value


@frozen(order=True)
class AddrRange:
    """Addresses ``start`` (inclusive) to ``end`` (exclusive), in bytes."""

    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start

    def __str__(self) -> str:
        return f"{self.start:#x}-{self.end:#x}"


@frozen
class Intervals:
    """Sampling, aggregation and ops-update interval, in microseconds.

    ConfigError if the sampling interval is longer than the aggregation one, or any is negative.
    """

    sample_us: int = 5_000
    aggr_us: int = 100_000
    ops_update_us: int = 1_000_000

    def __attrs_post_init__(self) -> None:
        for name in ("sample_us", "aggr_us", "ops_update_us"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must not be negative")
        if self.sample_us > self.aggr_us:
            raise ConfigError(
                f"sample_us {self.sample_us} is longer than aggr_us {self.aggr_us}: "
                "an aggregation interval holds whole sampling intervals"
            )

    @property
    def nr_samples(self) -> int:
        """Sampling intervals in an aggregation interval, at least 1: the highest nr_accesses."""
        return self.ticks(self.aggr_us)

    @property
    def nr_update_samples(self) -> int:
        """Sampling intervals between two updates of the targets; 0 means at every one."""
        return self.ops_update_us // max(1, self.sample_us)

    def ticks(self, interval_us: int) -> int:
        return min(max(1, interval_us // max(1, self.sample_us)), 2**32 - 1)


@frozen
class NrRegions:
    """Lower and upper limit of the number of regions of a context."""

    min: int = 10
    max: int = 1000

    def __attrs_post_init__(self) -> None:
        if self.min < 3:
            raise ConfigError(f"nr_regions min is {self.min}: at least 3 are needed")
        if self.min > self.max:
            raise ConfigError(f"nr_regions min {self.min} is above max {self.max}")


def _ids(ids: Iterable[int]) -> frozenset[int]:
    return frozenset(ids)


@frozen
class SampleFilter:
    """Lets reports through, or drops them, by CPU, thread or direction.

    ``type`` is "cpumask", "threads" or "write".  The filter applies to a report when the truth of
    its condition equals ``matching``; the first filter that applies decides by ``allow``; if none
    applies, the opposite of the last one's ``allow`` does (the rule of DAMOS filters).
    A filter never applies to a report that cannot tell (no CPU, no thread, unknown direction).
    """

    type: str
    matching: bool = True
    allow: bool = True
    cpus: frozenset[int] = field(default=frozenset(), converter=_ids)
    tids: frozenset[int] = field(default=frozenset(), converter=_ids)
