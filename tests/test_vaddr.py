"""Which virtual addresses are monitored: three ranges that follow the mappings, or fixed ones."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.errors import ConfigError
from damon_core.maps import read_maps
from damon_core.model import AddrRange, Ops
from damon_core.ops import covering_regions, three_regions
from damon_core.target import PAGE_SIZE, Target
from damon_core.vaddr import FixedVaddr, Vaddr, user_space_end

Process = subprocess.Popen[bytes]
Running = Callable[..., Process]
Bounds = list[tuple[int, int]]

GROWING = """
import mmap
print("ready", flush=True)
kept = []
while input():
    kept.append(mmap.mmap(-1, 64 << 20))
    print("grown", flush=True)
"""

STEPS = st.tuples(st.integers(0, 2**24) | st.just(0), st.integers(1, 2**24))


@st.composite
def mappings(draw: st.DrawFn, min_size: int = 1) -> Bounds:
    """Mappings by address, in pages, some without a gap between them, many gaps equal."""
    address = draw(st.integers(0, 2**20))
    result = []
    for gap, size in draw(st.lists(STEPS, min_size=min_size, max_size=30)):
        start = address + gap % 50 if gap < 2**20 else address + gap
        address = start + size
        result.append((start * PAGE_SIZE, address * PAGE_SIZE))
    return result


def walk(bounds: Bounds) -> Bounds | None:
    """Three ranges by the rule, one mapping after the other; None where there are fewer gaps."""
    first = second = (0, 0)
    for (_, end), (start, _) in pairwise(bounds):
        if start - end > second[1] - second[0]:
            second = (end, start)
            if second[1] - second[0] > first[1] - first[0]:
                first, second = second, first
    if second == (0, 0):
        return None
    low, high = sorted([first, second])
    return [(bounds[0][0], low[0]), (low[1], high[0]), (high[1], bounds[-1][1])]


def plain(ranges: tuple[AddrRange, ...]) -> Bounds:
    return [(r.start, r.end) for r in ranges]


@given(mappings())
def test_three_ranges_are_those_of_the_walk_along_the_gaps(bounds: Bounds) -> None:
    expected = walk(bounds)
    if expected is None:
        with pytest.raises(ValueError, match="fewer than two gaps"):
            three_regions(bounds)
    else:
        assert plain(three_regions(bounds)) == expected


@given(mappings(), st.integers(12, 30).map(lambda bits: 1 << bits))
def test_covering_ranges_hold_every_mapping_in_at_most_three_aligned_ranges_apart(
    bounds: Bounds, size: int
) -> None:
    ranges = covering_regions(bounds, size)
    assert 1 <= len(ranges) <= 3
    assert all(r.start < r.end and r.start % size == r.end % size == 0 for r in ranges)
    assert all(low.end < high.start for low, high in pairwise(ranges))
    for start, end in bounds:
        assert any(r.start <= start and end <= r.end for r in ranges)
    assert bounds[0][0] - ranges[0].start < size
    assert ranges[-1].end - bounds[-1][1] < size


@given(mappings(), st.integers(12, 30).map(lambda bits: 1 << bits))
def test_strict_refuses_just_what_is_merged_otherwise(bounds: Bounds, size: int) -> None:
    try:
        merged = three_regions(bounds, size)
    except ValueError:
        return
    if len(merged) == 3:
        assert three_regions(bounds, size, strict=True) == merged
    else:
        with pytest.raises(ValueError, match="ranges touch when aligned"):
            three_regions(bounds, size, strict=True)


def test_rounding_up_as_kernels_do_moves_starts_up_too() -> None:
    bounds = [(0x1000, 0x3000), (0x10000, 0x11000), (0x20000, 0x21000)]
    assert plain(three_regions(bounds, 0x2000, align="up")) == [
        (0x2000, 0x4000),
        (0x10000, 0x12000),
        (0x20000, 0x22000),
    ]


def test_a_process_with_fewer_gaps_is_one_or_two_ranges() -> None:
    assert plain(covering_regions([(10, 20), (20, 60)])) == [(10, 60)]
    assert plain(covering_regions([(10, 20), (30, 60)])) == [(10, 20), (30, 60)]
    assert covering_regions([]) == ()


def test_ranges_of_a_process_hold_all_its_mappings(bystander: Process) -> None:
    rows = read_maps(bystander.pid)
    with Target.open(bystander.pid, min_region_sz=1 << 21) as target:
        ranges = Vaddr().ranges(target)
    assert ranges is not None
    assert all(r.start % (1 << 21) == 0 for r in ranges)
    for row in rows:
        assert any(r.start <= row["start"] and row["end"] <= r.end for r in ranges)
    assert ranges[-1].end <= user_space_end()


def test_ranges_follow_a_process_that_maps_more(running: Running) -> None:
    process = running(GROWING)
    assert process.stdin
    assert process.stdout
    with Target.open(process.pid) as target:
        before = Vaddr().ranges(target)
        process.stdin.write(b"more\n")
        process.stdin.flush()
        process.stdout.readline()
        after = Vaddr().ranges(target)
    assert before is not None
    assert after is not None
    assert sum(r.size for r in after) >= sum(r.size for r in before) + (64 << 20)


def test_ranges_of_a_process_that_has_ended_stay_as_they_were(bystander: Process) -> None:
    with Target.open(bystander.pid) as target:
        bystander.kill()
        bystander.communicate()
        assert Vaddr().ranges(target) is None


def test_fixed_ranges_are_given_back_in_order_with_neighbours_joined() -> None:
    low, next_to_it = AddrRange(0x1000, 0x3000), AddrRange(0x3000, 0x9000)
    high = AddrRange(0xA000, 0xB000)
    space = FixedVaddr((high, next_to_it, low))
    assert space.ops is Ops.FVADDR
    with Target.open(os.getpid()) as target:
        assert space.ranges(target) == (AddrRange(0x1000, 0x9000), high)


def test_a_targets_own_ranges_come_before_those_of_the_context() -> None:
    own = AddrRange(0x4000, 0x5000)
    with Target.open(os.getpid(), given_ranges=(own,)) as target:
        assert FixedVaddr((AddrRange(0x1000, 0x3000),)).ranges(target) == (own,)


def test_fixed_ranges_are_aligned_outwards_to_the_least_region() -> None:
    with Target.open(os.getpid(), min_region_sz=0x4000) as target:
        ranges = FixedVaddr((AddrRange(0x5000, 0x6000),)).ranges(target)
    assert ranges == (AddrRange(0x4000, 0x8000),)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ([], "ops fvaddr has no ranges for pid .*: give its regions, or use vaddr"),
        ([(0x2000, 0x2000)], "range 0x2000-0x2000 of the user address space is empty"),
        ([(0x3000, 0x2000)], "range 0x3000-0x2000 of the user address space is empty"),
        ([(-0x1000, 0x2000)], "is outside the user address space, which ends at 0x"),
        ([(0x1000, 2**60)], "range 0x1000-0x1000000000000000 is outside the user address space"),
        ([(0x1001, 0x2000)], "0x1001-0x2000 .* is not aligned .* did you mean 0x1000-0x2000?"),
        ([(0x1000, 0x1FFF)], "0x1000-0x1fff .* is not aligned .* did you mean 0x1000-0x2000?"),
        ([(0x5000, 0x7000), (0x1000, 0x6000)], "0x1000-0x6000 and 0x5000-0x7000 .* overlap$"),
        ([(0x1000, 0x2000), (0x1000, 0x2000)], "ranges .* of the user address space overlap$"),
        ([(0x1000, 0x2000), (0x3000, 0x4000)], "overlap when aligned to 16384 bytes"),
    ],
)
def test_impossible_fixed_ranges_are_refused_by_name(ranges: Bounds, message: str) -> None:
    space = FixedVaddr(tuple(AddrRange(start, end) for start, end in ranges))
    with (
        Target.open(os.getpid(), min_region_sz=0x4000) as target,
        pytest.raises(ConfigError, match=message),
    ):
        space.ranges(target)


def test_user_space_ends_above_the_stack_of_this_process() -> None:
    end = int(read_maps(os.getpid())["end"].max())
    assert end <= user_space_end() <= end << 9
