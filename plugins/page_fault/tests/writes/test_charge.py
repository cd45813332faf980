"""What a target pays for a look is charged: its faults, as the kernel counts them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from damon_core.record import open_record
from damon_core.spec import ContextSpec
from damon_page_fault.fault_cost import FAULT_NS, fault_cost_ns

from .conftest import HUGE, PAGE, Start, Tick, Watch

pytestmark = pytest.mark.live

NR_PAGES = 16 * HUGE
TOLERANCE = NR_PAGES // 10
"""The kernel's count of resident pages is that exact, for threads on some processors."""

# Writes a byte to each of its pages in turn, and nothing else.
WRITER = f"""
import mmap
memory = mmap.mmap(-1, {NR_PAGES * PAGE}, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_NOHUGEPAGE)
starts = range(0, len(memory), {PAGE})
for start in starts:
    memory[start] = 1
print("ready", flush=True)
while True:
    for start in starts:
        memory[start] = 1
"""


def nr_faults(pid: int) -> int:
    """Faults of a process that needed no disk."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


def nr_charged(tick: Tick) -> int:
    """Faults charged since the last time."""
    watch = tick.primitive._mechanism
    nr, rest = divmod(tick.ctx.target_cpu_ns, watch._fault_ns)  # type: ignore[union-attr]
    assert not rest
    tick.ctx.target_cpu_ns = 0
    return nr


@pytest.mark.parametrize("kind", ["anon", "thp", "shmem", "memfd_private", "file_shared"])
def test_each_page_that_is_written_between_two_checks_is_charged_as_a_fault(
    writers: Start, watch: Watch, kind: str
) -> None:
    process = writers(kind, NR_PAGES, nr_readers=0)
    process.tell("write", 0, NR_PAGES)  # what private files copy, they copy now
    tick = watch(process)
    tick()
    nr_charged(tick)
    for nr in (NR_PAGES // 2, NR_PAGES):
        before = nr_faults(process.pid)
        process.tell("write", 0, nr)
        process.tell("write", 0, nr)  # the second time is free
        happened = nr_faults(process.pid) - before
        assert tick.pages(process) == set(range(nr))
        assert nr - TOLERANCE <= nr_charged(tick) <= happened + TOLERANCE


@pytest.mark.parametrize("kind", ["anon", "thp"])
def test_pages_that_come_to_exist_are_not_charged(writers: Start, watch: Watch, kind: str) -> None:
    process = writers(kind, NR_PAGES, nr_readers=0)
    process.tell("write", 0, NR_PAGES)
    tick = watch(process)
    process.tell("drop", 0, NR_PAGES)
    tick()
    nr_charged(tick)
    process.tell("write", 0, NR_PAGES)
    assert tick.pages(process) == set(range(NR_PAGES))
    assert nr_charged(tick) <= TOLERANCE


def test_where_nothing_is_written_nothing_is_charged(writers: Start, watch: Watch) -> None:
    process = writers()
    tick = watch(process)
    tick()
    nr_charged(tick)
    process.tell("read", 0, process.nr_pages)
    assert not tick.pages(process)
    assert nr_charged(tick) <= TOLERANCE


def test_a_fault_has_a_cost_that_is_measured_here_or_stated() -> None:
    assert fault_cost_ns(PAGE) > 0
    assert fault_cost_ns(PAGE // 2 + 1) == FAULT_NS  # the kernel refuses parts of pages


def test_a_program_that_does_nothing_but_write_pays_what_the_quota_allows(tmp_path: Path) -> None:
    """Looking every 5 to 40 ms it would pay 0.3 to 0.9 of a CPU."""
    out = tmp_path / "out.damon"
    with subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            before = nr_faults(writer.pid)
            damon = [sys.executable, "-m", "damon_core", "record", "--pid", str(writer.pid)]
            damon += ["--primitive", "page_fault:inject=yes", "-t", "4s", "-o", str(out)]
            subprocess.run(damon, check=True, capture_output=True)
            happened = nr_faults(writer.pid) - before
        finally:
            writer.kill()
    snapshots = list(open_record(out))
    span_ns = snapshots[-1].end_ns - snapshots[0].start_ns
    charged_ns = sum(one.target_cpu_ns for one in snapshots)
    assert 0 < charged_ns <= 3 * ContextSpec().cpu_quota * span_ns
    # What was found are the faults that happened, but for those after the last look.
    nr_found = sum(one.sources[0].counters.total for one in snapshots)
    assert nr_found - NR_PAGES <= happened <= nr_found + 2 * NR_PAGES
