"""Rings of perf records: wherever they wrap, all is read once, and given back."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.perf_attr import SampleType
from damon_core.perf_decoding import PerfDecoder, PerfDecoding
from damon_core.testing.made_ring import HEAD, TAIL, MadeRing
from damon_core.testing.perf_records import LOST, SAMPLE, raw_field, record, sample, words

S = SampleType
SIZE = mmap.PAGESIZE
DECODING = PerfDecoding(sample_type=S.ADDR | S.RAW)


def touch(addr: int, raw: int = 0) -> bytes:
    return sample({S.ADDR: words(addr), S.RAW: raw_field(bytes(raw))})


@pytest.fixture
def ring() -> Iterator[MadeRing]:
    with MadeRing(SIZE) as ring:
        yield ring


@given(
    first=st.one_of(st.integers(0, 2**61 - 1), st.integers(0, SIZE // 8)).map(lambda n: n * 8),
    raws=st.lists(st.integers(0, 300), min_size=1, max_size=9),
    room=st.integers(1, 10),
)
def test_records_are_read_once_wherever_the_ring_wraps(
    first: int, raws: list[int], room: int
) -> None:
    decoder, addrs = PerfDecoder(DECODING), range(1, len(raws) + 1)
    data = b"".join(touch(addr, raw) for addr, raw in zip(addrs, raws, strict=True))
    found: list[int] = []
    with MadeRing(SIZE) as ring:
        ring.fill(data, first)
        while len(rows := ring.drain(decoder, room)) == room:
            found += rows["vaddr"].tolist()
        assert [*found, *rows["vaddr"].tolist()] == list(addrs)
        assert ring.position(TAIL) == ring.position(HEAD) == (first + len(data)) % 2**64
    assert decoder.counts.samples == len(raws)
    assert decoder.counts.corrupt == 0


def test_every_place_where_a_record_can_straddle_the_end_is_read_right(ring: MadeRing) -> None:
    data = touch(0x1111, raw=100)
    decoder = PerfDecoder(DECODING)
    for first in range(SIZE - len(data), SIZE + 8, 8):
        ring.fill(data, first)
        assert ring.drain(decoder)["vaddr"].tolist() == [0x1111]


def test_a_record_as_large_as_the_ring_is_read(ring: MadeRing) -> None:
    data = touch(5, raw=SIZE - 20)
    assert len(data) == SIZE
    ring.fill(data, SIZE - 40)
    assert ring.drain(PerfDecoder(DECODING))["vaddr"].tolist() == [5]


def test_the_largest_record_that_there_can_be_is_read() -> None:
    with MadeRing(1 << 17) as ring:
        data = touch(5, raw=0xFFF8 - 20)
        ring.fill(data, (1 << 17) - 0x8000)
        assert ring.drain(PerfDecoder(DECODING))["vaddr"].tolist() == [5]


def test_an_empty_ring_gives_nothing(ring: MadeRing) -> None:
    decoder = PerfDecoder(DECODING)
    assert not len(ring.drain(decoder))
    assert decoder.counts == PerfDecoder(DECODING).counts


def test_other_records_are_counted_even_when_the_reports_have_no_room_left(ring: MadeRing) -> None:
    ring.fill(touch(1) + record(LOST, words(0, 3)) + touch(2) + record(99))
    decoder = PerfDecoder(DECODING)
    assert len(ring.drain(decoder, room=1)) == 1
    assert len(ring.drain(decoder, room=2)) == 1
    assert (decoder.counts.lost, decoder.counts.others) == (3, 1)
    assert ring.position(TAIL) == ring.position(HEAD)


@pytest.mark.parametrize("size", [0, 7, SIZE + 8, 0xFFFF])
def test_a_header_that_lies_ends_the_drain_and_is_counted(ring: MadeRing, size: int) -> None:
    lie = (SAMPLE | size << 48).to_bytes(8, "little")
    ring.fill(touch(1) + lie + touch(2), SIZE - 16)
    decoder = PerfDecoder(DECODING)
    assert ring.drain(decoder)["vaddr"].tolist() == [1]
    assert decoder.counts.corrupt == 1
    assert ring.position(TAIL) == ring.position(HEAD)


@pytest.mark.parametrize(
    ("head", "tail"), [(SIZE + 8, 0), (0, 8), (2**63, 0), (4, 0), (12, 4), (2**64 - 8, 8)]
)
def test_positions_that_cannot_be_end_the_drain_and_are_counted(
    ring: MadeRing, head: int, tail: int
) -> None:
    ring.set_position(HEAD, head)
    ring.set_position(TAIL, tail)
    decoder = PerfDecoder(DECODING)
    assert not len(ring.drain(decoder))
    assert decoder.counts.corrupt == 1
    assert ring.position(TAIL) == head


@given(junk=st.binary(min_size=8, max_size=SIZE), first=st.integers(0, SIZE // 8))
def test_junk_in_a_ring_is_survived(junk: bytes, first: int) -> None:
    with MadeRing(SIZE) as ring:
        ring.fill(junk[: len(junk) // 8 * 8], first * 8)
        decoder, rows = PerfDecoder(DECODING), np.zeros(0)
        while len(rows := ring.drain(decoder, room=3)) == 3:
            pass
        assert len(rows) < 3
        assert ring.position(TAIL) == ring.position(HEAD)
