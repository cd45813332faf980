"""Facts of the region map that are no rule of DAMON's: sizes, ends of windows, empty input."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from damon_core.matcher import Counters, Matcher
from damon_core.model import AddrRange
from damon_core.regions import REGION_DTYPE, RegionMap, moving_sum
from damon_core.target import PAGE_SIZE
from tests.scripted_context import touch


@given(
    nr=st.integers(0, 100),
    last=st.integers(0, 100),
    left=st.integers(-5, 200),
    window=st.integers(1, 100),
)
def test_a_moving_sum_is_the_last_window_at_its_start_and_this_one_at_its_end(
    nr: int, last: int, left: int, window: int
) -> None:
    as_array = (np.array([nr], np.uint32), np.array([last], np.uint32))
    got = int(moving_sum(*as_array, left, window)[0])
    if left <= 0:
        assert got == nr
    elif left == window:
        assert got == last
    elif left < window:
        assert nr <= got <= nr + last


@given(seed=st.integers(0, 2**64 - 1), size=st.integers(1, 2**62))
def test_sampling_addresses_reach_all_of_a_region_of_any_size(seed: int, size: int) -> None:
    region_map = RegionMap(seed, 1)
    target = region_map.add_target(1, 1)
    rows = np.zeros(1, REGION_DTYPE)
    rows["start"], rows["end"] = 2**62, 2**62 + size
    region_map.load(target, rows)
    drawn = []
    for _ in range(64):
        region_map.prepare()
        drawn.append(int(region_map.sampling_addrs(target)[0]) - 2**62)
    assert 0 <= min(drawn) <= max(drawn) < size
    # All in the same half: one in 2**63.
    assert size < 2 or min(drawn) * 2 < size <= max(drawn) * 2 + 2


def test_an_empty_bitmap_in_the_middle_of_a_region_says_nothing() -> None:
    region_map = RegionMap(1, PAGE_SIZE)
    region_map.set_ranges(region_map.add_target(1), [AddrRange(0, 8 * PAGE_SIZE)])
    matcher, counters = Matcher(), Counters()
    matcher.begin_tick(region_map)
    matcher.credit_bitmap(
        0, 4 * PAGE_SIZE, PAGE_SIZE, np.full(1, 2**64 - 1, np.uint64)[:0], 0, counters
    )
    matcher.fold(region_map, 0)
    assert counters.read().total == 0
    assert not region_map.regions(0)["accessed"].any()


def test_more_regions_than_a_bucket_can_count_are_each_found() -> None:
    """Buckets hold 16 bits, so areas are cut, and a report may lie on a cut."""
    nr_regions, size = 140_000, 4 * PAGE_SIZE
    borders = (np.arange(nr_regions + 1, dtype=np.uint64) * size) + 2**40
    rows = np.zeros(nr_regions, REGION_DTYPE)
    rows["start"], rows["end"] = borders[:-1], borders[1:]
    region_map = RegionMap(1)
    region_map.load(region_map.add_target(7), rows)
    matcher, counters = Matcher(), Counters()
    matcher.begin_tick(region_map)
    starts, ends = touch(7, *borders[:-1].tolist()), touch(7, *(borders[1:] - 1).tolist())
    ends["size"] = 2
    matcher.credit(starts[::-1].copy(), counters)
    matcher.credit(ends, counters)
    matcher.fold(region_map, 0)
    hits = region_map.regions(0)["hits"][:, 0]
    assert hits[0] == 2
    assert set(hits[1:].tolist()) == {3}
    assert counters.take().credited == 2 * nr_regions
