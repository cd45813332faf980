"""One tick of the real matcher: reports in, regions and counters out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import frozen

from ...access import REPORT_DTYPE, AccessReport
from ...matcher import Counters, Matcher
from ...model import Match, SampleFilter
from ...regions import RegionMap
from ...snapshot import SourceCounters
from ...target import PAGE_SIZE


@frozen
class Tick:
    """``regions``: of the first target after the tick; ``highest``: the largest nr_accesses."""

    regions: np.ndarray
    counters: SourceCounters
    highest: int


def tick(
    region_map: RegionMap,
    *sources: Iterable[AccessReport],
    physical: bool = True,
    filters: Sequence[SampleFilter] = (),
    match: Match = Match.ANY,
    not_before_ns: int = 0,
) -> Tick:
    """Credit the reports of each source, and end the tick; counters are those of all sources."""
    matcher = Matcher(physical=physical)
    matcher.set_filters(filters)
    matcher.set_match(match, PAGE_SIZE)
    matcher.begin_tick(region_map, not_before_ns)
    counters = Counters()
    for source, reports in enumerate(sources):
        rows = [report.to_array() for report in reports]
        matcher.credit(np.concatenate([np.empty(0, REPORT_DTYPE), *rows]), counters)
        matcher.fold(region_map, source)
    highest = region_map.end_tick()
    return Tick(region_map.regions(0), counters.read(), highest)
