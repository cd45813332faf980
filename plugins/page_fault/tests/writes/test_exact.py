"""Every written page is reported in its interval, and no other: against a log of all writes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from .conftest import HUGE, KINDS, Start, Tick, Watch, Writers

pytestmark = pytest.mark.live

NR_WRITES = 1600
"""Of each of the four threads, in an interval."""


def unit(kind: str) -> int:
    """Pages that are reported together."""
    return HUGE if kind == "hugetlb" else 1


def written(log: np.ndarray, kind: str) -> set[int]:
    """The pages in a log, with those that are reported together with them."""
    size = unit(kind)
    return {
        page
        for first in np.unique(log["page"] // size)
        for page in range(int(first) * size, int(first + 1) * size)
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_four_threads_write_between_two_checks_is_reported_exactly(
    writers: Start, watch: Watch, kind: str
) -> None:
    process = writers(kind, 4 * HUGE if kind == "hugetlb" else 16 * HUGE)
    tick = watch(process)
    seen = 0
    for seed in range(1, 6):
        assert tick.pages(process) == set()  # reads go on all the time
        process.tell("round", seed, NR_WRITES)
        log = process.log()
        assert tick.pages(process) == written(log[seen:], kind)
        seen = len(log)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "hugetlb"])
def test_what_is_written_during_checks_is_reported_in_the_interval_it_falls_in(
    writers: Start, watch: Watch, kind: str
) -> None:
    process = writers(kind, 16 * HUGE)
    check_intervals(process, watch(process), "free", 7, 8000, 100_000, 800)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "hugetlb"])
@pytest.mark.parametrize(("pause_us", "every"), [(1000, 320), (10_000, 320), (100_000, 640)])
def test_the_same_at_intervals_of_5_ms_to_1_s(
    writers: Start, watch: Watch, kind: str, pause_us: int, every: int
) -> None:
    process = writers(kind, 16 * HUGE)
    check_intervals(process, watch(process), "free", 3, 800, pause_us * 1000, every)


def check_intervals(process: Writers, tick: Tick, *command: Any) -> None:
    """Check each time the process says so, while it goes on writing; compare with its log."""
    bounds, found = [(0, time.monotonic_ns())], []
    assert not tick.pages(process)
    process.begin(*command)
    for line in iter(process.answer, "done"):
        assert line == "tick"
        found.append(checked(process, tick, bounds))
    found.append(checked(process, tick, bounds))
    assert len(found) > 4
    log = process.log()
    for index, pages in enumerate(found):
        (began, ended), (next_began, next_ended) = bounds[index], bounds[index + 1]
        surely = log[(log["t0"] >= ended) & (log["t1"] <= next_began)]
        maybe = log[(log["t1"] >= began) & (log["t0"] <= next_ended)]
        assert set(surely["page"].tolist()) <= pages, "a write was missed"
        assert pages <= set(maybe["page"].tolist()), "a page was reported that nobody wrote"
    assert sum(map(len, found)) > 0


def checked(process: Writers, tick: Tick, bounds: list[tuple[int, int]]) -> set[int]:
    began = time.monotonic_ns()
    pages = tick.pages(process)
    bounds.append((began, time.monotonic_ns()))
    return pages
