"""Fields of a PMU: values go to their bits and come back, wherever the bits lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.errors import PrimitiveError
from damon_perf_pmu.pmu_format import PmuField, parse_format


def as_text(word: int, bits: tuple[int, ...]) -> str:
    return f"config{word or ''}:{','.join(map(str, bits))}"


@st.composite
def disjoint_fields(draw: st.DrawFn) -> list[PmuField]:
    """Some of the 256 bits of the four words, dealt out to fields, each within one word."""
    fields = []
    for word in range(4):
        bits = draw(st.permutations(range(64)))
        sizes = draw(st.lists(st.integers(1, 16), max_size=4))
        start = 0
        for size in sizes:
            fields.append(PmuField(word, tuple(bits[start : start + size])))
            start += size
    return fields


@given(disjoint_fields(), st.data())
def test_disjoint_fields_come_back_whatever_the_order_of_writing(
    fields: list[PmuField], data: st.DataObject
) -> None:
    values = [data.draw(st.integers(0, field.maximum)) for field in fields]
    order = data.draw(st.permutations(range(len(fields))))
    words = [0, 0, 0, 0]
    for number in order:
        # What is written twice is what was written last.
        fields[number].write(words, fields[number].maximum)
        fields[number].write(words, values[number])
    assert [field.read(words) for field in fields] == values
    outside = [
        word & ~sum(field.mask for field in fields if field.word == number)
        for number, word in enumerate(words)
    ]
    assert outside == [0, 0, 0, 0]


@given(st.integers(0, 3), st.permutations(range(64)), st.integers(1, 64))
def test_a_format_reads_as_it_is_written(word: int, order: list[int], size: int) -> None:
    bits = tuple(order[:size])
    assert parse_format(as_text(word, bits)) == PmuField(word, bits)


def test_ranges_count_from_their_first_bit_to_their_last() -> None:
    field = parse_format("config:8-15,40-47")
    assert field.bits == (*range(8, 16), *range(40, 48))
    assert field.maximum == 0xFFFF
    words = [0, 0, 0, 0]
    field.write(words, 0x1281)
    assert words == [0x12 << 40 | 0x81 << 8, 0, 0, 0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "config",
        "config:",
        "config:8-",
        "config4:0",
        "config:64",
        "config:15-8",
        "config:0,0",
        "0-7",
    ],
)
def test_a_format_that_is_not_understood_is_told(text: str) -> None:
    with pytest.raises(PrimitiveError, match="describes a field by"):
        parse_format(text)
