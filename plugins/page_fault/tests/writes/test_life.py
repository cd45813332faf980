"""A process lives on while watched: it maps, moves, forks, executes, ends; and is let go whole."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from damon_core.errors import PrimitiveError
from damon_core.model import AddrRange
from damon_page_fault.options import Choice, Thp

from .conftest import HUGE, PAGE, Start, Watch

pytestmark = pytest.mark.live

ALL_ABSENT = ("anon", "shmem", "memfd_private", "file_private", "file_shared")

MONITOR = """
import sys
from damon_core import PrimitiveContext
from damon_core.model import Intervals, Ops
from damon_core.target import Target
from damon_core.testing import RecordedReports
from damon_core.vaddr import Vaddr
from damon_page_fault.options import Options
from damon_page_fault.plugin import PageFault

target = Target.open(int(sys.argv[1]))
target.ranges = Vaddr().ranges(target)
reports = RecordedReports()
ctx = PrimitiveContext("page_fault", Ops.VADDR, Intervals(), 4096, reports, (target,))
primitive = PageFault(Options(inject=True))
primitive.damon_init(ctx)
primitive.damon_update_targets(ctx)
primitive.damon_check_accesses(ctx, reports)
print("watching", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ALL_ABSENT)
def test_a_page_that_comes_to_be_is_reported_if_it_is_written_and_not_if_it_is_read(
    writers: Start, watch: Watch, kind: str
) -> None:
    process = writers(kind, 4096, sparse=True, nr_readers=0)
    tick = watch(process)
    assert tick.pages(process) == set()
    process.tell("read", 1000, 1010)
    assert tick.pages(process) == set()
    process.tell("write", 3000, 3003)
    assert tick.pages(process) == {3000, 3001, 3002}
    process.tell("write", 1005, 1006)
    process.tell("read", 0, 4096)
    assert tick.pages(process) == {1005}


@pytest.mark.parametrize("kind", ["anon", "shmem", "file_private"])
def test_dropped_pages_are_no_writes(writers: Start, watch: Watch, kind: str) -> None:
    process = writers(kind, 4096, nr_readers=0)
    tick = watch(process)
    process.tell("drop", 100, 200)
    assert tick.pages(process) == set()
    process.tell("read", 100, 150)
    if kind != "file_private":  # what it had written is gone; the file's own page comes back
        assert tick.pages(process) == set()
    tick()
    process.tell("write", 160, 161)
    assert tick.pages(process) == {160}


def test_what_is_written_to_a_new_mapping_is_seen_in_the_same_interval(
    writers: Start, watch: Watch
) -> None:
    process = writers()
    tick = watch(process)
    for _ in range(3):
        (said,) = process.tell("map", 1000)
        tick.follow()
        assert int(said) + 5 * PAGE in tick()


def test_a_mapping_is_found_between_two_updates(writers: Start, watch: Watch) -> None:
    process = writers()
    tick = watch(process)
    tick.target.ranges = (AddrRange(PAGE, 1 << 47),)  # wherever it may come to lie
    tick.primitive.damon_update_targets(tick.ctx)
    tick()
    (said,) = process.tell("map", 4096)
    assert [addr - int(said) for addr in tick() if 0 <= addr - int(said) < 4096 * PAGE] == [
        5 * PAGE
    ]


def test_moved_pages_are_reported_once_and_then_when_they_are_written(
    writers: Start, watch: Watch
) -> None:
    process = writers(nr_readers=0)
    tick = watch(process)
    (said,) = process.tell("move", 1024, 2048)
    tick.follow()
    moved = range(int(said), int(said) + 1024 * PAGE, PAGE)
    assert set(moved) <= tick()
    tick.follow()
    assert not set(moved) & tick()


def test_a_mapping_replaced_in_place_is_noticed_and_watched_at_once(
    writers: Start, watch: Watch
) -> None:
    process = writers(nr_readers=0)
    tick = watch(process)
    process.tell("write", 50, 52)
    process.tell("replace", 100, 200)
    process.tell("write", 300, 302)
    assert tick.pages(process) == {50, 51, *range(100, 200), 300, 301}
    assert tick.ctx.counters["mappings_replaced"] >= 1
    process.tell("write", 150, 151)
    assert tick.pages(process) == {150}


def test_what_a_child_of_fork_writes_is_not_taken_for_its_parents(
    writers: Start, watch: Watch
) -> None:
    process = writers(nr_readers=0)
    tick = watch(process)
    process.tell("fork")
    assert tick.pages(process) == set()
    process.tell("write", 7, 9)
    assert tick.pages(process) == {7, 8}


