"""Reports come by time, however the file has them, and whatever must wait does so in a file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core._native import ffi
from damon_core.access import REPORT_DTYPE
from damon_core.errors import RunError
from damon_core.perf_data.order import TimeOrder


def put(order: TimeOrder, times: list[int]) -> None:
    """Commit reports of these times, as the decoder does."""
    while times:
        address, nr = order.space()
        nr = min(nr, len(times))
        rows = np.zeros(nr, REPORT_DTYPE)
        rows["time_ns"] = times[:nr]
        ffi.memmove(ffi.cast("void *", address), rows.tobytes(), rows.nbytes)
        order.commit(nr)
        times = times[nr:]


def times_of(parts: object) -> list[int]:
    return [int(time) for rows in parts for time in rows["time_ns"]]  # type: ignore[attr-defined]


@given(
    st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=60), max_size=6),
    st.sampled_from([1, 4, 16, 1 << 13]),
)
def test_at_the_end_all_are_sorted_however_little_fits_into_memory(
    rounds: list[list[int]], max_rows: int
) -> None:
    order = TimeOrder(max_rows)
    for times in rounds:
        put(order, times)
    found = times_of(order.end())
    assert found == sorted(time for times in rounds for time in times)
    order.close()


@given(st.integers(0, 2**32), st.sampled_from([2, 16, 1 << 13]))
def test_rounds_of_processors_come_out_in_order_before_the_end(seed: int, max_rows: int) -> None:
    random = np.random.default_rng(seed)
    order, found, expected = TimeOrder(max_rows), [], []
    for start in range(0, 1000, 100):
        times = random.integers(start, start + 150, random.integers(0, 40)).tolist()
        put(order, times)
        expected += times
        released = times_of(order.end_round())
        # what is younger than the round before may still be preceded
        assert all(time < start + 50 for time in released)
        found += released
    assert found == sorted(found)
    assert sorted(found + times_of(order.end())) == sorted(expected)
    order.close()


def test_a_round_lets_go_of_what_is_as_old_as_the_latest_of_the_round_before() -> None:
    order = TimeOrder()
    put(order, [5, 9])
    assert times_of(order.end_round()) == []
    put(order, [9, 12, 8])
    assert times_of(order.end_round()) == [5, 8, 9, 9]
    assert times_of(order.end_round()) == [12]
    assert times_of(order.end()) == []


def test_reports_of_one_time_stay_in_the_order_of_the_file() -> None:
    order = TimeOrder()
    rows = np.zeros(4, REPORT_DTYPE)
    rows["time_ns"], rows["vaddr"] = [7, 3, 7, 3], [1, 2, 3, 4]
    address, _ = order.space()
    ffi.memmove(ffi.cast("void *", address), rows.tobytes(), rows.nbytes)
    order.commit(4)
    (found,) = order.end()
    assert found["vaddr"].tolist() == [2, 4, 1, 3]


def test_where_nothing_can_wait_the_error_names_the_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nosuch"))
    order = TimeOrder(2)
    with pytest.raises(RunError, match=r"nosuch: No such file.*set TMPDIR"):
        put(order, [1, 2, 3])


def test_the_file_of_what_waits_is_gone_when_it_is_closed() -> None:
    order = TimeOrder(4)
    put(order, list(range(100, 0, -1)))
    file = order._file
    assert file is not None
    assert times_of(order.end()) == list(range(1, 101))
    order.close()
    order.close()
    assert file.closed
