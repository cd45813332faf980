"""Sets of pages in C are those of a slow reading, in few runs that do not overlap in memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_page_fault._native import ffi, lib

SHIFT = 12
MAX_GAP = 512 * 64
"""Pages: from there on a run of its own is cheaper."""


@pytest.fixture(scope="module")
def bits() -> Iterator[Any]:
    """A set, used over and over as the scans do."""
    made = ffi.new("struct page_bits *")
    lib.page_bits_init(made, SHIFT)
    yield made
    lib.page_bits_deinit(made)


STEPS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 200), st.integers(0, 3 * MAX_GAP)),
        st.one_of(st.integers(1, 3), st.integers(1, 1000)),
    ),
    max_size=30,
)


def ranges_of(first: int, steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of pages, ascending."""
    ranges, at = [], first
    for gap, size in steps:
        ranges.append((at + gap, at + gap + size))
        at += gap + size
    return ranges


def pages_of(bits: Any) -> list[int]:
    pages = []
    for run in ffi.unpack(bits.runs, bits.nr_runs) if bits.nr_runs else []:
        for index, word in enumerate(ffi.unpack(bits.words + run.offset, run.nr)):
            first = (run.start >> SHIFT) + 64 * index
            pages += [first + bit for bit in range(64) if word >> bit & 1]
    return pages


@given(st.integers(0, 2**40), STEPS)
def test_ranges_become_their_pages(bits: Any, first: int, steps: list[tuple[int, int]]) -> None:
    lib.page_bits_clear(bits)
    ranges = ranges_of(first, steps)
    for start, end in ranges:
        assert lib.page_bits_add(bits, start << SHIFT, end << SHIFT) == 0
    expected = [page for start, end in ranges for page in range(start, end)]
    assert pages_of(bits) == expected
    assert bits.nr_pages == len(expected)


@given(st.integers(0, 2**40), STEPS)
def test_runs_are_aligned_and_have_words_of_their_own(
    bits: Any, first: int, steps: list[tuple[int, int]]
) -> None:
    lib.page_bits_clear(bits)
    for start, end in ranges_of(first, steps):
        lib.page_bits_add(bits, start << SHIFT, end << SHIFT)
    runs = ffi.unpack(bits.runs, bits.nr_runs) if bits.nr_runs else []
    assert all(run.start % (64 << SHIFT) == 0 for run in runs)
    for before, after in pairwise(runs):
        assert before.offset + before.nr == after.offset
        assert before.start + (before.nr * 64 << SHIFT) <= after.start
    assert sum(run.nr for run in runs) == bits.nr_words
    assert len(runs) <= 1 + sum(gap >= MAX_GAP - 64 for gap, _ in steps)


def test_a_range_below_the_last_begins_a_run(bits: Any) -> None:
    lib.page_bits_clear(bits)
    for start, end in ((1000, 1010), (10, 20), (1005, 1020)):
        assert lib.page_bits_add(bits, start << SHIFT, end << SHIFT) == 0
    assert sorted(set(pages_of(bits))) == [*range(10, 20), *range(1000, 1020)]


def test_no_page_is_no_run(bits: Any) -> None:
    lib.page_bits_clear(bits)
    assert lib.page_bits_add(bits, 4096, 4096) == 0
    assert (bits.nr_runs, bits.nr_words, bits.nr_pages) == (0, 0, 0)
