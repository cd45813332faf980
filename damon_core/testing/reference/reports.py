"""Sample filters and matching in plain Python: every report against every region, one at a time."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field, frozen

from ...access import AccessReport, ReportFlag
from ...model import Match, SampleFilter
from .regions import Region, Target, align_down

PAGE = 4096


def condition(each: SampleFilter, report: AccessReport) -> bool | None:
    """Whether the report is of the CPUs, of the threads, or a write; None where it cannot tell."""
    if each.type == "cpumask":
        return None if report.cpu is None else report.cpu in each.cpus
    if each.type == "threads":
        return None if report.tid is None else report.tid in each.tids
    return report.is_write


def passes(filters: Sequence[SampleFilter], report: AccessReport) -> bool:
    """The first filter that applies decides; if none does, the opposite of the last one's allow."""
    for each in filters:
        if condition(each, report) is each.matching:
            return each.allow
    return not filters or not filters[-1].allow


@frozen
class Bitmap:
    """Pages of one target that were accessed: bit i is the page at ``start + i * page_size``."""

    target: int
    start: int
    page_size: int
    bits: tuple[bool, ...]
    flags: int = 0

    def pages(self) -> list[tuple[int, int]]:
        """Start and end of each page that was accessed."""
        size = self.page_size
        return [(self.start + i * size, self.start + (i + 1) * size)
                for i, bit in enumerate(self.bits) if bit]  # fmt: skip

    def as_report(self) -> AccessReport:
        """What filters see of it: a direction, and no thread or CPU."""
        known = self.flags & (ReportFlag.WRITE | ReportFlag.READ)
        return AccessReport(is_write=bool(known & ReportFlag.WRITE) if known else None)


@define
class Counters:
    """As the engine's: each report is counted in exactly one."""

    credited: int = 0
    filtered: int = 0
    no_address: int = 0
    no_target: int = 0
    no_region: int = 0
    stale: int = 0


@define
class Matcher:
    """Marks regions from reports of several sources; one update per region and tick."""

    targets: Sequence[Target]
    nr_sources: int
    match: Match = Match.ANY
    filters: Sequence[SampleFilter] = ()
    physical: bool = False
    counters: Sequence[Counters] = ()
    _accessed: set[int] = field(factory=set, init=False)
    _bytes: dict[tuple[int, int], int] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.counters = self.counters or [Counters() for _ in range(self.nr_sources)]

    def report(self, report: AccessReport, source: int, since_ns: int = 0) -> None:
        """One access; stale if it says it happened before ``since_ns``."""
        counters = self.counters[source]
        addr = report.paddr if self.physical else report.vaddr
        if report.time_ns is not None and report.time_ns < since_ns:
            counters.stale += 1
        elif addr is None or report.size < 1:
            counters.no_address += 1
        elif not passes(self.filters, report):
            counters.filtered += 1
        else:
            self._credit_report(counters, addr, report, source)

    def _credit_report(
        self, counters: Counters, addr: int, report: AccessReport, source: int
    ) -> None:
        targets = [t for t in self.targets if self.physical or t.pid == report.pid]
        regions = [r for t in targets for r in _overlapping(t, addr, addr + report.size)]
        wanted = [r for r in regions if self._counts(r, addr, addr + report.size)]
        if not targets:
            counters.no_target += 1
        elif not regions:
            counters.no_region += 1
        elif not wanted:
            counters.filtered += 1
        else:
            counters.credited += 1
        for region in wanted:
            region.hits[source] += 1
            self._accessed.add(id(region))

    def bitmap(self, bitmap: Bitmap, source: int) -> None:
        """A run of pages at once; each set page counts as one report of the page."""
        counters = self.counters[source]
        pages = bitmap.pages()
        if not passes(self.filters, bitmap.as_report()):
            counters.filtered += len(pages)
            return
        for start, end in pages:
            regions = _overlapping(self.targets[bitmap.target], start, end)
            wanted = [r for r in regions if self._counts(r, start, end)]
            if not regions:
                counters.no_region += 1
            elif not wanted:
                counters.filtered += 1
            else:
                counters.credited += 1
            for region in wanted:
                region.hits[source] += 1
                self._accessed.add(id(region))
            for region in regions:
                key = id(region), source
                seen = min(end, region.end) - max(start, region.start)
                self._bytes[key] = self._bytes.get(key, 0) + seen

    def end_tick(self) -> int:
        """One update of every region; the highest nr_accesses."""
        regions = [r for t in self.targets for r in t.regions]
        for region in regions:
            region.nr_accesses += id(region) in self._accessed
            seen = [self._bytes.get((id(region), source), 0) for source in range(self.nr_sources)]
            region.accessed_bytes += min(max(seen, default=0), region.size)
        self._accessed.clear()
        self._bytes.clear()
        return max((r.nr_accesses for r in regions), default=0)

    def _counts(self, region: Region, start: int, end: int) -> bool:
        """Whether the region's sampled page is touched, if that is what is asked for."""
        if self.match is Match.ANY:
            return True
        page = align_down(region.sampling_addr, PAGE)
        return start < page + PAGE and page < end


def _overlapping(target: Target, start: int, end: int) -> list[Region]:
    return [r for r in target.regions if r.start < end and start < r.end]
