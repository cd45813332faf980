"""Where physical addresses lie in processes: compared with memory whose place is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from damon_core import REPORT_DTYPE, ReportFlag
from damon_core.target import Target
from damon_perf_pmu import frame_search
from damon_perf_pmu.frame_search import FrameSearch

from .conftest import PAGE, Accesses

pytestmark = pytest.mark.live

Start = Callable[..., Accesses]


def reports(pid: int, addresses: list[int]) -> np.ndarray:
    rows = np.zeros(len(addresses), REPORT_DTYPE)
    rows["paddr"], rows["pid"], rows["flags"] = addresses, pid, ReportFlag.HAS_PADDR
    return rows


def found(search: FrameSearch, rows: np.ndarray) -> np.ndarray:
    return rows[: search.find(rows.ctypes.data, len(rows))]


def test_every_page_of_every_target_is_found_where_it_is_mapped(start: Start) -> None:
    first, second = start(), start()
    search = FrameSearch(PAGE)
    for process in (first, second):
        process.tell("write", 0, 200)
    with Target.open(first.pid) as one, Target.open(second.pid) as other:
        search.update([one, other])
    for process in (first, second):
        wanted = np.random.default_rng(1).permutation(200)
        frames = process.frames(200)
        rows = found(search, reports(process.pid, [frames[page] + 24 for page in wanted]))
        expected = [process.start + int(page) * PAGE + 24 for page in wanted]
        assert rows["vaddr"].tolist() == expected
        assert (rows["flags"] == ReportFlag.HAS_PADDR | ReportFlag.HAS_VADDR).all()


def test_frames_of_nobody_or_of_another_process_are_left_out(start: Start) -> None:
    first, second = start(), start()
    first.tell("write", 0, 2)
    search = FrameSearch(PAGE)
    assert len(found(search, reports(first.pid, [PAGE]))) == 0  # never updated
    with Target.open(first.pid) as target:
        search.update([target])
    a, b = first.frames(2)
    rows = found(search, reports(first.pid, [a, 1 << 51, b]))
    assert rows["vaddr"].tolist() == [first.start, first.start + PAGE]
    assert len(found(search, reports(second.pid, [a, b]))) == 0


def test_page_maps_are_read_anew_only_after_twenty_times_what_it_took(start: Start) -> None:
    process = start()
    search = FrameSearch(PAGE)
    with Target.open(process.pid) as target:
        search.update([target])
        process.tell("write", 0, 1)
        search._not_before_ns = 2**63
        search.update([target])
        assert len(found(search, reports(process.pid, process.frames(1)))) == 0
        search._not_before_ns = 0
        search.update([target])
        assert len(found(search, reports(process.pid, process.frames(1)))) == 1
        assert search._not_before_ns > 0


def test_beyond_a_number_of_pages_none_are_looked_up_and_that_is_counted(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_search, "MAX_PAGES", 50)
    process = start()
    process.tell("write", 0, 200)
    search = FrameSearch(PAGE)
    with Target.open(process.pid) as target:
        search.update([target])
    assert search.nr_beyond >= 150


def test_mappings_too_large_to_be_looked_at_are_left_out_and_the_others_found(
    start: Start,
) -> None:
    process = start(nr_pages=1 << 30)  # 4 TiB, almost all of it never touched
    small = start()
    small.tell("write", 0, 10)
    search = FrameSearch(PAGE)
    with Target.open(process.pid) as one, Target.open(small.pid) as other:
        search.update([one, other])
    assert 1 << 30 <= search.nr_beyond < 1 << 31
    assert len(found(search, reports(small.pid, small.frames(10)))) == 10


def test_a_process_that_has_ended_has_no_pages(start: Start) -> None:
    process = start()
    process.tell("write", 0, 10)
    target = Target.open(process.pid)
    process.kill()
    search = FrameSearch(PAGE)
    search.update([target])
    assert len(found(search, reports(process.pid, [PAGE]))) == 0
    target.close()
