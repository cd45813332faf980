"""Targets that change, grow odd or go away under the walk."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from damon_core.model import AddrRange
from damon_core.target import Target

pytestmark = pytest.mark.live

PAGE = 4096
ALL = AddrRange(0, 1 << 47)
Start = Callable[..., Any]


def test_a_sparse_mapping_of_5_gib_costs_what_it_holds(watched: Start) -> None:
    nr_pages = (5 << 30) // PAGE
    child, target, walk = watched(nr_pages=nr_pages, populated=False)
    pages = [0, 1, nr_pages // 2, nr_pages - 1]
    touch = f"[area[offset + i * PAGE] for i in {pages}] and None"
    child.tell(touch)
    assert walk.finds(pages, target, child.range, lambda: child.tell(touch))
    assert sum(len(words) for _, _, words in walk.bitmaps.calls) <= 3 * 8


def test_ten_thousand_mappings_are_seen_page_by_page(watched: Start) -> None:
    child, target, walk = watched(nr_pages=16)
    nr = 10_000
    start = int(child.tell(f"many({nr})"))
    with open(f"/proc/{child.pid}/maps") as maps:
        assert sum(1 for _ in maps) > nr
    target.ranges = (AddrRange(start, start + nr * PAGE),)
    walk.mechanism.update_targets(walk.ctx)
    expected = list(range(0, nr, 7))
    assert walk.finds(expected, target, target.ranges[0], lambda: child.tell("touch_many(7)"))


def test_the_whole_address_space_can_be_scanned(watched: Start) -> None:
    child, target, walk = watched(nr_pages=1024)
    target.ranges = (ALL,)
    walk.mechanism.update_targets(walk.ctx)
    touched = child.touched(5, 0.3)
    assert walk.finds(touched, target, child.range, lambda: child.touch(5, 0.3))


def test_scans_while_the_target_maps_and_unmaps_find_its_pages(watched: Start) -> None:
    child, target, walk = watched(nr_pages=64)
    target.ranges = (ALL,)
    walk.mechanism.update_targets(walk.ctx)
    walk.interval()
    for _ in range(3):
        child.touch(1, 1.0)
        walk.mechanism.prepare(walk.ctx)
        child.start_telling("churn(300)")
        is_answering = False
        while not is_answering:
            is_answering = child.is_answering()
            pages = walk.check().pages(target)
            assert (pages < ALL.end // PAGE).all()
        child.answer()
    assert walk.finds(np.arange(64), target, child.range, lambda: child.touch(1, 1.0))


def test_a_target_that_has_ended_reports_nothing_and_is_counted(watched: Start) -> None:
    child, _target, walk = watched()
    walk.mechanism.prepare(walk.ctx)
    child.touch(1, 1.0)
    child.end()
    assert not walk.check().calls
    assert walk.ctx.counters["processes_gone"] == 1
    assert not walk.interval().calls
    assert walk.ctx.counters["processes_gone"] == 2


def test_a_target_that_ended_before_it_was_opened_does_no_harm(toucher: Start, walk: Start) -> None:
    child = toucher(nr_pages=16)
    target = Target.open(child.pid)
    child.end()
    running = walk(target)
    assert not running.interval().calls
    assert running.ctx.counters == {"processes_gone": 1}


def test_the_others_are_reported_when_one_target_ends(toucher: Start, walk: Start) -> None:
    children = [toucher(nr_pages=16), toucher(nr_pages=16)]
    targets = [Target.open(child.pid) for child in children]
    for child, target in zip(children, targets, strict=True):
        target.ranges = (child.range,)
    running = walk(*targets)
    running.interval()
    running.mechanism.prepare(running.ctx)
    children[0].end()
    running.check()
    touch = partial(children[1].touch, 1, 1.0)
    assert running.finds(np.arange(16), targets[1], children[1].range, touch)


def test_a_target_may_run_another_program(watched: Start) -> None:
    child, target, walk = watched(nr_pages=512)
    walk.interval()
    child.start_telling("run_anew()")
    child.start = int(child.answer())
    child.populate()
    target.ranges = (child.range,)
    walk.mechanism.update_targets(walk.ctx)
    touched = child.touched(9, 0.5)
    assert walk.finds(touched, target, child.range, lambda: child.touch(9, 0.5))


def test_a_target_may_run_another_program_within_an_interval(watched: Start) -> None:
    child, target, walk = watched(nr_pages=512)
    target.ranges = (ALL,)
    walk.mechanism.update_targets(walk.ctx)

    def finds_all_of_it() -> bool:
        walk.mechanism.prepare(walk.ctx)
        child.start_telling("run_anew()")
        child.start = int(child.answer())
        child.populate()
        pages = walk.check().pages(target) - child.start // PAGE
        return np.isin(np.arange(child.nr_pages), pages).all()

    assert any(finds_all_of_it() for _ in range(6)), "reclaim does not clear bits that often"


def test_what_a_child_of_the_target_touches_is_not_the_targets(watched: Start) -> None:
    child, target, walk = watched(nr_pages=1024)
    found = walk.accessed(target, child.range, lambda: child.tell("fork()"))
    assert not found.any()


def test_a_target_added_later_is_cleared_before_it_is_reported(
    toucher: Start, watched: Start
) -> None:
    _, first, walk = watched(nr_pages=16)
    late = toucher(nr_pages=64)
    walk.mechanism.prepare(walk.ctx)
    with Target.open(late.pid) as target:
        target.ranges = (late.range,)
        walk.ctx.targets = (first, target)
        walk.mechanism.update_targets(walk.ctx)
        assert len(walk.check().pages(target)) == 0
        assert walk.finds(np.arange(64), target, late.range, late.populate)
        walk.ctx.targets = (first,)
        walk.mechanism.update_targets(walk.ctx)
        assert len(walk.interval(late.populate).pages(target)) == 0


def test_cleanup_closes_every_file_also_twice(watched: Start) -> None:
    before = set(os.listdir("/proc/self/fd"))
    _, target, walk = watched()
    walk.interval()
    walk.mechanism.cleanup()
    walk.mechanism.cleanup()
    target.close()
    ours = [fd for fd in set(os.listdir("/proc/self/fd")) - before if os.path.exists(fd_link(fd))]
    assert not [fd for fd in ours if "bpf" in os.readlink(fd_link(fd))]
    assert not [fd for fd in ours if "clear_refs" in os.readlink(fd_link(fd))]


def fd_link(fd: str) -> str:
    return f"/proc/self/fd/{fd}"
