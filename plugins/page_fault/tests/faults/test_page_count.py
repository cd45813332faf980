"""Pages are counted once each, exactly as long as they are few, and well when they are many."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core import REPORT_DTYPE
from damon_core.testing.open_files import open_files
from damon_page_fault.frames import FrameLookup
from damon_page_fault.page_count import PageCount

PAGE = 4096


def rows(pages: np.ndarray, pid: int = 5) -> np.ndarray:
    made = np.zeros(len(pages), REPORT_DTYPE)
    made["vaddr"] = pages.astype(np.uint64) * np.uint64(PAGE) + np.uint64(7)
    made["pid"] = pid
    return made


def add(count: PageCount, made: np.ndarray) -> int:
    assert count.add(made.ctypes.data, len(made)) == len(made)
    return len(count)


@given(st.lists(st.lists(st.integers(0, 2**52 - 1)), max_size=8), st.integers(1, 2**22))
def test_each_page_of_each_process_counts_once(parts: list[list[int]], pid: int) -> None:
    count, seen = PageCount(PAGE), set()
    for part in parts:
        for process in (pid, pid + 1):
            made = rows(np.array(part, np.uint64), process)
            seen |= {(process, page) for page in part}
            assert add(count, made) == len(seen)
            assert add(count, made) == len(seen)


def test_as_many_as_it_keeps_are_counted_exactly() -> None:
    count = PageCount(PAGE, max_kept=1000)
    assert add(count, rows(np.arange(999))) == 999


@pytest.mark.parametrize("stride", [1, 512, 4097])
def test_many_pages_are_estimated_closely_in_bounded_memory(stride: int) -> None:
    count = PageCount(PAGE, max_kept=1 << 14)
    nr = 1_000_000
    for first in range(0, nr, 50_000):
        add(count, rows(np.arange(first, first + 50_000) * stride))
    assert len(count) == pytest.approx(nr, rel=0.04)
    before = len(count)
    assert add(count, rows(np.arange(200_000) * stride)) == before


@pytest.mark.live
def test_the_frames_of_pages_that_are_gone_are_not_made_up() -> None:
    source = (
        "import mmap, ctypes\n"
        "memory = mmap.mmap(-1, 4 * mmap.PAGESIZE)\n"
        "memory[0] = memory[2 * mmap.PAGESIZE] = 1\n"
        "print(ctypes.addressof(ctypes.c_char.from_buffer(memory)), flush=True)\n"
        "input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    lookup = FrameLookup(PAGE)
    try:
        assert process.stdout is not None
        start = int(process.stdout.readline())
        made = rows(np.arange(4) + start // PAGE, process.pid)
        assert lookup.find(made.ctypes.data, 4) == 2
        assert made["vaddr"][:2].tolist() == [start + 7, start + 2 * PAGE + 7]
        assert (made["paddr"][:2] % PAGE == 7).all()
        own = rows(np.array([start // PAGE] * 4), os.getpid())
        own["pid"] = [-1, 0, 2**31 - 1, 4194305]
        assert lookup.find(own.ctypes.data, 4) == 0
    finally:
        process.kill()
        process.communicate()
    made = rows(np.arange(4) + start // PAGE, process.pid)
    assert lookup.find(made.ctypes.data, 4) == 0
    lookup.close()
    lookup.close()
    assert not [name for _, name in open_files() if name.endswith("pagemap")]
