"""The C that makes bitmaps of page tables and page frames, against plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_accessed_bit._native import ffi, lib

PRESENT, ACCESSED, PROTNONE = 1 << 0, 1 << 5, 1 << 8
NR_FRAMES = 100_000


def young_bits(table: np.ndarray) -> np.ndarray:
    words = np.zeros(8, np.uint64)
    lib.young_bits_of_table(
        ffi.from_buffer("uint64_t[]", table), ffi.from_buffer("uint64_t[]", words)
    )
    return np.unpackbits(words.view(np.uint8), bitorder="little").astype(bool)


@given(st.integers(0, 2**32 - 1))
def test_an_entry_is_young_if_it_is_mapped_and_accessed(seed: int) -> None:
    table = np.random.default_rng(seed).integers(0, 2**64, 512, np.uint64, endpoint=False)
    mapped = (table & np.uint64(PRESENT | PROTNONE)) != 0
    accessed = (table & np.uint64(ACCESSED)) != 0
    assert (young_bits(table) == (mapped & accessed)).all()


@pytest.mark.parametrize(
    "entry", [0, PRESENT, ACCESSED, PROTNONE, ~ACCESSED, ~(PRESENT | PROTNONE)]
)
def test_an_access_without_a_page_or_a_page_without_access_is_not_young(entry: int) -> None:
    assert not young_bits(np.full(512, entry % 2**64, np.uint64)).any()


def new_frames() -> Any:
    return ffi.gc(lib.frame_bits_create(NR_FRAMES), lib.frame_bits_destroy)


def parts(frames: Any) -> Iterator[tuple[int, np.ndarray]]:
    at, nr = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    while True:
        words = lib.frame_bits_next(frames, at, nr)
        if not nr[0]:
            return
        yield at[0] - 64 * nr[0], np.frombuffer(ffi.buffer(words, nr[0] * 8), np.uint8)


def members(frames: Any) -> set[int]:
    return {
        int(first + i)
        for first, words in parts(frames)
        for i in np.flatnonzero(np.unpackbits(words, bitorder="little"))
    }


frame_sets = st.sets(st.integers(0, NR_FRAMES - 1), max_size=50)


@given(frame_sets, frame_sets)
def test_frames_are_a_set(some: set[int], others: set[int]) -> None:
    a, b = new_frames(), new_frames()
    for frame in some:
        assert lib.frame_bits_set(a, frame, 1)
    for frame in others:
        lib.frame_bits_set(b, frame, 1)
    assert members(a) == some
    assert lib.frame_bits_subtract(a, b) == len(some & others)
    assert members(a) == some - others
    lib.frame_bits_clear(a)
    assert members(a) == set()


@given(st.integers(0, NR_FRAMES - 1), st.integers(1, 600))
def test_a_large_page_sets_all_its_frames_or_none(first: int, nr: int) -> None:
    frames = new_frames()
    fits = first + nr <= NR_FRAMES
    assert bool(lib.frame_bits_set(frames, first, nr)) is fits
    assert members(frames) == (set(range(first, first + nr)) if fits else set())


def test_frames_beyond_the_end_are_refused() -> None:
    frames = new_frames()
    assert not lib.frame_bits_set(frames, NR_FRAMES, 1)
    assert not lib.frame_bits_set(frames, 2**52, 512)
    assert not lib.frame_bits_set(frames, 2**64 - 1, 2)
    assert members(frames) == set()
