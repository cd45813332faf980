"""paddr: the page frames that any process has accessed."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from damon_core.model import AddrRange, Ops
from damon_core.target import Target

pytestmark = pytest.mark.live

PAGE = 4096
Start = Callable[..., Any]


def frames_of(child: Any) -> np.ndarray:
    """Page frame numbers of all pages of a process's area."""
    with open(f"/proc/{child.pid}/pagemap", "rb") as pagemap:
        pagemap.seek(child.start // PAGE * 8)
        words = np.frombuffer(pagemap.read(child.nr_pages * 8), np.uint64)
    frames = (words & np.uint64((1 << 55) - 1)).astype(np.int64)
    if not frames.all():
        pytest.skip("needs page frame numbers of pagemap: CAP_SYS_ADMIN")
    return frames


@pytest.fixture
def machine(walk: Start) -> Callable[..., tuple[Target, Any]]:
    """Physical memory as a target, and the mechanism on it."""

    def start(*ranges: AddrRange) -> tuple[Target, Any]:
        target = Target.physical()
        target.ranges = ranges or (AddrRange(0, 1 << 46),)
        return target, walk(target, ops=Ops.PADDR)

    return start


@pytest.mark.parametrize("kind", ["anon", "thp", "shmem", "file_shared"])
def test_frames_are_found_that_a_process_touched_and_not_its_others(
    toucher: Start, machine: Start, kind: str
) -> None:
    child = toucher(kind, nr_pages=2048)
    frames = frames_of(child)
    target, walk = machine()
    touched = child.touched(3, 0.002 if kind == "thp" else 0.3)
    for _ in range(6):
        found = np.isin(
            frames,
            walk.interval(partial(child.touch, 3, 0.002 if kind == "thp" else 0.3)).pages(target),
        )
        assert not (found & ~touched).any()
        if (found == touched).all():
            return
    pytest.fail("never all of them")


def test_a_frame_that_two_processes_touch_is_reported_once(toucher: Start, machine: Start) -> None:
    child = toucher("file_shared", nr_pages=512)
    frames = frames_of(child)
    target, walk = machine()
    same = "mmap.mmap(fd, nr_pages * PAGE + TABLE, flags=SHARED)"
    fork = f"os.fork() or ([{same}[offset + i * PAGE] for i in range(nr_pages)], os._exit(0))"

    def touch_in_both() -> None:
        child.touch(1, 1.0)
        child.tell(f"os.waitpid({fork}, 0)")

    # pages() fails on a page that is handed over twice.
    found = [np.isin(frames, walk.interval(touch_in_both).pages(target)) for _ in range(6)]
    assert any(each.mean() > 0.9 for each in found)


def test_only_frames_of_the_ranges_are_handed_over(toucher: Start, machine: Start) -> None:
    child = toucher(nr_pages=2048)
    frames = frames_of(child)
    frame = int(frames[0]) // 64 * 64
    part = AddrRange(frame * PAGE, (frame + 64) * PAGE)
    target, walk = machine(part)
    nr_found = 0
    for _ in range(6):
        pages = walk.interval(partial(child.touch, 1, 1.0)).pages(target)
        assert ((pages >= frame) & (pages < frame + 64)).all()
        nr_found += len(pages)
    assert nr_found > 0


def test_ranges_that_share_a_word_of_the_bitmap_report_a_frame_once(machine: Start) -> None:
    parts = [AddrRange(i * 7 * PAGE, (i + 1) * 7 * PAGE) for i in range(20_000)]
    target, walk = machine(*parts)
    walk.interval().pages(target)


def test_processes_that_are_born_within_an_interval_are_counted_and_seen(
    toucher: Start, machine: Start
) -> None:
    target, walk = machine()
    seen = []
    for nr_born in range(1, 7):
        walk.mechanism.prepare(walk.ctx)
        child = toucher(nr_pages=512)
        seen.append(np.isin(frames_of(child), walk.check().pages(target)).mean())
        assert walk.ctx.counters["processes_born"] >= nr_born
    assert max(seen) > 0.9


def test_processes_that_end_within_an_interval_do_no_harm(toucher: Start, machine: Start) -> None:
    target, walk = machine()
    for _ in range(3):
        child = toucher(nr_pages=64)
        walk.interval(child.end)
    assert len(walk.bitmaps.pages(target)) > 0


def test_no_frame_lies_beyond_the_end_of_memory(machine: Start) -> None:
    from damon_accessed_bit.walker import nr_frames

    target, walk = machine()
    pages = walk.interval().pages(target)
    assert pages.max() < nr_frames()


def test_this_process_is_seen_as_well(machine: Start) -> None:
    target, walk = machine()
    memory = np.ones(64 * PAGE, np.uint8)
    first = memory.ctypes.data // PAGE + 1
    with open("/proc/self/pagemap", "rb") as pagemap:
        word = int.from_bytes(os.pread(pagemap.fileno(), 8, first * 8), "little")
    frame = word & ((1 << 55) - 1)
    found = [frame in walk.interval(lambda: memory.fill(2)).pages(target) for _ in range(6)]
    assert any(found)