@pytest.mark.parametrize("inject", [False, True])
def test_a_program_executed_in_its_place_is_watched_anew(
    writers: Start, watch: Watch, inject: bool
) -> None:
    process = writers(cooperates=not inject)
    tick = watch(process, inject=inject)
    process.exec()
    tick.follow()
    assert tick.pages(process) == set()
    process.tell("write", 1, 3)
    assert tick.pages(process) == {1, 2}
    assert tick.ctx.counters["programs_executed"] == 1


def test_a_process_that_ends_while_it_is_watched_ends_as_it_would_have(
    writers: Start, watch: Watch
) -> None:
    process = writers()
    tick = watch(process)
    assert process.status() == 0
    assert tick() == set()
    tick.primitive.damon_update_targets(tick.ctx)
    assert tick() == set()


def test_no_trace_is_left_of_a_watch_that_ends(writers: Start, watch: Watch) -> None:
    process = writers("thp")
    tick = watch(process)
    assert "uw" in process.flags()
    tick.primitive.damon_cleanup(tick.ctx)
    assert "uw" not in process.flags()
    process.tell("round", 1, 1600)


def test_no_trace_is_left_of_a_monitor_that_is_killed(writers: Start) -> None:
    process = writers(cooperates=False)
    command = [sys.executable, "-c", MONITOR, str(process.pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as monitor:
        assert monitor.stdout is not None
        assert monitor.stdout.readline() == b"watching\n"
        assert "uw" in process.flags()
        monitor.send_signal(signal.SIGKILL)
    assert "uw" not in process.flags()
    process.tell("round", 1, 1600)


def test_memory_that_the_process_watches_itself_is_left_to_it(writers: Start, watch: Watch) -> None:
    process = writers(nr_readers=0)
    process.tell("own", 1024, 2048)
    process.tell("scan")
    tick = watch(process)
    process.tell("write", 1000, 1050)
    assert tick.pages(process) == set(range(1000, 1024))
    assert process.tell("scan") == ["26"], "its own watch must go on undisturbed"
    assert tick.ctx.counters["busy_bytes"] == 1024 * PAGE
    assert any("another userfaultfd" in text for text in tick.told)


def test_huge_pages_are_split_by_writes_and_that_is_said(writers: Start, watch: Watch) -> None:
    process = writers("thp", 8 * HUGE, nr_readers=0)
    before = huge_kb(process.pid)
    if not before:
        pytest.skip(
            "needs transparent huge pages: echo madvise > /sys/kernel/mm/"
            "transparent_hugepage/enabled"
        )
    tick = watch(process)
    process.tell("write", 5, 6)
    process.tell("write", HUGE, HUGE + 1)
    assert tick.pages(process) == {5, HUGE}
    assert huge_kb(process.pid) == before - 2 * 2048
    assert tick.ctx.counters["huge_bytes"] == before * 1024
    assert any("splits" in text for text in tick.told)


def test_huge_pages_can_be_left_whole_and_are_not_seen_then(writers: Start, watch: Watch) -> None:
    process = writers("thp", 8 * HUGE, nr_readers=0)
    before = huge_kb(process.pid)
    if not before:
        pytest.skip(
            "needs transparent huge pages: echo madvise > /sys/kernel/mm/"
            "transparent_hugepage/enabled"
        )
    tick = watch(process, thp=Thp.SKIP)
    process.tell("write", 5, 6)
    assert tick.pages(process) == set()
    assert huge_kb(process.pid) == before
    assert any("nothing is seen" in text for text in tick.told)


def test_nothing_is_injected_unasked(writers: Start, watch: Watch) -> None:
    process = writers(cooperates=False)
    for choice in (Choice.AUTO, Choice.WP_ASYNC):
        with pytest.raises(PrimitiveError, match=r"inject: yes.*cooperate\(\).*hint_faults"):
            watch(process, mechanism=choice)


def test_what_an_injection_has_cost_is_told(writers: Start, watch: Watch) -> None:
    process = writers(cooperates=False)
    tick = watch(process, inject=True)
    (text,) = [text for text in tick.told if "stopped" in text]
    assert str(process.pid) in text
    assert text.rstrip().endswith("open a userfaultfd in it")
    process.tell("write", 1, 2)
    assert 1 in tick.pages(process)


def huge_kb(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("AnonHuge"))
