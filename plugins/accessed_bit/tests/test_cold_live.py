"""cold on processes of this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damon_accessed_bit.cold import Cold
from damon_accessed_bit.options import Options
from damon_core import ReportFlag
from damon_core.model import Ops

PAGE = os.sysconf("SC_PAGE_SIZE")
NR_PAGES, HOT = 2048, range(512, 1024)

Start = Callable[..., Any]

# Reclaim, or DAMON in this machine's kernel, clears a bit now and then before it is read: of some
# intervals that are alike, one at least shows most pages.
RECALL = 0.9
NR_ALIKE = 6

LACK = Cold.probe(Ops.VADDR)
pytestmark = [pytest.mark.live, pytest.mark.skipif(bool(LACK), reason=LACK)]


@pytest.fixture
def mechanism() -> Cold:
    return Cold(Options())


def sampled(process: Any, pages: range) -> Any:
    target = process.target()
    target.sampling_addrs = process.addrs(pages)
    return target


def seen_in(process: Any, reports: np.ndarray) -> set[int]:
    return {process.page_of(addr) for addr in reports["vaddr"]}


def all_accessed(tick: Any, process: Any) -> None:
    """An interval in which all pages are accessed: afterwards they all have their bit set."""
    tick(lambda: process.tell("write", 0, process.nr_pages))


def test_hot_pages_are_seen_and_cold_pages_are_not(
    touched_process: Start, monitored: Start, mechanism: Cold
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    tick = monitored(mechanism, sampled(process, range(NR_PAGES)))
    shares = []
    for _ in range(NR_ALIKE):
        reports = tick(lambda: process.tell("write", HOT.start, HOT.stop))
        seen = seen_in(process, reports)
        assert seen <= set(HOT)
        shares.append((len(seen) + tick.ctx.counters["cannot_tell"]) / len(HOT))
        assert tick.ctx.counters["cannot_tell"] < 128  # in a per-CPU batch: on no LRU list
        assert set(reports["pid"]) <= {process.pid}
        assert set(reports["flags"]) <= {ReportFlag.HAS_VADDR | ReportFlag.HAS_PADDR}
    assert max(shares) >= RECALL


def test_pages_whose_bit_is_clear_are_not_advised(
    touched_process: Start, monitored: Start, mechanism: Cold
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    tick = monitored(mechanism, sampled(process, range(NR_PAGES)))
    nr_most = nr_least = 0
    for _ in range(NR_ALIKE):
        all_accessed(tick, process)
        tick(lambda: process.tell("write", 0, 10))
        nr_most = max(nr_most, tick.ctx.counters["advised"])
        tick(lambda: None)
        assert tick.ctx.counters["advised"] <= 10 + 128
        nr_least = max(nr_least, tick.ctx.counters["advised"])
    assert RECALL * NR_PAGES <= nr_most <= NR_PAGES
    assert nr_least > 0


@pytest.mark.uninstrumented  # the sanitizer makes mlock do nothing
def test_locked_pages_cannot_be_told_and_are_never_reported(
    touched_process: Start, monitored: Start, mechanism: Cold
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    process.tell("mlock", 100, 200)
    tick = monitored(mechanism, sampled(process, range(NR_PAGES)))
    nr_cannot_tell = []
    for _ in range(NR_ALIKE):
        process.tell("write", 100, 200)
        reports = tick(lambda: process.tell("write", 200, NR_PAGES))
        assert seen_in(process, reports) <= set(range(200, NR_PAGES))
        nr_cannot_tell.append(tick.ctx.counters["cannot_tell"])
    assert RECALL * 100 <= max(nr_cannot_tell) < 100 + 128


def test_a_huge_page_is_told_as_one_and_stays_whole(
    touched_process: Start, monitored: Start, mechanism: Cold, huge_pages: None
) -> None:
    process = touched_process("thp", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    before = process.anon_huge_kb()
    if not before:
        pytest.skip("no memory for transparent huge pages: try again on a machine with more free")
    tick = monitored(mechanism, sampled(process, range(7, NR_PAGES, 64)))
    all_accessed(tick, process)
    tick(lambda: None)
    assert tick.ctx.counters["advised"] <= NR_PAGES * PAGE >> 21
    expected = {page for page in HOT if page % 64 == 7}
    write = partial(process.tell, "write", HOT.start, HOT.start + 1)
    seen = [seen_in(process, tick(write)) for _ in range(3)]
    assert expected in seen
    assert set().union(*seen) == expected
    assert tick.ctx.counters["cannot_tell"] == 0
    assert process.anon_huge_kb() == before


def test_a_page_that_is_accessed_while_it_is_cleared_is_not_lost(
    touched_process: Start, monitored: Start, mechanism: Cold
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    target = sampled(process, range(NR_PAGES))
    tick = monitored(mechanism, target)
    process.tell("spin", HOT.start, HOT.start + 4)
    seen = [seen_in(process, tick(lambda: process.tell("await", 1000))) for _ in range(NR_ALIKE)]
    assert any({*range(HOT.start, HOT.start + 4)} <= each for each in seen)


def test_pages_that_are_not_there_are_neither_reported_nor_counted(
    touched_process: Start, monitored: Start, mechanism: Cold
) -> None:
    process = touched_process("anon", NR_PAGES)
    tick = monitored(mechanism, sampled(process, range(NR_PAGES)))
    assert len(tick(lambda: None)) == 0
    assert tick.ctx.counters["cannot_tell"] == 0


def test_pages_that_went_away_meanwhile_cannot_be_told(
    touched_process: Start, monitored: Start, mechanism: Cold
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    tick = monitored(mechanism, sampled(process, range(NR_PAGES)))
    assert len(tick(lambda: process.tell("drop", 0, NR_PAGES))) == 0
    assert tick.ctx.counters["cannot_tell"] == NR_PAGES


@pytest.fixture
def file_on_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "file"
    path.write_bytes(bytes(NR_PAGES * PAGE + (2 << 20)))
    yield path
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.parametrize("kind", ["shmem", "file"])
def test_what_is_reported_of_shared_memory_is_true(
    touched_process: Start, monitored: Start, mechanism: Cold, kind: str, file_on_disk: Path
) -> None:
    process = touched_process("shmem" if kind == "shmem" else f"file:{file_on_disk}", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    tick = monitored(mechanism, sampled(process, range(NR_PAGES)))
    shares = []
    for _ in range(NR_ALIKE):
        all_accessed(tick, process)
        seen = seen_in(process, tick(lambda: process.tell("write", HOT.start, HOT.stop)))
        assert seen <= set(HOT)
        shares.append((len(seen) + tick.ctx.counters["cannot_tell"]) / len(HOT))
    assert max(shares) >= RECALL


def test_a_target_that_ends_gives_no_reports_and_no_error(
    touched_process: Start, monitored: Start, mechanism: Cold
) -> None:
    process = touched_process("anon", NR_PAGES)
    process.tell("write", 0, NR_PAGES)
    tick = monitored(mechanism, sampled(process, range(NR_PAGES)))
    assert len(tick(process.end)) == 0
    assert len(tick(lambda: None)) == 0


def test_physical_memory_is_refused() -> None:
    assert "use ops vaddr" in Cold.probe(Ops.PADDR)


def test_cleanup_closes_every_file_and_may_be_repeated(
    touched_process: Start, monitored: Start, mechanism: Cold
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
