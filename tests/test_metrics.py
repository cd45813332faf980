"""The numbers people read off a region: damo's and the kernel's formulas, single and in columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core import metrics


def test_a_rate_is_whole_percent_rounded_down() -> None:
    assert [metrics.percent(nr, 20) for nr in (0, 1, 17, 20)] == [0, 5, 85, 100]
    assert metrics.percent(1, 3) == 33


def test_a_window_without_samples_has_no_rate() -> None:
    assert metrics.percent(0, 0) == metrics.rate_bp(0, 0) == 0
    assert metrics.percent(np.zeros(2, np.uint32), 0).tolist() == [0, 0]


def test_bytes_in_use_are_the_accessed_ones_or_all_of_an_accessed_region() -> None:
    assert metrics.used_bytes(4096, 3, 100.0) == 100
    assert metrics.used_bytes(4096, 3, float("nan")) == 4096
    assert metrics.used_bytes(4096, 0, float("nan")) == 0
    columns = metrics.used_bytes(
        np.array([4096.0, 8192.0]), np.array([1, 0]), np.array([np.nan, 7.0])
    )
    assert columns.tolist() == [4096, 7]


def test_hz_is_samples_with_an_access_by_second() -> None:
    assert metrics.hz(17, 100_000) == 170


def test_idle_time_is_nothing_while_accessed_else_age_and_the_window() -> None:
    assert metrics.age_us(44, 100_000) == 4_400_000
    assert metrics.idle_us(17, 44, 100_000) == 0
    assert metrics.idle_us(0, 44, 100_000) == 4_500_000


@pytest.mark.parametrize(
    ("size", "rate", "age_us", "weights", "expected"),
    [
        (4096, 85, 1_000, (0, 100, 100), 108_500),
        (4096, 0, 1_000, (0, 100, 100), -100_000),
        (4096, 0, 1_000, (1, 100, 100), -104_096),
        (4096, 1, 0, (0, 100, 100), 100),
    ],
)
def test_temperature_is_negative_where_nothing_was_accessed(
    size: int, rate: int, age_us: int, weights: tuple[int, int, int], expected: int
) -> None:
    assert metrics.temperature(size, rate, age_us, weights) == expected


def test_cold_is_what_hot_lacks_to_ninety_nine() -> None:
    score = {"nr_samples": 20, "aggr_us": 100_000}
    assert metrics.hot_score(20, 0, **score) == 74
    assert metrics.cold_score(20, 0, **score) == 25
    assert metrics.hot_score(0, 10**12, **score) == 0


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2**20)), min_size=1, max_size=20),
    st.integers(1, 10**7),
)
def test_columns_give_what_single_numbers_give(
    regions: list[tuple[int, int]], aggr_us: int
) -> None:
    nr_accesses, age = np.array(regions, np.uint32).T
    of_region: list[tuple[Any, Callable[[int, int], Any]]] = [
        (metrics.percent(nr_accesses, 20), lambda nr, age: metrics.percent(nr, 20)),
        (metrics.hz(nr_accesses, aggr_us), lambda nr, age: metrics.hz(nr, aggr_us)),
        (metrics.age_us(age, aggr_us), lambda nr, age: metrics.age_us(age, aggr_us)),
        (
            metrics.idle_us(nr_accesses, age, aggr_us),
            lambda nr, age: metrics.idle_us(nr, age, aggr_us),
        ),
        (
            metrics.temperature(age, nr_accesses, age),
            lambda nr, age: metrics.temperature(age, nr, age),
        ),
        (
            metrics.hot_score(nr_accesses, age, nr_samples=20, aggr_us=aggr_us),
            lambda nr, age: metrics.hot_score(nr, age, nr_samples=20, aggr_us=aggr_us),
        ),
    ]
    for in_columns, single in of_region:
        assert in_columns.tolist() == [single(*region) for region in regions]
