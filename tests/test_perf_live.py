"""Perf events of real processes: what was sampled and what was lost are all there was."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest

from damon_core.access import ReportFlag
from damon_core.errors import PrimitiveError
from damon_core.perf_attr import AttrFlag, PerfAttr, PerfType, ReadFormat, SampleType, SoftwareEvent
from damon_core.perf_decoding import Direction, PerfDecoding
from damon_core.perf_event import PerfError, PerfEvent
from damon_core.perf_ring import PerfRing
from damon_core.perf_sampling import PerfSampling
from damon_core.testing import RecordedReports, Toucher
from damon_core.testing.open_files import no_more_files, open_files
from damon_core.tracepoint import read_tracepoint

pytestmark = pytest.mark.live

PAGE = os.sysconf("SC_PAGE_SIZE")
USER_END = 1 << 47
BASIC = SampleType.TID | SampleType.TIME | SampleType.ADDR | SampleType.CPU
LARGE = 4 << 20  # the faults of the whole machine fit, however late we are to look
NOTHING = SampleType(0)


def faults(config: int = SoftwareEvent.PAGE_FAULTS, more: SampleType = NOTHING) -> PerfAttr:
    return PerfAttr(
        type=PerfType.SOFTWARE,
        config=config,
        sample_period=1,
        sample_type=BASIC | more,
        flags=AttrFlag.USE_CLOCKID,
    )


def sampling(attr: PerfAttr, size: int = LARGE, max_size: int = LARGE) -> PerfSampling:
    decoding = PerfDecoding(sample_type=attr.sample_type, user_end=USER_END)
    return PerfSampling([attr], decoding, ring_size=size, max_ring_size=max_size)


@pytest.fixture
def toucher() -> Iterator[Toucher]:
    with Toucher(page_size=PAGE) as toucher:
        yield toucher


@pytest.fixture
def reports() -> RecordedReports:
    return RecordedReports(cap=100)


def in_area(rows: np.ndarray, toucher: Toucher) -> np.ndarray:
    area = toucher.range
    return rows[(rows["vaddr"] >= area.start) & (rows["vaddr"] < area.end)]


@pytest.mark.parametrize("whole_machine", [True, False])
def test_every_page_fault_of_a_process_is_reported_once_where_it_happened(
    toucher: Toucher, reports: RecordedReports, whole_machine: bool
) -> None:
    events = sampling(faults())
    events.open((-1,) if whole_machine else (toucher.pid,))
    events.decoder.only([toucher.pid])
    events.enable()
    touched = toucher.touch(10, 1000)
    events.disable()
    events.drain(reports, 0)
    events.close()
    rows = in_area(reports.rows(), toucher)
    assert sorted(rows["vaddr"].tolist()) == list(range(touched.start, touched.end, PAGE))
    assert set(rows["pid"].tolist()) == set(rows["tid"].tolist()) == {toucher.pid}
    assert set(rows["cpu"].tolist()) <= os.sched_getaffinity(0)
    totals = events.totals
    assert totals.nr_lost == reports.nr_lost == 0
    if not whole_machine:  # else somebody may be just in the middle of a fault
        assert totals.nr_events == totals.counts.samples


def test_what_a_ring_had_no_room_for_is_counted_exactly_and_the_ring_grows(
    toucher: Toucher, reports: RecordedReports
) -> None:
    os.sched_setaffinity(toucher.pid, {min(os.sched_getaffinity(0))})
    events = sampling(faults(), size=PAGE, max_size=16 * PAGE)
    events.open([toucher.pid])
    events.enable()
    grown = []
    for part in range(6):
        toucher.touch(part * 300, 300)
        events.drain(reports, 0)
        grown.append(events.totals.nr_grown)
    events.disable()
    events.drain(reports, 0)
    totals = events.totals
    events.close()
    # 300 faults of 40 bytes fit into four pages, and not into two
    assert grown == [1, 2, 2, 2, 2, 2]
    assert totals.nr_lost == reports.nr_lost > 0
    assert totals.counts.samples == totals.counts.reports == len(reports.rows())
    assert totals.nr_events == totals.counts.samples + totals.nr_lost
    last = in_area(reports.rows(), toucher)["vaddr"] >= toucher.range.start + 2 * 300 * PAGE
    assert last.sum() == 4 * 300, "something was lost after the ring was large enough"


def test_events_that_go_on_while_their_ring_is_exchanged_lose_nothing(
    reports: RecordedReports,
) -> None:
    script = (
        "import mmap, sys\n"
        "print(flush=True)\n"
        "sys.stdin.readline()\n"
        "for _ in range(40):\n"
        "    memory = mmap.mmap(-1, 500 * mmap.PAGESIZE)\n"
        "    memory.madvise(mmap.MADV_NOHUGEPAGE)\n"
        "    memory[:: mmap.PAGESIZE] = bytes(500)\n"
        "    memory.close()\n"
        "    print(flush=True)\n"
        "sys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    try:
        process.stdout.readline()
        events = sampling(faults(), size=PAGE, max_size=LARGE)
        events.open([process.pid])
        events.enable()
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()  # by now the ring was full, and the process goes on
        while events.totals.nr_events < 20000:
            events.drain(reports, 0)
        for _ in range(39):
            process.stdout.readline()
        events.disable()
        events.drain(reports, 0)
        events.drain(reports, 0)
        totals = events.totals
        events.close()
    finally:
        process.kill()
        process.communicate()
    assert totals.nr_grown > 0
    assert totals.counts.corrupt == totals.counts.others == 0
    assert totals.nr_events == totals.counts.samples + totals.nr_lost
    assert totals.nr_lost == reports.nr_lost


def test_a_breakpoint_reports_each_access_to_its_address(reports: RecordedReports) -> None:
    place = ctypes.c_uint64()
    address = ctypes.addressof(place)
    writes = 2
    attr = PerfAttr(
        type=PerfType.BREAKPOINT,
        bp_type=writes,
        config1=address,
        config2=8,
        sample_period=1,
        sample_type=BASIC | SampleType.PHYS_ADDR,
        flags=AttrFlag.USE_CLOCKID | AttrFlag.EXCLUDE_KERNEL,
    )
    events = sampling(attr)
    try:
        events.open([0])
    except PerfError as error:
        if error.errno in (errno.ENOENT, errno.EOPNOTSUPP, errno.ENOSPC):
            pytest.skip(f"needs hardware breakpoints: {error}")
        raise
    events.enable()
    for number in range(500):
        place.value = number
    events.disable()
    events.drain(reports, 0)
    totals = events.totals
    events.close()
    rows = reports.rows()
    assert totals.nr_events == len(rows) == 500
    assert set(rows["vaddr"].tolist()) == {address}
    assert len(set(rows["paddr"].tolist())) == 1
    assert rows["paddr"][0] % PAGE == address % PAGE
    for cpu in set(rows["cpu"].tolist()):  # one ring after the other
        times = rows["time_ns"][rows["cpu"] == cpu].astype(np.int64)
        assert (np.diff(times) >= 0).all()


def test_minor_faults_have_the_physical_address_that_pagemap_has(
    toucher: Toucher, reports: RecordedReports
) -> None:
    events = sampling(faults(SoftwareEvent.PAGE_FAULTS_MIN, SampleType.PHYS_ADDR))
    events.open([toucher.pid])
    events.enable()
    touched = toucher.touch(0, 64)
    events.drain(reports, 0)
    events.close()
    rows = in_area(reports.rows(), toucher)
    with open(f"/proc/{toucher.pid}/pagemap", "rb") as pagemap:
        pagemap.seek(touched.start // PAGE * 8)
        entries = np.frombuffer(pagemap.read(64 * 8), np.uint64)
    frames = (entries & np.uint64((1 << 55) - 1)) * np.uint64(PAGE)
    assert rows["paddr"].tolist() == frames.tolist()


def test_a_thread_that_has_ended_is_no_error(reports: RecordedReports) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    events = sampling(faults())
    events.open([ended.pid])
    assert events.totals.nr_events == 0
    events.close()


def test_threads_can_be_followed_and_let_go(toucher: Toucher, reports: RecordedReports) -> None:
    events = sampling(faults())
    events.open([])
    events.enable()
    toucher.touch(0, 10)
    events.follow([toucher.pid], reports)
    toucher.touch(10, 10)
    events.follow([], reports)
    toucher.touch(20, 10)
    events.drain(reports, 0)
    totals = events.totals
    events.close()
    pages = (in_area(reports.rows(), toucher)["vaddr"] - np.uint64(toucher.range.start)) // PAGE
    assert pages.tolist() == list(range(10, 20))
    assert totals.nr_events == totals.counts.samples


def test_processors_that_come_and_go_are_followed(
    toucher: Toucher, reports: RecordedReports, tmp_path: Path
) -> None:
    first = min(os.sched_getaffinity(0))
    os.sched_setaffinity(toucher.pid, {first})
    (tmp_path / "present").write_text(f"{first}-{first + 1}\n")
    (tmp_path / "online").write_text(f"{first}\n")
    decoding = PerfDecoding(sample_type=BASIC, user_end=USER_END)
    events = PerfSampling(
        [faults()], decoding, ring_size=LARGE, max_ring_size=LARGE, sysfs=tmp_path
    )
    events.open([toucher.pid])
    events.enable()
    assert events.offline == {first + 1}
    toucher.touch(0, 10)
    (tmp_path / "online").write_text("\n")
    events.follow_cpus(reports, 0)
    assert events.offline == {first, first + 1}
    seen = events.totals.nr_events
    assert seen >= 10
    toucher.touch(10, 10)
    assert events.totals.nr_events == seen
    (tmp_path / "online").write_text(f"{first}\n")
    events.follow_cpus(reports, 0)
    toucher.touch(20, 10)
    events.drain(reports, 0)
    assert events.totals.nr_events >= seen + 10
    events.close()
    pages = (in_area(reports.rows(), toucher)["vaddr"] - np.uint64(toucher.range.start)) // PAGE
    assert pages.tolist() == [*range(10), *range(20, 30)]


def test_a_processor_for_which_there_are_no_files_is_tried_again(
    toucher: Toucher, reports: RecordedReports, tmp_path: Path
) -> None:
    cpu = min(os.sched_getaffinity(0))
    os.sched_setaffinity(toucher.pid, {cpu})
    (tmp_path / "present").write_text(f"{cpu}\n")
    (tmp_path / "online").write_text(f"{cpu}\n")
    refusals: list[int] = []

    def opener(attr: PerfAttr, *, pid: int = -1, cpu: int = -1, group_fd: int = -1) -> PerfEvent:
        if refusals:
            raise PerfError("an event cannot be opened", refusals.pop())
        return PerfEvent(attr, pid=pid, cpu=cpu, group_fd=group_fd)

    events = PerfSampling(
        [faults()],
        PerfDecoding(sample_type=BASIC, user_end=USER_END),
        ring_size=PAGE,
        max_ring_size=PAGE,
        sysfs=tmp_path,
        opener=opener,
    )
    events.open([toucher.pid])
    events.enable()
    (tmp_path / "online").write_text("\n")
    events.follow_cpus(reports, 0)
    reports.clear()
    (tmp_path / "online").write_text(f"{cpu}\n")
    refusals.append(errno.EMFILE)
    before = open_files()
    with pytest.raises(PerfError, match="too many open files"):
        events.follow_cpus(reports, 0)
    assert open_files() == before
    events.follow_cpus(reports, 0)
    toucher.touch(0, 10)
    events.drain(reports, 0)
    events.close()
    assert len(in_area(reports.rows(), toucher)) == 10


def test_nothing_stays_open_also_when_files_run_out(toucher: Toucher) -> None:
    events = sampling(faults())
    events.open([toucher.pid])
    events.close()
    before = open_files()
    events = sampling(faults())
    events.open([toucher.pid])
    events.close()
    events.close()
    assert open_files() == before
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for more in range(2):
        lowest = os.open("/dev/null", os.O_RDONLY)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + more, hard))
        try:
            with pytest.raises(PerfError, match="too many open files: raise the limit"):
                sampling(faults()).open([toucher.pid])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert open_files() == before


def test_an_event_that_the_kernel_does_not_have_is_explained() -> None:
    with no_more_files(), pytest.raises(PerfError, match="too many open files") as caught:
        PerfEvent(faults(), pid=0)
    assert caught.value.errno == errno.EMFILE
    with pytest.raises(PerfError, match="no such event"):
        PerfEvent(PerfAttr(type=0x7FFF), pid=0)
    with pytest.raises(PerfError, match="no thread 4194305"):
        PerfEvent(faults(), pid=4194305)
    with pytest.raises(PrimitiveError, match="cannot be described"):
        PerfEvent(PerfAttr(type=-1), pid=0)


def test_a_filter_that_the_kernel_does_not_take_is_an_error() -> None:
    with PerfEvent(faults(), pid=0) as event, pytest.raises(PerfError, match="cannot be filtered"):
        event.set_filter("address >= 0x1000")


def test_the_kernel_drops_what_a_filter_does_not_let_through(
    toucher: Toucher, reports: RecordedReports
) -> None:
    tracepoint = read_tracepoint("exceptions", "page_fault_user")
    attr = PerfAttr(
        type=PerfType.TRACEPOINT,
        config=tracepoint.id,
        sample_period=1,
        sample_type=SampleType.TID | SampleType.RAW,
        flags=AttrFlag.USE_CLOCKID,
    )
    address, error_code = (tracepoint.field(name, 8).offset for name in ("address", "error_code"))
    decoding = PerfDecoding(
        sample_type=attr.sample_type,
        direction=Direction.RAW,
        raw_addr=address,
        raw_write=error_code,
        write_mask=2,
    )
    start = toucher.range.start
    events = PerfSampling(
        [attr],
        decoding,
        ring_size=LARGE,
        max_ring_size=LARGE,
        filter=f"address >= {start:#x} && address < {start + 5 * PAGE:#x}",
    )
    events.open()
    events.enable()
    toucher.touch(0, 10)
    events.drain(reports, 0)
    assert events.totals.nr_events == 5
    events.set_filter(f"address == {start + 17 * PAGE:#x}", reports)
    toucher.touch(10, 10)
    events.drain(reports, 0)
    assert events.totals.nr_events == 6
    events.close()
    rows = reports.rows()
    assert ((rows["vaddr"] - np.uint64(start)) // PAGE).tolist() == [0, 1, 2, 3, 4, 17]
    assert (rows["flags"] & ReportFlag.WRITE != 0).all()


def test_attributes_are_as_small_as_what_they_hold() -> None:
    sizes = [
        len(PerfAttr(type=1).pack()),
        len(PerfAttr(type=5, config2=8).pack()),
        len(PerfAttr(type=1, flags=AttrFlag.USE_CLOCKID).pack()),
        len(PerfAttr(type=1, config3=1).pack()),
    ]
    assert sizes == [64, 72, 96, 136]
    packed = PerfAttr(type=1, config=2, precise_ip=3).pack()
    assert int.from_bytes(packed[4:8], "little") == 64
    assert int.from_bytes(packed[40:48], "little") == 1 | 3 << 15


def test_reading_an_event_gives_what_was_asked_for() -> None:
    everything = PerfAttr(
        type=PerfType.SOFTWARE,
        config=SoftwareEvent.DUMMY,
        read_format=ReadFormat.TOTAL_TIME_ENABLED
        | ReadFormat.TOTAL_TIME_RUNNING
        | ReadFormat.ID
        | ReadFormat.LOST,
    )
    with PerfEvent(everything, pid=0) as event:
        count = event.read()
    assert (count.value, count.time_enabled, count.time_running, count.lost) == (0, 0, 0, 0)
    assert count.id


def test_a_ring_takes_what_memory_may_be_locked() -> None:
    """As an unprivileged user, whom the limits hold."""
    source = (
        "import os, resource\n"
        "from damon_core.perf_ring import PerfRing\n"
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))\n"
        "os.setuid(65534)\n"
        "rings = []\n"
        "try:\n"
        "    while True:\n"
        "        rings.append(PerfRing(0, 1 << 20))\n"
        "except Exception as error:\n"
        "    print(rings[0].size, type(error).__name__, error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    size, name, why = said.split(maxsplit=2)
    assert PAGE <= int(size) <= 1 << 20
    assert name == "PerfError"
    assert "CAP_IPC_LOCK, or raise RLIMIT_MEMLOCK" in why


def test_the_whole_machine_may_not_be_sampled_by_everybody() -> None:
    source = (
        "import os\n"
        "from damon_core.perf_event import PerfEvent, PerfError\n"
        "from damon_core.perf_attr import PerfAttr\n"
        "os.setuid(65534)\n"
        "try:\n"
        "    PerfEvent(PerfAttr(type=1, config=2), cpu=0)\n"
        "except PerfError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert "CAP_PERFMON, or with sysctl kernel.perf_event_paranoid=0 (it is " in said


def test_a_ring_that_is_closed_twice_is_closed() -> None:
    before = open_files()
    ring = PerfRing(0, PAGE)
    ring.close()
    ring.close()
    assert open_files() == before


TIMES = ReadFormat.TOTAL_TIME_ENABLED | ReadFormat.TOTAL_TIME_RUNNING


def test_a_longer_period_gives_fewer_samples_that_weigh_more(
    toucher: Toucher, reports: RecordedReports
) -> None:
    os.sched_setaffinity(toucher.pid, {min(os.sched_getaffinity(0))})
    events = sampling(faults(SoftwareEvent.PAGE_FAULTS_MIN))
    events.open([toucher.pid])
    events.enable()
    for part, period in enumerate((1, 4, 1)):
        events.set_period(period)
        toucher.touch(part * 100, 100)
        reports.clear()
        events.drain(reports, 0)
        rows = in_area(reports.rows(), toucher)
        assert set(rows["weight"].tolist()) == {period}
        # Its other memory faults as well, so that not just every fourth of these is a sample.
        assert len(rows) == 100 if period == 1 else 20 <= len(rows) <= 30
    assert events.totals.nr_events >= 300
    events.close()


def test_events_of_threads_that_come_later_have_the_period_of_now(
    toucher: Toucher, reports: RecordedReports
) -> None:
    os.sched_setaffinity(toucher.pid, {min(os.sched_getaffinity(0))})
    events = sampling(faults(SoftwareEvent.PAGE_FAULTS_MIN))
    events.open([])
    events.enable()
    events.set_period(10)
    events.follow([toucher.pid], reports)
    toucher.touch(0, 100)
    events.drain(reports, 0)
    events.close()
    assert 5 <= len(in_area(reports.rows(), toucher)) <= 12


def test_a_leader_is_opened_first_and_counts_without_samples(
    toucher: Toucher, reports: RecordedReports
) -> None:
    leader = PerfAttr(
        type=PerfType.SOFTWARE, config=SoftwareEvent.PAGE_FAULTS, flags=AttrFlag.USE_CLOCKID
    )
    opened = []

    def opener(attr: PerfAttr, *, pid: int = -1, cpu: int = -1, group_fd: int = -1) -> PerfEvent:
        event = PerfEvent(attr, pid=pid, cpu=cpu, group_fd=group_fd)
        opened.append((event.fd, attr.config, group_fd))
        return event

    before = open_files()
    events = PerfSampling(
        [faults(SoftwareEvent.PAGE_FAULTS_MIN)],
        PerfDecoding(sample_type=BASIC, user_end=USER_END),
        ring_size=LARGE,
        max_ring_size=LARGE,
        leader=leader,
        cpus=frozenset({min(os.sched_getaffinity(0))}),
        opener=opener,
    )
    os.sched_setaffinity(toucher.pid, {min(os.sched_getaffinity(0))})
    events.open([toucher.pid])
    ((leader_fd, first, no_group), (_, second, group)) = opened
    assert (first, second) == (SoftwareEvent.PAGE_FAULTS, SoftwareEvent.PAGE_FAULTS_MIN)
    assert (no_group, group) == (-1, leader_fd)
    assert events.nr_opened == 1
    toucher.touch(0, 10)
    events.enable()
    toucher.touch(10, 100)
    events.disable()
    toucher.touch(110, 10)
    events.drain(reports, 0)
    assert len(in_area(reports.rows(), toucher)) == 100
    events.follow([], reports)
    assert events.nr_opened == 0
    events.close()
    assert open_files() == before


def test_processors_that_cannot_count_an_event_are_left_out_and_named(
    toucher: Toucher, reports: RecordedReports, tmp_path: Path
) -> None:
    """As on machines with two kinds of core."""
    can = min(os.sched_getaffinity(0))
    (tmp_path / "present").write_text(f"{can}-{can + 2}\n")
    (tmp_path / "online").write_text(f"{can}-{can + 1}\n")
    nobody: set[int] = set()

    def opener(attr: PerfAttr, *, pid: int = -1, cpu: int = -1, group_fd: int = -1) -> PerfEvent:
        if cpu != can or can in nobody:
            raise PerfError("an event cannot be opened", errno.ENODEV)
        return PerfEvent(attr, pid=pid, cpu=cpu, group_fd=group_fd)

    def over(cpus: frozenset[int] | None) -> PerfSampling:
        return PerfSampling(
            [faults()],
            PerfDecoding(sample_type=BASIC),
            ring_size=PAGE,
            max_ring_size=PAGE,
            cpus=cpus,
            sysfs=tmp_path,
            opener=opener,
        )

    before = open_files()
    events = over(None)
    events.open([toucher.pid])
    assert (events.unable, events.offline, events.nr_opened) == ({can + 1}, {can + 2}, 1)
    events.close()
    events = over(frozenset({can}))
    events.open([toucher.pid])
    assert (events.unable, events.offline, events.nr_opened) == (set(), set(), 1)
    events.close()
    nobody.add(can)
    with pytest.raises(PerfError, match="no processor can count it"):
        over(None).open([toucher.pid])
    assert open_files() == before


def test_the_time_for_which_an_event_counted_is_summed_up(
    toucher: Toucher, reports: RecordedReports
) -> None:
    attr = attrs.evolve(faults(), read_format=TIMES | ReadFormat.LOST)
    events = sampling(attr)
    events.open()
    events.enable()
    toucher.touch(0, 100)
    events.drain(reports, 0)
    totals = events.totals
    events.close()
    assert totals.enabled_ns == totals.running_ns > 0
