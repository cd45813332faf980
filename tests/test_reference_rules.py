"""Each rule of the C engine, one by one, against the same rule in plain Python."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damon_core._native import lib
from damon_core.access import AccessReport
from damon_core.matcher import Counters as CCounters
from damon_core.matcher import Matcher as CMatcher
from damon_core.model import AddrRange, Match
from damon_core.regions import REGION_DTYPE, RegionMap
from damon_core.testing.reference.draws import Random
from damon_core.testing.reference.ranges import set_ranges
from damon_core.testing.reference.regions import (
    Region,
    Splitter,
    Target,
    apply_min_nr_regions,
    merge,
    merge_thresholds,
)
from damon_core.testing.reference.reports import Matcher

PAGE = 4096
FIELDS = ("start", "end", "nr_accesses", "last_nr_accesses", "age", "accessed_bytes")


@st.composite
def regions(draw: st.DrawFn, unit: int = 1) -> list[Region]:
    """Sorted, on borders of ``unit``, with holes or without, with counters of all kinds."""
    counts = st.integers(0, 20)
    at, found = draw(st.integers(0, 5)), []
    for size, hole in draw(
        st.lists(st.tuples(st.integers(1, 30), st.sampled_from([0, 0, 1, 9])), max_size=12)
    ):
        found.append(
            Region(
                at * unit,
                (at + size) * unit,
                draw(counts),
                draw(counts),
                draw(counts),
                hits=[draw(st.integers(0, 1000))],
                accessed_bytes=draw(st.integers(0, 1000)),
            )
        )
        at += size + hole
    return found


def loaded(target: Target, seed: int = 1, unit: int = 1) -> RegionMap:
    """A region map of the engine with the same regions."""
    rows = np.zeros(len(target.regions), REGION_DTYPE)
    for name in FIELDS:
        rows[name] = [getattr(region, name) for region in target.regions]
    rows["hits"][:, 0] = [region.hits[0] for region in target.regions]
    region_map = RegionMap(seed, unit)
    region_map.load(region_map.add_target(1, target.min_region_sz), rows)
    return region_map


def assert_same(region_map: RegionMap, target: Target) -> None:
    rows = region_map.regions(0)
    for name in FIELDS:
        assert rows[name].tolist() == [getattr(r, name) for r in target.regions], name
    assert rows["hits"][:, 0].tolist() == [r.hits[0] for r in target.regions]


@settings(max_examples=400)
@given(
    old=regions(),
    wanted=st.lists(st.tuples(st.integers(0, 60), st.integers(-1, 40)), max_size=4),
    unit=st.sampled_from([1, 1, 2, 8]),
)
def test_ranges_keep_cut_and_add_the_same_regions(
    old: list[Region], wanted: list[tuple[int, int]], unit: int
) -> None:
    at, ranges = 0, []
    for hole, size in wanted:
        ranges.append((at + hole, max(0, at + hole + size)))
        at += hole + size
    target = Target(old)
    region_map = loaded(target)
    as_given = [AddrRange(*each) for each in ranges]
    try:
        set_ranges(target, ranges, unit, nr_sources=1)
    except ValueError:
        refused = True
    else:
        refused = False
    try:
        region_map.set_ranges(0, as_given, unit)
    except ValueError:
        assert refused
    else:
        assert not refused
    assert_same(region_map, target)


@given(
    given_regions=regions(),
    nr_samples=st.integers(1, 21),
    most=st.integers(1, 12),
    sz_limit=st.integers(1, 200),
)
def test_merging_gives_the_same_regions(
    given_regions: list[Region], nr_samples: int, most: int, sz_limit: int
) -> None:
    target = Target(given_regions)
    region_map = loaded(target)
    merge([target], nr_samples, most, sz_limit)
    region_map.merge(nr_samples, most, sz_limit)
    assert_same(region_map, target)


def test_the_thresholds_of_passes_are_the_same() -> None:
    for first in range(30):
        for highest in range(1, 30):
            thresholds = [first]
            while thresholds[-1] < highest:
                thresholds.append(int(lib.damon_next_merge_threshold(thresholds[-1], highest)))
            assert thresholds == list(merge_thresholds(first, highest))


@given(given_regions=regions(8), least=st.integers(1, 40), unit=st.sampled_from([1, 8]))
def test_the_size_limit_cuts_the_same_regions(
    given_regions: list[Region], least: int, unit: int
) -> None:
    target = Target(given_regions, min_region_sz=8)
    region_map = loaded(target, unit=unit)
    limit = apply_min_nr_regions([target], least, unit)
    assert region_map.apply_min_nr_regions(least) == limit
    assert_same(region_map, target)


@given(
    given_regions=regions(4),
    seed=st.integers(0, 2**64 - 1),
    most=st.lists(st.integers(3, 60), min_size=1, max_size=6),
)
def test_splits_are_the_same_one_after_the_other(
    given_regions: list[Region], seed: int, most: list[int]
) -> None:
    target = Target(given_regions, min_region_sz=4)
    region_map = loaded(target, seed, unit=4)
    splitter, draw = Splitter(), Random(seed).rand
    for limit in most:
        region_map.split(limit)
        splitter.split([target], limit, draw)
        assert_same(region_map, target)


@given(
    seed=st.integers(0, 2**64 - 1),
    size=st.integers(1, 2**64 - 1) | st.integers(2**63 + 1, 2**63 + 2**62),
)
def test_draws_are_the_same_for_regions_of_any_size(seed: int, size: int) -> None:
    target = Target([Region(0, size, hits=[0])])
    region_map = loaded(target, seed)
    draw = Random(seed).rand
    for _ in range(20):
        region_map.prepare()
        assert int(region_map.sampling_addrs(0)[0]) == draw(0, size)


def uneven_regions(rng: random.Random) -> list[Region]:
    """Sizes and holes from a byte to many GiB, so that lookup tables are sparse and crowded."""

    def size() -> int:
        return rng.choice([rng.randint(1, 64), rng.randint(1, 1 << 14), 1 << rng.randrange(37)])

    at, found = size(), []
    for _ in range(rng.randint(1, 50)):
        found.append(Region(at, at + size(), hits=[0]))
        at = found[-1].end + rng.choice([0, 0, size()])
    return found


@pytest.mark.parametrize("match", Match)
@pytest.mark.parametrize("seed", range(15))
def test_reports_near_any_border_fall_into_the_same_regions(seed: int, match: Match) -> None:
    rng = random.Random(seed)
    targets = [Target(uneven_regions(rng), pid=pid) for pid in (1, 2)]
    region_map = RegionMap(seed, 1)
    draw = Random(seed).rand
    for target in targets:
        rows = np.zeros(len(target.regions), REGION_DTYPE)
        rows["start"] = [r.start for r in target.regions]
        rows["end"] = [r.end for r in target.regions]
        region_map.load(region_map.add_target(target.pid, 1), rows)
        for region in target.regions:
            region.sampling_addr = draw(region.start, region.end)
    region_map.prepare()
    borders = [at for target in targets for r in target.regions for at in (r.start, r.end)]
    # Runs near one border, as caches of the last region meet them.
    reports = [
        AccessReport(vaddr=max(0, border + rng.randint(-3, 3)), size=size, pid=pid)
        for border, pid in ((rng.choice(borders), rng.randint(1, 3)) for _ in range(300))
        for size in rng.choices([1, 1, 2, 8, PAGE, 2**33], k=4)
    ]
    theirs, counters = CMatcher(), CCounters()
    theirs.set_match(match, PAGE)
    theirs.begin_tick(region_map)
    theirs.credit(np.concatenate([report.to_array() for report in reports]), counters)
    theirs.fold(region_map, 0)
    ours = Matcher(targets, 1, match)
    for report in reports:
        ours.report(report, 0)
    for slot, target in enumerate(targets):
        got = region_map.regions(slot)["hits"][:, 0].tolist()
        assert got == [region.hits[0] for region in target.regions]
    counted = counters.read()
    for name in ("credited", "filtered", "no_target", "no_region"):
        assert getattr(counted, name) == getattr(ours.counters[0], name)
