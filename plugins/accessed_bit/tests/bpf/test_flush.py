"""The TLB is flushed after a clear: otherwise the hottest pages look idle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from damon_accessed_bit import tlb
from damon_accessed_bit._native import lib
from damon_accessed_bit.eviction import TlbEviction
from damon_accessed_bit.options import Flush
from damon_core.model import AddrRange
from damon_core.target import Target

pytestmark = pytest.mark.live

Start = Callable[..., Any]
WAIT_MS = 20_000
PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def eviction() -> Iterator[TlbEviction]:
    eviction = TlbEviction()
    yield eviction
    eviction.close()


@pytest.fixture
def soft_dirty(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a kernel with soft-dirty bits."""
    monkeypatch.setattr(tlb, "has_soft_dirty", lambda: True)


def evictors(parent: int) -> list[int]:
    """Processes of the program below ``parent``, at whatever depth."""
    with open(f"/proc/{parent}/task/{parent}/children") as file:
        children = [int(pid) for pid in file.read().split()]
    found = []
    for pid in children:
        with open(f"/proc/{pid}/comm") as file:
            found += [pid] * file.read().startswith("damon-tlb-evict")
        found += evictors(pid)
    return found


def test_where_the_kernel_has_no_soft_dirty_bits_clear_refs_flushes(watched: Start) -> None:
    if tlb.has_soft_dirty():
        pytest.skip("this kernel has CONFIG_MEM_SOFT_DIRTY")
    _, _, walk = watched(flush=Flush.AUTO)
    assert not walk.told
    assert walk.mechanism.provides.disturbs.endswith("; flushes the TLB")
    assert not evictors(os.getpid())


@pytest.mark.uninstrumented
@pytest.mark.usefixtures("soft_dirty")
def test_where_it_has_them_address_spaces_are_switched(watched: Start) -> None:
    child, target, walk = watched(flush=Flush.AUTO)
    assert not walk.told
    assert len(evictors(os.getpid())) == 7
    assert "seven tiny processes" in walk.mechanism.provides.disturbs
    touched = child.touched(1, 0.5)
    assert walk.finds(touched, target, child.range, lambda: child.touch(1, 0.5))
    walk.mechanism.cleanup()
    assert not evictors(os.getpid())


@pytest.mark.usefixtures("soft_dirty")
def test_where_that_fails_it_is_said_and_all_else_works(
    watched: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise FileNotFoundError("no program")

    monkeypatch.setattr(tlb, "TlbEviction", refuse)
    child, _, walk = watched(flush=Flush.AUTO)
    assert walk.told == [tlb.CANNOT_EVICT.format(error="no program")]
    assert any(walk.interval(lambda: child.touch(1, 1.0)).calls for _ in range(6))


@pytest.mark.usefixtures("soft_dirty")
def test_the_flush_that_protects_pages_is_spoken_of(watched: Start) -> None:
    _, _, walk = watched(flush=Flush.ALWAYS)
    assert "protects all pages against writes" in walk.mechanism.provides.disturbs


def are_soft_dirty(child: Any) -> np.ndarray:
    """Whether each page was written since soft-dirty bits were last cleared (pagemap, bit 55)."""
    with open(f"/proc/{child.pid}/pagemap", "rb") as file:
        file.seek(child.start // PAGE * 8)
        return np.frombuffer(file.read(child.nr_pages * 8), np.uint64) >> np.uint64(55) & 1 == 1


@pytest.mark.parametrize(("flush", "stay"), [(Flush.AUTO, True), (Flush.ALWAYS, False)])
def test_soft_dirty_bits_are_left_to_others_unless_told_to_flush_always(
    watched: Start, flush: Flush, stay: bool
) -> None:
    if lib.soft_dirty_works() != 1:
        pytest.skip("needs CONFIG_MEM_SOFT_DIRTY=y, as the kernel of tools/vm-kernels lab has")
    child, _, walk = watched(flush=flush)
    child.populate()
    assert are_soft_dirty(child).all()
    walk.interval(lambda: child.touch(1, 0.5))
    assert are_soft_dirty(child).any() == stay


def test_flushing_can_be_forbidden_and_is_then_spoken_of(watched: Start) -> None:
    child, target, walk = watched(flush=Flush.NEVER)
    assert walk.told == [tlb.NOT_FLUSHED]
    assert "TLB" not in walk.mechanism.provides.disturbs
    found = walk.accessed(target, child.range, lambda: child.touch(1, 0.1))
    assert not (found & ~child.touched(1, 0.1)).any()


def test_orders_are_followed_one_after_another(eviction: TlbEviction) -> None:
    assert eviction.wait(WAIT_MS)
    for _ in range(20):
        eviction.flush()
        assert eviction.wait(WAIT_MS)


def test_orders_that_come_too_fast_are_followed_together(eviction: TlbEviction) -> None:
    for _ in range(100):
        eviction.flush()
    assert eviction.wait(WAIT_MS)


def test_closing_ends_the_processes_also_twice(eviction: TlbEviction) -> None:
    eviction.flush()
    eviction.close()
    eviction.close()
    assert not evictors(os.getpid())


def test_closing_in_the_middle_of_an_order_ends_them_too() -> None:
    for _ in range(10):
        eviction = TlbEviction()
        eviction.flush()
        eviction.close()
    assert not evictors(os.getpid())


def test_they_end_with_the_process_that_started_them() -> None:
    # All of them hold the write end of its pipe: it is closed when the last one has ended.
    reader, writer = os.pipe()
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(writer)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(writer,),
    )
    os.close(writer)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"\n"
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert os.read(reader, 1) == b""
    os.close(reader)


OWNER = """
import functools, os, subprocess, sys
from damon_accessed_bit import eviction
writer = int(sys.argv[1])
start = subprocess.Popen
subprocess.Popen = lambda *a, pass_fds, **k: start(*a, pass_fds=(*pass_fds, writer), **k)
running = eviction.TlbEviction()
running.flush()
assert running.wait(20_000)
print(flush=True)
sys.stdin.read()
"""

SPINNER = """
import mmap, numpy as np
area = mmap.mmap(-1, 64 * 4096)
area.madvise(mmap.MADV_NOHUGEPAGE)
view = np.frombuffer(area, np.uint8)
hot = view[: 64 * 4096 : 4096]
view[::4096] = 1
print(view.ctypes.data, flush=True)
while True:
    hot.sum()
"""


def test_pages_that_are_touched_all_the_time_are_found(walk: Start, eviction: TlbEviction) -> None:
    spinner = subprocess.Popen([sys.executable, "-c", SPINNER], stdout=subprocess.PIPE, text=True)
    try:
        assert spinner.stdout is not None
        start = int(spinner.stdout.readline())
        target = Target.open(spinner.pid)
        target.ranges = (AddrRange(start, start + 64 * 4096),)
        running = walk(target, flush=Flush.NEVER)

        def flush_and_let_it_run() -> None:
            eviction.flush()
            assert eviction.wait(WAIT_MS)
            ticks = cpu_ticks(spinner.pid)
            while cpu_ticks(spinner.pid) == ticks:
                os.sched_yield()

        expected = np.arange(64)
        assert running.finds(expected, target, target.ranges[0], flush_and_let_it_run)
    finally:
        spinner.kill()
        spinner.communicate()


def cpu_ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[11])
