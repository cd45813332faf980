"""What a configuration file may say: one attrs class a mapping, one field a key.

These classes are the only place where keys, types, defaults and their words stand: the reader, the
JSON schema and the reference page are made from them.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

from attrs import frozen

from ..host import PrimitiveChoice
from ..model import Match, Ops
from .key import Count, Cpus, Impossible, Pid, Share, Text, TimeUs, key
from .target_keys import RegionKeys, RegionSizeKeys, TargetKeys, check_apart

# ruff: noqa: RUF009 - key() is attrs.field() with words

MAX_NR_REGIONS = 2**22
MAX_NR_REPORTS = 2**24


class FilterType(str, Enum):
    """What a sample filter looks at."""

    WRITE = "write"
    THREADS = "threads"
    CPUMASK = "cpumask"


@frozen
class IntervalsKeys:
    """The three intervals of monitoring."""

    sample_us: TimeUs | None = key(
        "Time between two looks at the accesses.", None, example="5 ms", shown="aggr_us / 20"
    )
    aggr_us: TimeUs | None = key(
        "Time after which counts are put together into a snapshot.",
        None,
        example="100 ms",
        shown="20 x sample_us",
    )
    ops_update_us: TimeUs = key(
        "Time between two looks for changed mappings and new targets.",
        TimeUs(1_000_000),
        example="1 s",
        shown="1 s",
    )

    def __attrs_post_init__(self) -> None:
        if self.sample_us == 0:
            raise Impossible(["sample_us"], "0", "a sampling interval of at least 1 us")
        if self.aggr_us == 0:
            raise Impossible(["aggr_us"], "0", "an aggregation interval of at least 1 us")
        if self.sample_us and self.aggr_us and self.sample_us > self.aggr_us:
            got = f"{self.sample_us} us, longer than aggr_us {self.aggr_us} us"
            raise Impossible(["sample_us"], got, "a sampling interval no longer than aggr_us")


@frozen
class NrRegionsKeys:
    """Limits of the number of regions: accuracy against cost."""

    min: Count = key("Least number of regions, at least 3.", Count(10), example="10")
    max: Count = key("Largest number of regions.", Count(1000), example="1,000")

    def __attrs_post_init__(self) -> None:
        if self.min < 3:
            raise Impossible(["min"], str(self.min), "at least 3")
        if self.max > MAX_NR_REGIONS:
            raise Impossible(["max"], str(self.max), f"at most {MAX_NR_REGIONS:,}")
        if self.min > self.max:
            raise Impossible(["min"], f"{self.min}, above max {self.max}", "no more than max")


@frozen
class NrReportsKeys:
    """Capacity of each report buffer; it doubles after an interval in which it was full."""

    min: Count = key("Reports that a buffer holds at first.", Count(2**15), example="32,768")
    max: Count = key("Reports that a buffer may grow to hold.", Count(2**20), example="1,048,576")

    def __attrs_post_init__(self) -> None:
        if self.min < 1:
            raise Impossible(["min"], "0", "at least 1")
        if self.max > MAX_NR_REPORTS:
            raise Impossible(["max"], str(self.max), f"at most {MAX_NR_REPORTS:,}")
        if self.min > self.max:
            raise Impossible(["min"], f"{self.min}, above max {self.max}", "no more than max")


@frozen
class FilterKeys:
    """One sample filter; the first that applies to a report decides whether it counts."""

    type: FilterType = key("What the filter looks at.", alias="filter_type")
    matching: bool = key(
        "Whether it applies to reports for which the condition holds, or to the others.",
        True,
        shown="true",
    )
    allow: bool = key(
        "Whether reports that it applies to count; if no filter applies, the opposite of the last "
        "one's allow does.",
        True,
        shown="true",
    )
    cpumask: Cpus | None = key("Processors, for type cpumask.", None, example='"0-3,8"')
    tids: tuple[Pid, ...] = key(
        "Thread ids, for type threads.", (), example="[4321, 4322]", alias="tid_arr"
    )

    def __attrs_post_init__(self) -> None:
        owners = {"cpumask": FilterType.CPUMASK, "tids": FilterType.THREADS}
        for name, owner in owners.items():
            if self.type is owner and not getattr(self, name):
                raise Impossible([name], "nothing", f"what type {owner.value} looks for")
            if self.type is not owner and getattr(self, name):
                got = f"it for type {self.type.value}"
                raise Impossible([name], got, f"it only for type {owner.value}")


@frozen
class SampleKeys:
    """How accesses are seen."""

    primitives: tuple[PrimitiveChoice, ...] = key(
        "The primitives that look, each a name or `{name: {option: value}}`.",
        (PrimitiveChoice("accessed_bit"),),
        example="[accessed_bit]",
        shown="[accessed_bit]",
    )
    filters: tuple[FilterKeys, ...] = key(
        "Which reports count, by processor, thread or direction; the first that applies decides.",
        (),
    )
    match: Match = key(
        "`any`: a report anywhere in a region marks it. `sampled`: only one in the page sampled in "
        "this interval does, as the kernel's page-table check works.",
        Match.ANY,
        shown="any",
    )
    nr_reports: NrReportsKeys = key("How many reports a buffer holds.", NrReportsKeys())

    def __attrs_post_init__(self) -> None:
        if not self.primitives:
            raise Impossible(["primitives"], "an empty list", "at least one primitive")
        names = [choice.name for choice in self.primitives]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise Impossible(["primitives", index], f"{name!r} again", "each primitive once")


@frozen
class RecordKeys:
    """Where the recording goes."""

    path: Text = key("File to write.", example="out.damon")

    def __attrs_post_init__(self) -> None:
        if not self.path or "\0" in self.path:
            raise Impossible(["path"], repr(self.path), "a file name")


@frozen
class ContextKeys:
    """One monitoring context."""

    name: Text | None = key("What it is called in messages and file names.", None, example="db")
    ops: Ops = key(
        "Address space: `vaddr` (whole processes), `fvaddr` (given ranges of processes), `paddr` "
        "(physical memory).",
        Ops.VADDR,
        shown="vaddr",
    )
    targets: tuple[TargetKeys, ...] = key("Whose accesses are monitored.", ())
    regions: tuple[RegionKeys, ...] = key(
        "Ranges to watch in each target without ranges of its own (fvaddr), or of physical memory "
        "(paddr; left out: all System RAM).",
        (),
    )
    region_sz: RegionSizeKeys = key(
        "How small regions may be.", RegionSizeKeys(), example="{min: 2 MiB}"
    )
    intervals: IntervalsKeys | Literal["auto"] = key(
        "The intervals, or `auto`: the shortest that keep within `cpu_quota`.",
        "auto",
        example="{sample_us: 50 ms, aggr_us: 500 ms, ops_update_us: 1 s}",
        shown="auto",
    )
    cpu_quota: Share = key(
        "How much of one CPU monitoring may take, the kernel's work on its behalf included.",
        Share(0.05),
        example="10 %",
        shown="5 %",
    )
    nr_regions: NrRegionsKeys = key("How many regions.", NrRegionsKeys())
    sample: SampleKeys = key("How accesses are seen.", SampleKeys())
    record: RecordKeys | None = key("Where the recording goes.", None, example="{path: out.damon}")
    seed: Count | None = key(
        "Seed of the random choices; the same seed makes the same choices.",
        None,
        example="42",
        shown="a new one each time",
    )

    def __attrs_post_init__(self) -> None:
        check_apart(self.regions)
        if not self.cpu_quota > 0:
            raise Impossible(["cpu_quota"], "0", "a share of one CPU above 0")


@frozen
class FileKeys:
    """A file with several contexts."""

    contexts: tuple[ContextKeys, ...] = key("The contexts, each monitored by a thread of its own.")

    def __attrs_post_init__(self) -> None:
        if not self.contexts:
            raise Impossible(["contexts"], "an empty list", "at least one context")
