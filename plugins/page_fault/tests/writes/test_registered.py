"""Mappings are registered once, all of them at once where that works, and refusals are kept."""

from __future__ import annotations

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
from damon_page_fault.userfaultfd import Kind, TargetGone

ALL = (AddrRange(0, 1 << 56),)
NOTHING = Spans.of(())


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


def mappings(*bounds: tuple[int, int], files: Iterable[int] = ()) -> Mappings:
    starts, ends = zip(*bounds, strict=True)
    return Mappings(
        np.array(starts, np.uint64),
        np.array(ends, np.uint64),
        np.array([start in files for start in starts]),
    )


def registered(**script: Any) -> tuple[Registered, Scripted]:
    uffd = Scripted(**script)
    return Registered(uffd), uffd  # type: ignore[arg-type]  # as much of it as is used


def test_mappings_that_touch_are_registered_in_one_call() -> None:
    known, uffd = registered()
    known.follow(mappings((0, 10), (10, 20), (30, 40)))
    assert uffd.calls == [(0, 20), (30, 40)]
    assert known.spans == Spans.of([(0, 20), (30, 40)])


def test_only_what_is_new_is_registered_and_one_at_least_to_know_the_process() -> None:
    known, uffd = registered()
    known.follow(mappings((0, 10), (30, 40)))
    uffd.calls.clear()
    known.follow(mappings((0, 10), (30, 40), (50, 60)))
    assert uffd.calls == [(50, 60)]
    uffd.calls.clear()
    known.follow(mappings((0, 10), (30, 40), (50, 60)))
    assert uffd.calls == [(0, 10)]
    uffd.is_gone = True
    with pytest.raises(TargetGone):
        known.follow(mappings((0, 10), (30, 40), (50, 60)))


def test_all_is_registered_again_where_anything_may_have_been_replaced() -> None:
    known, uffd = registered()
    known.follow(mappings((0, 10), (30, 40)))
    uffd.calls.clear()
    known.follow(mappings((0, 10), (30, 40)), again=True)
    assert uffd.calls == [(0, 10), (30, 40)]


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
