"""Are exactly the pages found that a process has touched?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from damon_core.model import AddrRange

pytestmark = pytest.mark.live

PAGE, TABLE_PAGES = 4096, 512
Start = Callable[..., Any]


@pytest.mark.parametrize("kind", ["anon", "thp", "shmem", "file_private", "file_shared"])
def test_all_touched_pages_and_no_others_are_found(watched: Start, kind: str) -> None:
    child, target, walk = watched(kind, nr_pages=8192)
    for seed, share in enumerate([0.01, 0.5, 0.0, 1.0, 0.1]):
        touched = child.touched(seed, share)
        touch = partial(child.touch, seed, share)
        assert walk.finds(touched, target, child.range, touch)


def test_an_interval_without_accesses_hands_over_nothing(watched: Start) -> None:
    child, _target, walk = watched()
    walk.interval(child.populate)
    assert not walk.interval().calls


def test_only_pages_of_the_ranges_are_handed_over(watched: Start) -> None:
    child, target, walk = watched(nr_pages=4 * TABLE_PAGES)
    pages = [(3, 4), (70, 200), (TABLE_PAGES - 1, TABLE_PAGES + 1), (1500, 1501)]
    target.ranges = tuple(
        AddrRange(child.start + first * PAGE, child.start + end * PAGE) for first, end in pages
    )
    walk.mechanism.update_targets(walk.ctx)
    expected = [i for first, end in pages for i in range(first, end)]
    assert walk.finds(expected, target, child.range, lambda: child.touch(1, 1.0))


def test_neighbouring_ranges_report_each_page_once(watched: Start) -> None:
    child, target, walk = watched(nr_pages=TABLE_PAGES)
    middle = child.start + 100 * PAGE
    target.ranges = (
        AddrRange(child.range.start, middle),
        AddrRange(middle, child.range.end),
    )
    walk.mechanism.update_targets(walk.ctx)
    everything = np.arange(TABLE_PAGES)
    assert walk.finds(everything, target, child.range, lambda: child.touch(1, 1.0))
    assert len(walk.bitmaps.calls) == 1


def test_a_part_of_a_large_page_is_cropped_to_the_range(watched: Start) -> None:
    child, target, walk = watched("thp", nr_pages=2 * TABLE_PAGES)
    target.ranges = (AddrRange(child.start + 5 * PAGE, child.start + 9 * PAGE),)
    walk.mechanism.update_targets(walk.ctx)
    assert walk.finds([5, 6, 7, 8], target, child.range, lambda: child.touch(1, 1.0))


def test_pages_touched_before_they_were_made_inaccessible_are_found(watched: Start) -> None:
    child, target, walk = watched(nr_pages=1024)

    def touch_and_hide() -> None:
        child.tell("protect(3)")
        child.touch(7, 0.5)
        child.tell("protect(0)")

    walk.interval(touch_and_hide)
    assert walk.finds(child.touched(7, 0.5), target, child.range, touch_and_hide)


def test_two_targets_are_told_apart(toucher: Start, walk: Start) -> None:
    from damon_core.target import Target

    children = [toucher(nr_pages=1024), toucher(nr_pages=1024)]
    targets = [Target.open(child.pid) for child in children]
    for child, target in zip(children, targets, strict=True):
        target.ranges = (child.range,)
    running = walk(*targets)
    touch = partial(children[1].touch, 3, 1.0)
    assert running.finds(np.arange(1024), targets[1], children[1].range, touch)
    assert len(running.bitmaps.pages(targets[0])) == 0


def test_many_page_tables_take_several_runs(watched: Start) -> None:
    # 2560 tables with a page or two each: more than one run of the programs copies.
    child, target, walk = watched(nr_pages=2560 * TABLE_PAGES, populated=False)
    every = "[area[offset + i * 512 * PAGE] for i in range(2560)] and None"
    child.tell(every)
    expected = [i * TABLE_PAGES for i in range(2560)]
    assert walk.finds(expected, target, child.range, lambda: child.tell(every))
    assert len(walk.bitmaps.calls) == 1
