"""Memory of huge pages is found, and left out."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from damon_accessed_bit import hugetlb
from damon_core.model import AddrRange, Ops
from damon_core.target import Target

pytestmark = pytest.mark.live

MAP_HUGETLB, MAP_NORESERVE = 0x40000, 0x4000
ANON = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
SIZE = 2 << 20
Start = Callable[..., Any]


@pytest.fixture
def huge_area() -> Iterator[AddrRange]:
    """A hugetlb mapping of this process; no huge page is needed as long as none is touched."""
    try:
        area = mmap.mmap(-1, 2 * SIZE, flags=ANON | MAP_HUGETLB | MAP_NORESERVE)
    except OSError as error:
        pytest.skip(f"no huge pages of 2 MiB here ({error}): needs CONFIG_HUGETLBFS=y")
    byte = ctypes.c_char.from_buffer(area)
    start = ctypes.addressof(byte)
    del byte
    yield AddrRange(start, start + 2 * SIZE)
    area.close()


def free_huge_pages() -> int:
    with open("/proc/meminfo") as meminfo:
        return next(int(line.split()[1]) for line in meminfo if line.startswith("HugePages_Free"))


needs_huge_pages = pytest.mark.skipif(
    free_huge_pages() < 2, reason="needs free huge pages: sysctl vm.nr_hugepages=4"
)


def test_hugetlb_mappings_are_told_from_all_others(huge_area: AddrRange) -> None:
    assert hugetlb.ranges_of(os.getpid()) == (huge_area,)


def test_memory_files_of_huge_pages_are_found_too(huge_area: AddrRange) -> None:
    fd = os.memfd_create("huge", os.MFD_CLOEXEC | 4)
    try:
        os.ftruncate(fd, SIZE)
        file_area = mmap.mmap(fd, SIZE, flags=mmap.MAP_SHARED | MAP_NORESERVE)
    finally:
        os.close(fd)
    sizes = sorted(r.size for r in hugetlb.ranges_of(os.getpid()))
    file_area.close()
    assert sizes == [SIZE, 2 * SIZE]


def test_a_process_that_has_ended_has_none(toucher: Start) -> None:
    child = toucher(nr_pages=1)
    child.end()
    assert hugetlb.ranges_of(child.pid) == ()


HUGE = (
    "globals().__setitem__('huge', mmap.mmap(-1, TABLE, flags=PRIVATE | ANON | 0x40000))"
    " or huge.__setitem__(0, 1) or ctypes.addressof(ctypes.c_char.from_buffer(huge))"
)


@needs_huge_pages
def test_huge_pages_of_a_target_are_left_out_and_spoken_of_once(watched: Start) -> None:
    child, target, walk = watched(nr_pages=512)
    start = int(child.tell(HUGE))
    target.ranges = tuple(sorted((child.range, AddrRange(start, start + SIZE))))
    walk.mechanism.update_targets(walk.ctx)
    walk.mechanism.update_targets(walk.ctx)
    assert walk.finds(np.arange(512), target, child.range, partial(child.touch, 1, 1.0))
    assert len(walk.bitmaps.pages(target)) == 512
    assert walk.told.count(hugetlb.TOLD) == 1
    assert walk.ctx.counters["hugetlb_bytes"] == SIZE


@needs_huge_pages
def test_frames_of_huge_pages_are_left_out(toucher: Start, walk: Start) -> None:
    child = toucher(nr_pages=16)
    start = int(child.tell(HUGE))
    with open(f"/proc/{child.pid}/pagemap", "rb") as pagemap:
        word = int.from_bytes(os.pread(pagemap.fileno(), 8, start // 4096 * 8), "little")
    frame = word & ((1 << 55) - 1)
    machine = Target.physical()
    machine.ranges = (AddrRange(0, 1 << 46),)
    running = walk(machine, ops=Ops.PADDR)
    pages = running.interval(partial(child.tell, "huge[0]")).pages(machine)
    assert not np.isin(np.arange(frame, frame + 512), pages).any()
    assert running.ctx.counters["hugetlb_bytes"] >= SIZE
    assert running.told.count(hugetlb.TOLD) == 1
