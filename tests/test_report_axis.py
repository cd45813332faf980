"""The address axis of pictures: bands, gaps, folded stretches, and the names along it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.model import AddrRange
from damon_core.record_names import NamedRange, TargetNames
from damon_core.report.axis import LEAST_SHARE, Axis
from damon_core.report.spans import Column, columns_of

MIB = 1 << 20
RANGES = st.lists(
    st.tuples(st.integers(0, 2**47), st.integers(1, 2**44)).map(lambda r: (r[0], r[0] + r[1])),
    min_size=1,
    max_size=30,
).map(lambda ranges: np.array(ranges, np.uint64))


@given(RANGES, RANGES, st.integers(4, 400), st.integers(1, 5))
def test_each_column_has_its_place_from_0_to_1_in_order(
    present: np.ndarray, accessed: np.ndarray, nr_columns: int, least: int
) -> None:
    columns = columns_of(present, accessed, nr_columns, least=least)
    axis = Axis.of(columns)
    edges = axis.edges()
    assert edges.shape == (len(columns), 2)
    assert (edges[:, 0] < edges[:, 1]).all()
    assert (edges[1:, 0] >= edges[:-1, 1] - 1e-12).all()
    assert edges[0, 0] == 0
    assert edges[-1, 1] == pytest.approx(1)
    assert sum(band.nr for band in axis.bands) == len(columns)
    assert [band.first for band in axis.bands] == [0, *np.cumsum([b.nr for b in axis.bands])[:-1]]


def test_areas_lie_apart_and_small_ones_can_be_seen() -> None:
    present = np.array([[0x1000, 0x2000], [2**40, 2**40 + 100 * MIB]], np.uint64)
    small, large = Axis.of(columns_of(present, present, 400, least=5)).bands
    assert small.high - small.low == pytest.approx(LEAST_SHARE, rel=0.05)
    assert large.low > small.high
    assert large.high - large.low > 0.9


def test_what_is_folded_takes_little() -> None:
    columns = columns_of(
        np.array([[0, 512 * MIB]], np.uint64), np.array([[0, 16 * MIB]], np.uint64), 100
    )
    hot, folded = Axis.of(columns).bands
    assert (hot.folded, folded.folded) == (False, True)
    assert folded.range == AddrRange(16 * MIB, 512 * MIB)
    assert folded.high - folded.low < 0.05


def test_names_lie_where_their_mappings_are() -> None:
    axis = Axis.of([Column(AddrRange(0, 4 * MIB), 0), Column(AddrRange(4 * MIB, 8 * MIB), 0)])
    names = TargetNames(
        0,
        (
            NamedRange(0, 2 * MIB, "/lib/a.so"),
            NamedRange(2 * MIB, 6 * MIB, ""),
            NamedRange(2**40, 2**41, "elsewhere"),
        ),
    )
    labels = [(one.low, one.high, one.text) for one in axis.labels(names)]
    assert labels == [(0, 0.25, "a.so"), (0.25, 0.75, "(anonymous)")]
    assert axis.labels(None) == ()


def test_no_axis_is_without_a_column() -> None:
    with pytest.raises(LookupError):
        Axis.of([])


@given(RANGES, st.integers(4, 100))
def test_marks_between_areas_count_as_columns(present: np.ndarray, nr_columns: int) -> None:
    columns = columns_of(present, present, nr_columns, marks=True)
    assert len(columns) + columns[-1].area <= nr_columns
