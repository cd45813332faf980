"""Heat as bytes of text, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from damon_core.report.packing import LEVELS, pack, unpack

NAN = float("nan")
HEAT = arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    elements=st.floats(1e-6, 1e12) | st.sampled_from([0.0, NAN]),
)


@given(HEAT, st.sampled_from([1, 2, 4]))
def test_heat_comes_back_to_the_nearest_level(heat: np.ndarray, power: int) -> None:
    packed = pack(heat, power)
    back = unpack(packed, len(heat))
    np.testing.assert_array_equal(np.isnan(back), np.isnan(heat))
    np.testing.assert_array_equal(back == 0, heat == 0)
    if packed.top > 0:
        known = ~np.isnan(heat)
        places, shown = ((some[known] / packed.top) ** (1 / power) for some in (heat, back))
        # Half a level; up to one at the cold end, where none is told from a little.
        assert np.abs(places - shown).max(initial=0) <= 1.01 / LEVELS


def test_the_hottest_cell_is_exact_and_the_least_heat_is_not_nothing() -> None:
    heat = np.array([[0.0, 1e-9, 80.0, NAN]])
    back = unpack(pack(heat, 2), 1)
    assert back[0, 2] == pytest.approx(80)
    assert 0 < back[0, 1] < 0.01
    assert back[0, 0] == 0


def test_what_is_not_finite_is_as_no_region() -> None:
    assert np.isnan(unpack(pack(np.array([[np.inf, 1.0]]), 2), 1)).tolist() == [[True, False]]


def test_neighbours_in_time_are_packed_together() -> None:
    steady = np.tile(np.random.default_rng(1).random(500), (1000, 1))
    assert len(pack(steady, 2).data) < steady.size / 50
