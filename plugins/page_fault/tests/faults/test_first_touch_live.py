"""First touches: each is reported once, with what the chosen event can tell of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from damon_core.access import ReportFlag
from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.perf_targets import Scope
from damon_core.target import Target
from damon_core.testing.open_files import no_more_files, open_files
from damon_page_fault.fault_options import FaultEvent
from damon_page_fault.first_touch import FirstTouch
from damon_page_fault.options import Options

from .conftest import PAGE, Faulter, Watch, reads, writes

pytestmark = pytest.mark.live

Start = Callable[..., Faulter]
Watched = Callable[..., Watch]

NO_DIRECTION = [FaultEvent.PAGE_FAULTS, FaultEvent.MINOR_FAULTS]


def first_touch(**options: object) -> FirstTouch:
    # The faults of the whole machine fit, however late we are to look.
    roomy = {"ring_size": "4 MiB", **options}
    return FirstTouch(Options(**roomy))  # type: ignore[arg-type]


@pytest.mark.parametrize("scope", [Scope.MACHINE, Scope.THREADS])
def test_reads_and_writes_are_told_apart_and_each_page_comes_once(
    start: Start, watch: Watched, scope: Scope
) -> None:
    target = start()
    watched = watch(first_touch(scope=scope), target)
    watched.begin()
    rows = watched.interval(lambda: target.tell("write", 10, 30))
    assert target.page_numbers(writes(rows)).tolist() == list(range(10, 30))
    assert not len(reads(target.of_area(rows)))
    rows = watched.interval(lambda: target.tell("read", 30, 40))
    assert target.page_numbers(reads(rows)).tolist() == list(range(30, 40))
    assert not len(writes(target.of_area(rows)))
    rows = watched.interval(lambda: target.tell("write", 10, 40))
    # what was only read maps the zero page: the first write is a fault of its own
    assert target.page_numbers(writes(rows)).tolist() == list(range(30, 40))
    rows = watched.interval(lambda: target.tell("read", 10, 40))
    assert not len(target.of_area(rows))
    assert not watched.told


def test_what_samples_cost_is_charged_and_lengthens_no_interval(
    start: Start, watch: Watched
) -> None:
    target = start()
    watched = watch(first_touch(scope=Scope.THREADS), target)
    watched.ctx._pace_charge = lambda ns: pytest.fail("a longer interval has as many more samples")
    watched.begin()
    watched.interval(lambda: target.tell("write", 0, 50))
    sample_ns = watched.mechanism._opened.source.sample_ns
    assert watched.ctx.target_cpu_ns == watched.ctx.counters["faults"] * sample_ns >= 50 * 900


def test_memory_that_was_given_back_is_touched_anew(start: Start, watch: Watched) -> None:
    target = start()
    watched = watch(first_touch(), target)
    watched.begin()
    for _ in range(2):
        rows = watched.interval(lambda: target.tell("write", 0, 50))
        assert target.page_numbers(rows).tolist() == list(range(50))
        target.tell("drop", 0, 50)


@pytest.mark.parametrize("event", NO_DIRECTION)
def test_software_events_have_no_direction(start: Start, watch: Watched, event: FaultEvent) -> None:
    target = start()
    mechanism = first_touch(fault_event=event)
    watched = watch(mechanism, target)
    watched.begin()
    rows = watched.interval(lambda: target.tell("write", 0, 100))
    assert target.page_numbers(rows).tolist() == list(range(100))
    assert not mechanism.provides.write
    assert not (rows["flags"] & (ReportFlag.WRITE | ReportFlag.READ)).any()


def test_minor_faults_are_no_major_faults(start: Start, watch: Watched) -> None:
    target = start()
    watched = watch(first_touch(fault_event=FaultEvent.MAJOR_FAULTS), target)
    watched.begin()
    assert not len(target.of_area(watched.interval(lambda: target.tell("write", 0, 100))))


def test_what_the_kernel_touches_for_a_process_is_that_of_the_process(
    start: Start, watch: Watched
) -> None:
    target = start()
    watched = watch(first_touch(), target)
    watched.begin()
    rows = watched.interval(lambda: target.tell("syscall", 5, 15))
    assert target.page_numbers(writes(rows)).tolist() == list(range(5, 15))


@pytest.mark.parametrize("scope", [Scope.MACHINE, Scope.THREADS])
def test_faults_of_a_thread_carry_its_id_and_its_cpu(
    start: Start, watch: Watched, scope: Scope
) -> None:
    target = start()
    cpu = max(os.sched_getaffinity(0))
    os.sched_setaffinity(target.pid, {cpu})
    watched = watch(first_touch(scope=scope), target)
    watched.begin()
    tid, _ = target.tell("thread", 0, 20)
    rows = target.of_area(watched.interval(lambda: target.tell("go")))
    assert target.page_numbers(rows).tolist() == list(range(20))
    assert set(rows["tid"].tolist()) == {tid} != {target.pid}
    assert set(rows["cpu"].tolist()) == {cpu}


def test_other_processes_are_not_reported(start: Start, watch: Watched) -> None:
    target, other = start(), start()
    watched = watch(first_touch(scope=Scope.MACHINE), target)
    watched.begin()
    rows = watched.interval(lambda: other.tell("write", 0, 100))
    assert set(rows["pid"].tolist()) <= {target.pid}
    watched.ctx.targets = ()
    watched.mechanism.update_targets(watched.ctx)
    assert not len(watched.interval(lambda: target.tell("write", 0, 100)))
    watched.ctx.targets = [Target.open(target.pid), Target.open(other.pid)]
    watched.mechanism.update_targets(watched.ctx)
    rows = watched.interval(lambda: [one.tell("write", 100, 110) for one in (target, other)])
    assert {target.pid, other.pid} == set(rows["pid"].tolist())
    for one in watched.ctx.targets:
        one.close()


def test_samples_and_losses_are_all_faults_also_in_a_tiny_ring(
    start: Start, watch: Watched
) -> None:
    target = start(20000)
    watched = watch(first_touch(ring_size=PAGE, max_ring_size=PAGE), target)
    watched.begin()
    lost, rows = 0, []
    for part in range(0, 20000, 5000):
        watched.mechanism.prepare(watched.ctx)
        target.tell("write", part, part + 5000)
        watched.mechanism.check(watched.ctx, watched.reports)
        lost += watched.reports.nr_lost
        rows.append(watched.reports.rows())
        watched.reports.clear()
    found = len(target.of_area(np.concatenate(rows)))
    assert 0 < found < 20000
    assert found + lost >= 20000
    counters = watched.ctx.counters
    assert counters["faults"] >= found + lost
    assert counters["rings_grown"] == 0


def test_a_ring_that_overflows_grows_until_nothing_is_lost(start: Start, watch: Watched) -> None:
    target = start(2000)
    os.sched_setaffinity(target.pid, {min(os.sched_getaffinity(0))})
    watched = watch(first_touch(ring_size=PAGE, scope=Scope.THREADS), target)
    watched.begin()
    lost = []
    for _ in range(8):
        watched.mechanism.prepare(watched.ctx)
        target.tell("write", 0, 2000)
        watched.mechanism.check(watched.ctx, watched.reports)
        target.tell("drop", 0, 2000)
        lost.append(watched.reports.nr_lost)
        watched.reports.clear()
    assert lost[0] > 0
    assert lost[-1] == 0
    assert watched.ctx.counters["rings_grown"] >= 5


def test_only_given_ranges_leave_the_kernel(start: Start, watch: Watched) -> None:
    target = start()
    watched = watch(first_touch(), target, ops=Ops.FVADDR)
    (monitored,) = watched.ctx.targets
    third = target.start + 64 * PAGE
    monitored.ranges = (type(target.range)(target.start, third),)
    watched.begin()
    rows = watched.interval(lambda: target.tell("write", 0, 128))
    assert target.page_numbers(rows).tolist() == list(range(64))
    assert watched.ctx.counters["faults"] == 64
    monitored.ranges = (type(target.range)(third, target.range.end),)
    watched.mechanism.update_targets(watched.ctx)
    rows = watched.interval(lambda: target.tell("write", 128, 256))
    assert target.page_numbers(rows).tolist() == list(range(128, 256))
    assert watched.ctx.counters["faults"] == 64 + 128


@pytest.mark.parametrize("event", [FaultEvent.AUTO, FaultEvent.TRACEPOINT])
def test_physical_addresses_are_those_of_pagemap(
    start: Start, watch: Watched, event: FaultEvent
) -> None:
    target = start()
    watched = watch(first_touch(fault_event=event), target, ops=Ops.PADDR)
    watched.begin()
    rows = watched.interval(lambda: target.tell("write", 0, 64))
    with open(f"/proc/{target.pid}/pagemap", "rb") as pagemap:
        pagemap.seek(target.start // PAGE * 8)
        entries = np.frombuffer(pagemap.read(64 * 8), np.uint64)
    frames = (entries & np.uint64((1 << 55) - 1)) * np.uint64(PAGE)
    found = target.of_area(rows)
    assert found["paddr"].tolist() == frames.tolist()
    assert (found["flags"] & ReportFlag.HAS_PADDR != 0).all()
    assert len(writes(found)) == (64 if event is FaultEvent.TRACEPOINT else 0)


def test_page_faults_before_the_page_is_there_have_no_physical_address(watch: Watched) -> None:
    watched = watch(first_touch(fault_event=FaultEvent.PAGE_FAULTS), ops=Ops.PADDR)
    with pytest.raises(PrimitiveError, match="use minor-faults, major-faults or tracepoint"):
        watched.begin()


def test_a_target_that_has_ended_is_no_error(start: Start, watch: Watched) -> None:
    for scope in (Scope.MACHINE, Scope.THREADS):
        target = start()
        watched = watch(first_touch(scope=scope), target)
        watched.begin()
        target.kill()
        watched.interval()
        watched.ctx.targets = ()
        watched.mechanism.update_targets(watched.ctx)
        watched.interval()


def test_new_threads_without_files_for_them_are_told_and_tried_again(
    start: Start, watch: Watched
) -> None:
    target = start()
    watched = watch(first_touch(scope=Scope.THREADS), target)
    watched.begin()
    watched.interval()
    tid, _ = target.tell("thread", 0, 20)
    with no_more_files():
        watched.interval()
    (told,) = watched.told
    assert "new threads are not sampled: " in told
    assert watched.ctx.counters["intervals_without_new_threads"] == 1
    rows = watched.interval(lambda: target.tell("go"))
    assert set(target.of_area(rows)["tid"].tolist()) == {tid}


def test_nothing_stays_open(start: Start, watch: Watched) -> None:
    target = start()
    before = None
    for _ in range(2):
        mechanism = first_touch(fault_event=FaultEvent.TRACEPOINT)
        watched = watch(mechanism, ops=Ops.PADDR)
        watched.begin()
        watched.interval(lambda: target.tell("write", 0, 10))
        mechanism.cleanup()
        mechanism.cleanup()
        assert before in (None, open_files())
        before = open_files()


def test_everybody_may_watch_processes_of_their_own_in_user_mode(faulter: Path) -> None:
    source = Path(__file__).with_name("unprivileged.py")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(faulter, folder)
        said = subprocess.run(
            [sys.executable, source, program], stdout=subprocess.PIPE, text=True, check=False
        )
    assert said.returncode == 0, said.stdout
    told, user_mode, kernel_mode = said.stdout.splitlines()
    assert "only faults in user mode are sampled" in told
    assert user_mode == "20 pages, no direction"
    assert kernel_mode == "0 pages, no direction"
