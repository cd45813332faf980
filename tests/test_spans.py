from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from damon_core.spans import Spans

ADDRESS = st.integers(0, 40)
RANGES = st.lists(st.tuples(ADDRESS, ADDRESS), max_size=8)


def bytes_of(ranges: list[tuple[int, int]]) -> set[int]:
    return {byte for start, end in ranges for byte in range(start, end)}


def addresses(spans: Spans) -> set[int]:
    return {byte for span in spans for byte in range(span.start, span.end)}


@given(RANGES)
def test_spans_hold_the_bytes_of_their_ranges_in_disjoint_order(ranges):
    spans = Spans.of(ranges)
    assert addresses(spans) == bytes_of(ranges)
    assert spans.size == len(bytes_of(ranges))
    borders = [border for span in spans for border in (span.start, span.end)]
    assert borders == sorted(set(borders))


@given(RANGES, RANGES)
def test_set_operations_are_those_of_the_bytes(one, other):
    a, b = Spans.of(one), Spans.of(other)
    assert addresses(a | b) == bytes_of(one) | bytes_of(other)
    assert addresses(a & b) == bytes_of(one) & bytes_of(other)
    assert addresses(a - b) == bytes_of(one) - bytes_of(other)
    assert (a - b) | (a & b) == a


@given(RANGES, st.sampled_from([1, 2, 4, 8]))
def test_widened_spans_are_the_pages_of_their_bytes(ranges, page_size):
    pages = {byte // page_size for byte in bytes_of(ranges)}
    expected = {page * page_size + i for page in pages for i in range(page_size)}
    assert addresses(Spans.of(ranges).widened(page_size)) == expected


def test_addresses_at_the_top_of_the_space_are_held():
    spans = Spans.of([(2**64 - 8192, 2**64 - 4096)])
    assert spans.size == 4096
    assert (spans - Spans.of([(2**64 - 8192, 2**64 - 8000)])).size == 4096 - 192
