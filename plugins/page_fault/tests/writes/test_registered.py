"""Mappings are registered once, all of them at once where that works, and refusals are kept."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from attrs import define, field

from damon_core.model import AddrRange
from damon_core.spans import Spans
from damon_page_fault.mappings import Mappings, huge_mappings
from damon_page_fault.registered import Registered
from damon_page_fault.userfaultfd import Kind, TargetGone, Userfaultfd, open_own
from damon_page_fault.wp_async import WriteProtect

ALL = (AddrRange(0, 1 << 56),)
NOTHING = Spans.of(())
MAP_FIXED, MREMAP_MAYMOVE = 0x10, 1


@define
class Scripted:
    """A userfaultfd that refuses some addresses."""

    refuses: dict[int, int] = field(factory=dict)
    calls: list[tuple[int, int]] = field(factory=list)
    is_gone: bool = False

    def register(self, start: int, end: int) -> None:
        self.calls.append((start, end))
        if self.is_gone:
            raise TargetGone
        for address, number in self.refuses.items():
            if start <= address < end:
                raise OSError(number, os.strerror(number))


def mappings(
    *bounds: tuple[int, int], files: Iterable[int] = (), others: Iterable[tuple[int, int]] = ()
) -> Mappings:
    starts, ends = zip(*bounds, strict=True)
    return Mappings(
        np.array(starts, np.uint64),
        np.array(ends, np.uint64),
        np.array([start in files for start in starts]),
        Spans.of(others),
    )


def registered(**script: Any) -> tuple[Registered, Scripted]:
    uffd = Scripted(**script)
    return Registered(uffd), uffd  # type: ignore[arg-type]  # as much of it as is used


def test_what_lies_between_two_other_mappings_is_registered_in_one_call_with_its_holes() -> None:
    known, uffd = registered()
    others = [(2, 5), (25, 27), (60, 70)]
    known.follow(mappings((8, 10), (10, 20), (22, 25), (30, 40), (80, 90), others=others))
    assert uffd.calls == [(5, 25), (27, 60), (70, 90)]
    assert known.spans == Spans.of([(8, 20), (22, 25), (30, 40), (80, 90)])


def test_only_where_something_is_new_is_registered_and_one_at_least_to_know_the_process() -> None:
    known, uffd = registered()
    others = [(10, 11), (41, 42)]
    known.follow(mappings((0, 10), (30, 40), others=others))
    uffd.calls.clear()
    known.follow(mappings((0, 10), (30, 40), (50, 60), others=others))
    assert uffd.calls == [(42, 60)]
    uffd.calls.clear()
    known.follow(mappings((0, 10), (30, 40), (50, 60), others=others))
    assert uffd.calls == [(0, 10)]
    uffd.is_gone = True
    with pytest.raises(TargetGone):
        known.follow(mappings((0, 10), (30, 40), (50, 60), others=others))


def test_all_is_registered_again_where_anything_may_have_been_replaced() -> None:
    known, uffd = registered()
    known.follow(mappings((0, 10), (30, 40), others=[(20, 21)]))
    uffd.calls.clear()
    known.follow(mappings((0, 10), (30, 40), others=[(20, 21)]), again=True)
    assert uffd.calls == [(0, 20), (21, 40)]


@pytest.mark.live
def test_a_mapping_that_has_grown_since_it_was_read_stays_one_for_mremap() -> None:
    page, size = mmap.PAGESIZE, 16 * mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    how = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    hole = libc.mmap(None, 8 * size, mmap.PROT_READ, how, -1, 0)
    libc.munmap(hole, 8 * size)
    area = libc.mmap(hole + size, size, mmap.PROT_READ | mmap.PROT_WRITE, how | MAP_FIXED, -1, 0)
    uffd = Userfaultfd(open_own(), Kind.WRITES)
    try:
        uffd.agree(WriteProtect.features)
        around = (AddrRange(area, area + page),)
        read = Mappings.read(os.getpid(), Kind.WRITES, around, NOTHING)
        assert libc.mremap(area, size, 2 * size, 0) == area
        Registered(uffd).follow(read)
        moved = libc.mremap(area, 2 * size, 3 * size, MREMAP_MAYMOVE)
        assert moved != ctypes.c_void_p(-1).value, os.strerror(ctypes.get_errno())
        libc.munmap(moved, 3 * size)
    finally:
        uffd.close()


def test_one_that_is_refused_does_not_keep_its_neighbours_out() -> None:
    known, uffd = registered(refuses={12: errno.EBUSY, 35: errno.EPERM})
    watched = known.follow(mappings((0, 10), (10, 20), (20, 30), (35, 40)))
    assert watched.spans == known.spans == Spans.of([(0, 10), (20, 30)])
    assert known.busy == Spans.of([(10, 20)])
    assert known.refused == Spans.of([(35, 40)])
    uffd.calls.clear()
    known.follow(mappings((0, 10), (10, 20), (20, 30), (35, 40)))
    assert len(uffd.calls) <= 4, "what was refused is not tried in each look"
    assert known.busy == Spans.of([(10, 20)])


def test_what_is_unmapped_is_forgotten() -> None:
    known, _ = registered(refuses={12: errno.EBUSY})
    known.follow(mappings((0, 10), (10, 20), (30, 40)))
    known.follow(mappings((30, 40)))
    assert (known.spans, known.busy) == (Spans.of([(30, 40)]), NOTHING)


def test_mappings_of_this_process_that_can_be_written_are_those_to_watch() -> None:
    with mmap.mmap(-1, 1 << 20, prot=mmap.PROT_READ) as readable:
        address = int(np.frombuffer(readable, np.uint8).ctypes.data)
        writes = Mappings.read(os.getpid(), Kind.WRITES, ALL, NOTHING).spans
        both = Mappings.read(os.getpid(), Kind.READS_WRITES, ALL, NOTHING).spans
        mine = Spans.of([(address, address + (1 << 20))])
        assert not len(mine & writes)
        assert (mine & both) == mine
        known = Mappings.read(os.getpid(), Kind.WRITES, ALL, mine).spans
        assert (mine & known) == mine, "one that was watched stays so"
        assert not len(Mappings.read(os.getpid(), Kind.WRITES, (AddrRange(1, 2),), NOTHING).spans)


def test_huge_pages_are_found_in_a_text_of_smaps() -> None:
    spans, nr_bytes = huge_mappings(os.getpid())
    assert spans.size >= nr_bytes >= 0
