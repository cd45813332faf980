"""Who accesses how much, and where: the survey of samples against a slow one in Python."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core._native import ffi
from damon_core.access import REPORT_DTYPE
from damon_core.perf_data.decoding import FileCounts
from damon_core.perf_data.survey import MAX_BLOCKS, Survey, Surveyor
from damon_core.perf_data.tasks import Tasks
from damon_core.spans import Spans

PAGE = 4096
LAST_BLOCK = 2**64 - 2 * PAGE


def rows_of(pids: np.ndarray, addrs: np.ndarray, physical: bool = False) -> np.ndarray:
    rows = np.zeros(len(addrs), REPORT_DTYPE)
    rows["pid"], rows["paddr" if physical else "vaddr"] = pids, addrs
    rows["weight"], rows["time_ns"] = 3, np.arange(len(addrs))
    return rows


def surveyed(rows: np.ndarray, *, physical: bool = False) -> Survey:
    surveyor = Surveyor(physical=physical)
    while len(rows):
        address, nr = surveyor.space()
        part, rows = rows[:nr], rows[nr:]
        ffi.memmove(ffi.cast("void *", address), part.tobytes(), part.nbytes)
        surveyor.commit(len(part))
    return surveyor.result(FileCounts(), Tasks())


reports = st.lists(
    st.tuples(st.integers(-1, 5), st.one_of(st.integers(0, 40 * PAGE), st.integers(0, 2**64 - 1))),
    min_size=1,
    max_size=80,
)


@given(reports, st.booleans())
def test_processes_and_pages_are_those_of_the_reports(
    drawn: list[tuple[int, int]], physical: bool
) -> None:
    pids, addrs = np.array([p for p, _ in drawn]), np.array([a for _, a in drawn], np.uint64)
    found = surveyed(rows_of(pids, addrs, physical), physical=physical)
    counted = Counter(pids.tolist())
    assert {one.pid: one.nr_samples for one in found.processes} == counted
    assert {one.pid: one.nr_accesses for one in found.processes} == {
        pid: 3 * nr for pid, nr in counted.items()
    }
    most = [one.nr_samples for one in found.processes]
    assert most == sorted(most, reverse=True)
    pages = np.minimum(addrs // PAGE, LAST_BLOCK // PAGE)
    owners = np.zeros(len(pids)) if physical else pids
    for pid in np.unique(owners):
        assert found.places_of(int(pid)) == Spans.of_pages(pages[owners == pid], PAGE)
    assert not len(found.places_of(77))
    assert (found.first_ns, found.last_ns) == (0, len(drawn) - 1)


def test_of_much_memory_larger_blocks_are_kept_that_hold_all_of_it() -> None:
    random = np.random.default_rng(5)
    addrs = random.integers(0, 1 << 46, 3 * MAX_BLOCKS, dtype=np.uint64)
    found = surveyed(rows_of(np.full(len(addrs), 7), addrs))
    place = found.places_of(7)
    assert len(place) <= MAX_BLOCKS
    at = np.searchsorted(place.starts, addrs, side="right") - 1
    assert (addrs < place.ends[at]).all()
    assert place.size < 1 << 46


def test_processes_beyond_what_is_kept_do_no_harm() -> None:
    pids = np.arange(1, 100_001)
    found = surveyed(rows_of(pids, np.full(len(pids), PAGE, np.uint64)))
    assert 10_000 < len(found.processes) < len(pids)
    assert found.nr_samples == len(pids)


@pytest.mark.parametrize("nr", [1, 1 << 13, (1 << 13) + 1])
def test_all_samples_are_counted_however_many_fit_into_one_look(nr: int) -> None:
    found = surveyed(rows_of(np.ones(nr), np.arange(nr, dtype=np.uint64)))
    assert found.nr_samples == found.processes[0].nr_samples == nr
