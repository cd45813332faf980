"""What the live tests of the mechanisms share: a process that touches what it is told to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import define, field

from damon_core import REPORT_DTYPE, PrimitiveContext
from damon_core.model import Intervals, Ops
from damon_core.target import Target

PAGE = os.sysconf("SC_PAGE_SIZE")

# Obeys one command a line, and answers each: so tests never have to wait for a time.
CHILD = """
import ctypes, mmap, os, sys, threading
kind, nr_pages = sys.argv[1], int(sys.argv[2])
PAGE, ALIGN = mmap.PAGESIZE, 2 << 20
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
area = None
if kind == "shmem":
    area = mmap.mmap(-1, nr_pages * PAGE + ALIGN)
elif kind.startswith("file:"):
    fd = os.open(kind[5:], os.O_RDWR)
    area = mmap.mmap(fd, nr_pages * PAGE + ALIGN, flags=mmap.MAP_SHARED)
else:
    area = mmap.mmap(-1, nr_pages * PAGE + ALIGN, flags=flags)
    area.madvise(mmap.MADV_HUGEPAGE if kind == "thp" else mmap.MADV_NOHUGEPAGE)
base = ctypes.addressof(ctypes.c_char.from_buffer(area))
offset = -base % ALIGN
view = memoryview(area)

def flush_tlb():
    # Unmapping this much flushes all of the process's translations: the next access to any page
    # walks the page table, as it would sooner or later on its own.
    other = mmap.mmap(-1, 256 * PAGE, flags=flags)
    other[:] = bytes(len(other))
    other.close()

def pages(start, end):
    return view[offset + start * PAGE : offset + end * PAGE : PAGE]

nr_spins = 0

def spin(start, end):
    global nr_spins
    while True:
        pages(start, end)[:] = bytes(end - start)
        nr_spins += 1

print(base + offset, flush=True)
for line in sys.stdin:
    verb, *numbers = line.split()
    start, end = map(int, numbers or (0, 0))
    flush_tlb()
    if verb == "write":
        pages(start, end)[:] = bytes(end - start)
    elif verb == "read":
        pages(start, end).tobytes()
    elif verb == "drop":
        area.madvise(mmap.MADV_DONTNEED, offset + start * PAGE, (end - start) * PAGE)
    elif verb == "spin":
        threading.Thread(target=spin, args=(start, end), daemon=True).start()
    elif verb == "await":
        enough = nr_spins + start
        while nr_spins < enough:
            os.sched_yield()
    elif verb == "mlock":
        libc = ctypes.CDLL(None, use_errno=True)
        address, length = base + offset + start * PAGE, (end - start) * PAGE
        assert libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(length)) == 0
    print("done", flush=True)
"""


class TouchedProcess:
    """A process with ``nr_pages`` of memory, 2 MiB aligned, that it touches when told to.

    ``kind``: "anon", "thp", "shmem", or "file:PATH".
    """

    def __init__(self, kind: str, nr_pages: int, python: str = sys.executable) -> None:
        self._process = subprocess.Popen(
            [python, "-S", "-c", CHILD, kind, str(nr_pages)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self.nr_pages = nr_pages
        try:
            self.start = int(self._answer())
        except BaseException:
            self.end()
            raise

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process has ended"
        return line

    def tell(self, verb: str, start: int = 0, end: int = 0) -> None:
        """write, read, drop, mlock pages ``start`` to ``end``; returns when it is done.

        spin writes to them from now on; await returns after ``start`` more rounds of it.
        """
        assert self._process.stdin is not None
        print(verb, start, end, file=self._process.stdin, flush=True)
        assert self._answer() == "done\n"

    def addrs(self, pages: range) -> np.ndarray:
        return np.array([self.start + page * PAGE for page in pages], np.uint64)

    def page_of(self, addr: int) -> int:
        return (int(addr) - self.start) // PAGE

    def anon_huge_kb(self) -> int:
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("AnonHuge"))

    def end(self) -> None:
        """Kill it, unless it has ended, and wait."""
        self._process.kill()
        self._process.communicate()

    def target(self) -> Target:
        return Target.open(self.pid)


@pytest.fixture
def huge_pages() -> None:
    """Needs transparent huge pages on request; the guest of a VM may be told to have them."""
    enabled = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not enabled.exists():
        pytest.skip("needs a kernel with CONFIG_TRANSPARENT_HUGEPAGE=y")
    if os.environ.get("VMRUN"):
        enabled.write_text("madvise")
    if "[never]" in enabled.read_text():
        pytest.skip(f"needs transparent huge pages: echo madvise > {enabled}")


@pytest.fixture
def touched_process() -> Iterator[Callable[..., TouchedProcess]]:
    """Starts processes, and ends them after the test."""
    with ExitStack() as stack:

        def start(kind: str = "anon", nr_pages: int = 1024) -> TouchedProcess:
            process = TouchedProcess(kind, nr_pages)
            stack.callback(process.end)
            return process

        yield start


@define(eq=False)
class Slots:
    """The report buffer, as far as mechanisms that fill it in place see it."""

    rows: np.ndarray = field(factory=lambda: np.zeros(1 << 16, REPORT_DTYPE))
    nr: int = 0
    nr_lost: int = 0

    def space(self) -> tuple[int, int]:
        return self.rows.ctypes.data + self.nr * REPORT_DTYPE.itemsize, len(self.rows) - self.nr

    def commit(self, nr: int) -> None:
        self.nr += nr

    def lose(self, nr: int) -> None:
        self.nr_lost += nr

    def take(self) -> np.ndarray:
        rows, self.nr = self.rows[: self.nr].copy(), 0
        return rows


@define(eq=False)
class Tick:
    """A mechanism with its context, to be run one sampling interval at a time."""

    mechanism: Any
    ctx: PrimitiveContext
    slots: Slots

    @classmethod
    def start(cls, mechanism: Any, *targets: Target, ops: Ops = Ops.VADDR) -> Tick:
        """Initialise the mechanism for these targets."""
        slots = Slots()
        ctx = PrimitiveContext(
            name="accessed_bit",
            ops=ops,
            intervals=Intervals(),
            page_size=PAGE,
            reports=slots,  # type: ignore[arg-type]  # as much of it as mechanisms use
            targets=targets,
        )
        mechanism.init(ctx)
        mechanism.update_targets(ctx)
        return cls(mechanism, ctx, slots)

    def __call__(self, between: Callable[[], object]) -> np.ndarray:
        """The reports of an interval in which ``between`` is done; counters are of it alone."""
        self.ctx.counters.clear()
        self.mechanism.prepare(self.ctx)
        between()
        self.mechanism.check(self.ctx, self.slots)
        return self.slots.take()


@pytest.fixture
def monitored() -> Iterator[Callable[..., Tick]]:
    """Makes a mechanism monitor targets; cleans up after the test."""
    with ExitStack() as stack:

        def start(mechanism: Any, *targets: Target, ops: Ops = Ops.VADDR) -> Tick:
            for target in targets:
                stack.callback(target.close)
            stack.callback(mechanism.cleanup)
            return Tick.start(mechanism, *targets, ops=ops)

        yield start
