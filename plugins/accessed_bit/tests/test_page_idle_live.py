"""page_idle on a kernel that has it; the tests marked ``vm`` bring one."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

from damon_accessed_bit._native import lib
from damon_accessed_bit.options import Options
from damon_accessed_bit.page_idle import PageIdle
from damon_accessed_bit.plugin import AccessedBit
from damon_core import ReportFlag
from damon_core.model import Ops
from damon_core.target import Target
from damon_core.testing import PrimitiveContract

PAGE = os.sysconf("SC_PAGE_SIZE")
NR_PAGES, HOT = 2048, range(512, 1024)

Start = Callable[..., Any]

LACK = PageIdle.probe(Ops.VADDR)
pytestmark = [pytest.mark.live, pytest.mark.skipif(bool(LACK), reason=LACK)]


class TestContract(PrimitiveContract):
    """Of the primitive with this mechanism; a page may refuse its mark, so recall is not asked."""

    primitive = AccessedBit
    options: ClassVar[dict[str, object]] = {"mechanism": "page_idle"}
    sees_every_access = False


@pytest.fixture
def mechanism() -> PageIdle:
    return PageIdle(Options())


def frames_of(process: Any) -> list[int]:
    with open(f"/proc/{process.pid}/pagemap", "rb") as file:
        file.seek(process.start // PAGE * 8)
        words = np.frombuffer(file.read(process.nr_pages * 8), np.uint64)
    return [int(word) & int(lib.PAGEMAP_PFN_MASK) for word in words]


@pytest.mark.parametrize("kind", ["anon", "shmem"])
def test_hot_pages_are_seen_and_cold_pages_are_not(
    touched_process: Start, monitored: Start, mechanism: PageIdle, kind: str
) -> None:
    process = touched_process(kind, NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    target = process.target()
    target.sampling_addrs = process.addrs(range(NR_PAGES))
    tick = monitored(mechanism, target)
    for _ in range(2):
        reports = tick(lambda: process.tell("write", HOT.start, HOT.stop))
        seen = {process.page_of(addr) for addr in reports["vaddr"]}
        nr_cannot_tell = tick.ctx.counters["cannot_tell"]
        assert seen <= set(HOT)
        assert len(seen) >= len(HOT) - nr_cannot_tell
        assert nr_cannot_tell < 128  # pages that wait in a per-CPU batch are on no LRU list
        assert set(reports["pid"]) == {process.pid}


def test_reading_is_an_access_too(
    touched_process: Start, monitored: Start, mechanism: PageIdle
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    target = process.target()
    target.sampling_addrs = process.addrs(range(0, NR_PAGES, 8))
    tick = monitored(mechanism, target)
    reports = tick(lambda: process.tell("read", HOT.start, HOT.stop))
    seen = {process.page_of(addr) for addr in reports["vaddr"]}
    assert seen <= set(HOT)
    assert len(seen) >= len(HOT) // 8 - tick.ctx.counters["cannot_tell"]


def test_pages_that_refuse_the_mark_are_counted_and_never_reported(
    touched_process: Start, monitored: Start, mechanism: PageIdle
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("read", 0, NR_PAGES)  # maps the zero page everywhere: it is on no LRU list
    target = process.target()
    target.sampling_addrs = process.addrs(range(NR_PAGES))
    tick = monitored(mechanism, target)
    assert len(tick(lambda: process.tell("read", 0, NR_PAGES))) == 0
    assert tick.ctx.counters["cannot_tell"] == NR_PAGES


def test_pages_that_are_not_there_are_neither_reported_nor_counted(
    touched_process: Start, monitored: Start, mechanism: PageIdle
) -> None:
    process = touched_process("anon", NR_PAGES)
    target = process.target()
    target.sampling_addrs = process.addrs(range(NR_PAGES))
    tick = monitored(mechanism, target)
    assert len(tick(lambda: None)) == 0
    assert tick.ctx.counters["cannot_tell"] == 0


def test_pages_that_went_away_meanwhile_are_not_reported(
    touched_process: Start, monitored: Start, mechanism: PageIdle
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    target = process.target()
    target.sampling_addrs = process.addrs(range(NR_PAGES))
    tick = monitored(mechanism, target)
    assert len(tick(lambda: process.tell("drop", 0, NR_PAGES))) == 0


def test_any_page_of_a_huge_page_tells_of_all_of_it(
    touched_process: Start, monitored: Start, mechanism: PageIdle, huge_pages: None
) -> None:
    process = touched_process("thp", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    if process.anon_huge_kb() < NR_PAGES * PAGE // 1024:
        pytest.skip("no memory for transparent huge pages: try again on a machine with more free")
    target = process.target()
    target.sampling_addrs = process.addrs(range(7, NR_PAGES, 64))
    tick = monitored(mechanism, target)
    reports = tick(lambda: process.tell("write", HOT.start, HOT.start + 1))
    assert {process.page_of(addr) for addr in reports["vaddr"]} == {
        page for page in HOT if page % 64 == 7
    }
    assert tick.ctx.counters["cannot_tell"] == 0


def test_physical_memory_is_seen_by_its_page_frames(
    touched_process: Start, monitored: Start, mechanism: PageIdle
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    frames = frames_of(process)
    hot = {frames[page] for page in HOT}
    target = Target.physical()
    target.sampling_addrs = np.array(sorted(pfn * PAGE for pfn in frames), np.uint64)
    tick = monitored(mechanism, target, ops=Ops.PADDR)
    reports = tick(lambda: process.tell("write", HOT.start, HOT.stop))
    seen = {int(addr) // PAGE for addr in reports["paddr"]}
    assert seen <= hot
    assert len(seen) >= len(hot) - tick.ctx.counters["cannot_tell"]
    assert set(reports["flags"]) == {ReportFlag.HAS_PADDR}


def test_a_target_that_ends_gives_no_reports_and_no_error(
    touched_process: Start, monitored: Start, mechanism: PageIdle
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    target = process.target()
    target.sampling_addrs = process.addrs(range(NR_PAGES))
    tick = monitored(mechanism, target)
    assert len(tick(process.end)) == 0
    mechanism.update_targets(tick.ctx)
    assert len(tick(lambda: None)) == 0


def test_cleanup_closes_every_file_and_may_be_repeated(
    touched_process: Start, monitored: Start, mechanism: PageIdle
) -> None:
    before = set(os.listdir("/proc/self/fd"))
    mechanism.cleanup()
    process = touched_process("anon", 16)
    with process.target() as target:
        monitored(mechanism, target)
        mechanism.cleanup()
        mechanism.cleanup()
    process.end()
    assert set(os.listdir("/proc/self/fd")) == before
