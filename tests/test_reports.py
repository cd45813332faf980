"""The report buffer and its rings: nothing is lost without being counted."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core._native import ffi, lib
from damon_core.access import REPORT_DTYPE, AccessReport, ReportFlag
from damon_core.matcher import Counters, Matcher
from damon_core.model import AddrRange
from damon_core.regions import RegionMap
from damon_core.reports import ReportBuffer
from tests.scripted_context import touch

PAGE = 4096
START = 0x1000_0000
PID = 5


def one_region() -> RegionMap:
    regions = RegionMap(seed=1)
    regions.add_target(PID)
    regions.set_ranges(0, [AddrRange(START, START + 64 * PAGE)])
    return regions


def ready_buffer(nr_min: int = 4, nr_max: int = 16) -> tuple[ReportBuffer, RegionMap]:
    buffer, regions = ReportBuffer(Matcher(), 1, nr_min, nr_max), one_region()
    buffer.begin_tick(regions, 0)
    return buffer, regions


def test_python_and_c_agree_on_the_layout_of_a_report() -> None:
    assert ffi.sizeof("struct damon_access_report") == REPORT_DTYPE.itemsize == 64
    for name in REPORT_DTYPE.names or ():
        assert ffi.offsetof("struct damon_access_report", name) == REPORT_DTYPE.fields[name][1]  # type: ignore[index]


def test_an_access_report_carries_over_to_c_what_it_knows_and_no_more() -> None:
    row = AccessReport(vaddr=START, pid=PID, cpu=3, is_write=False).to_array()[0]
    assert (row["vaddr"], row["pid"], row["cpu"], row["size"], row["weight"]) == (START, 5, 3, 1, 1)
    assert row["flags"] == ReportFlag.HAS_VADDR | ReportFlag.HAS_CPU | ReportFlag.READ
    assert AccessReport(vaddr=1).flags == ReportFlag.HAS_VADDR


def test_a_full_ring_counts_what_it_drops_and_doubles_up_to_its_limit() -> None:
    buffer, regions = ready_buffer(nr_min=4, nr_max=16)
    (reports,) = buffer.sources
    kept, lost = [], []
    for _ in range(4):
        kept.append(reports.report_access(touch(PID, *[START] * 20)))
        buffer.end_tick()
        lost.append(reports.counters.take().lost)
        buffer.begin_tick(regions, 0)
    assert kept == [4, 8, 16, 16]
    assert lost == [16, 12, 4, 4]


def test_the_monitoring_thread_never_loses_what_it_fills_in_place() -> None:
    buffer, _ = ready_buffer(nr_min=4, nr_max=4)
    (reports,) = buffer.sources
    row = touch(PID, START).tobytes()
    for _ in range(100):
        address, nr = reports.space()
        assert 1 <= nr <= 4
        ffi.buffer(ffi.cast("char *", address), len(row))[:] = row
        reports.commit(1)
    buffer.end_tick()
    counters = reports.counters.take()
    assert (counters.credited, counters.lost) == (100, 0)


def test_reports_of_many_threads_all_arrive_or_are_counted() -> None:
    buffer, regions = ready_buffer(nr_min=64, nr_max=1024)
    (reports,) = buffer.sources
    nr_threads, nr_each = 8, 500
    start = threading.Barrier(nr_threads + 1)

    def produce() -> None:
        start.wait()
        for _ in range(nr_each):
            reports.report_access(AccessReport(vaddr=START, pid=PID))

    threads = [threading.Thread(target=produce) for _ in range(nr_threads)]
    for thread in threads:
        thread.start()
    start.wait()
    while any(thread.is_alive() for thread in threads):
        buffer.end_tick()
        buffer.begin_tick(regions, 0)
    for thread in threads:
        thread.join()
    buffer.end_tick()
    assert reports.counters.read().total == nr_threads * nr_each


def test_the_rings_of_threads_that_have_ended_are_drained_and_let_go() -> None:
    buffer, regions = ready_buffer()
    (reports,) = buffer.sources
    for _ in range(3):
        thread = threading.Thread(target=reports.report_access, args=(touch(PID, START),))
        thread.start()
        thread.join()
    buffer.end_tick()
    buffer.begin_tick(regions, 0)
    buffer.end_tick()
    assert reports.counters.read().credited == 3
    assert len(reports._producers) == 0


@pytest.mark.parametrize(
    "garbage", [np.zeros(3), np.zeros(4, REPORT_DTYPE)[::2], np.zeros(2, [("vaddr", np.uint64)])]
)
def test_garbage_instead_of_reports_is_a_type_error(garbage: np.ndarray) -> None:
    buffer, _ = ready_buffer()
    with pytest.raises(TypeError, match="REPORT_DTYPE"):
        buffer.sources[0].extend(garbage)
    with pytest.raises(TypeError, match="REPORT_DTYPE"):
        buffer.sources[0].report_access(garbage)


def test_reports_outside_a_check_are_refused() -> None:
    buffer, _ = ready_buffer()
    buffer.end_tick()
    with pytest.raises(RuntimeError, match="only in damon_check_accesses"):
        buffer.sources[0].extend(touch(PID, START))


def test_a_bitmap_beyond_the_end_of_addresses_is_refused() -> None:
    regions, matcher = one_region(), Matcher()
    matcher.begin_tick(regions)
    words = np.ones(1, np.uint64)
    for start, page_size in ((2**64 - PAGE, PAGE), (-1, PAGE), (0, 0)):
        with pytest.raises(ValueError, match="does not fit"):
            matcher.credit_bitmap(0, start, page_size, words, 0, Counters())
    with pytest.raises(TypeError, match="uint64"):
        matcher.credit_bitmap(0, 0, PAGE, words.astype(np.int32), 0, Counters())


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.integers(0, 40)),
            st.tuples(st.just("fill"), st.integers(0, 40)),
            st.tuples(st.just("end"), st.just(0)),
        ),
        max_size=40,
    )
)
def test_a_ring_gives_back_in_order_what_it_kept_and_counts_the_rest(
    steps: list[tuple[str, int]],
) -> None:
    """Kept plus lost is what was put in, over any mix of puts, in-place fills and drains."""
    buffer, regions = ready_buffer(nr_min=2, nr_max=32)
    (reports,) = buffer.sources
    put = 0
    for step, nr in steps:
        if step == "end":
            buffer.end_tick()
            buffer.begin_tick(regions, 0)
        elif step == "put":
            reports.report_access(touch(PID, *[START] * nr))
            put += nr
        else:
            address, room = reports.space()
            used = min(room, nr)
            rows = touch(PID, *[START] * used).tobytes()
            if used:
                ffi.buffer(ffi.cast("char *", address), len(rows))[:] = rows
            reports.commit(used)
            put += used
    buffer.end_tick()
    counters = reports.counters.take()
    assert counters.credited + counters.lost == put


def test_a_ring_that_was_never_full_keeps_its_size() -> None:
    ring = ffi.gc(lib.damon_ring_create(8, 64), lib.damon_ring_destroy)
    assert lib.damon_ring_end_interval(ring) == 0
    assert lib.damon_ring_cap(ring) == 8
