"""What the tests of the page-table walk share: a process that touches a known set of pages."""

from __future__ import annotations

import os
import random
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from attrs import define, field

from damon_accessed_bit.bpf import PageTableWalk
from damon_accessed_bit.options import Flush, Options
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.primitive import PrimitiveContext
from damon_core.target import Target

PAGE = 4096
TABLE = 2 << 20

# Obeys one line at a time and answers each, so that no test waits for a time.
CHILD = """
import ctypes, mmap, os, random, sys
kind, nr_pages, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
PAGE, TABLE = 4096, 2 << 20
NORESERVE = 0x4000
PRIVATE, SHARED, ANON = mmap.MAP_PRIVATE | NORESERVE, mmap.MAP_SHARED, mmap.MAP_ANONYMOUS
flags = {"anon": PRIVATE | ANON, "thp": PRIVATE | ANON, "shmem": SHARED | ANON,
         "file_private": PRIVATE, "file_shared": SHARED}[kind]
fd = os.open(path, os.O_RDWR) if kind.startswith("file") else -1
area = mmap.mmap(fd, nr_pages * PAGE + TABLE, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
area.madvise(mmap.MADV_HUGEPAGE if kind == "thp" else mmap.MADV_NOHUGEPAGE)
base = ctypes.addressof(ctypes.c_char.from_buffer(area))
offset = -base % TABLE
libc = ctypes.CDLL(None, use_errno=True)

def populate(start, end):
    for i in range(start, end):
        area[offset + i * PAGE]
        if not kind.startswith("file"):
            area[offset + i * PAGE] = 1

def touch(seed, share):
    rng = random.Random(seed)
    for i in range(nr_pages):
        if rng.random() < share:
            area[offset + i * PAGE]

def protect(prot):
    length = ctypes.c_size_t(nr_pages * PAGE)
    assert libc.mprotect(ctypes.c_void_p(base + offset), length, prot) == 0

def many(nr):
    # Neighbours differ in their protection, so they stay mappings of their own.
    global mappings
    mappings = mmap.mmap(-1, nr * PAGE, flags=PRIVATE | ANON)
    start = ctypes.addressof(ctypes.c_char.from_buffer(mappings))
    mappings[:] = bytes(len(mappings))
    for i in range(0, nr, 2):
        libc.mprotect(ctypes.c_void_p(start + i * PAGE), ctypes.c_size_t(PAGE), 1)
    return start

def touch_many(step):
    for i in range(0, len(mappings), step * PAGE):
        mappings[i]

def churn(nr):
    for i in range(nr):
        other = mmap.mmap(-1, 8 << 20, flags=PRIVATE | ANON)
        for at in range(0, len(other), TABLE >> 1):
            other[at] = 1
        other.close()

def fork():
    pid = os.fork()
    if pid == 0:
        touch(0, 1.0)
        os._exit(0)
    os.waitpid(pid, 0)

def run_anew():
    os.execv(sys.executable, [sys.executable, "-S", "-c", os.environ["CHILD"], *sys.argv[1:]])

print(base + offset, flush=True)
for line in sys.stdin:
    print(eval(line), flush=True)
"""


class Toucher:
    """A process with an area of ``nr_pages``, 2 MiB aligned; ``kind`` says of what memory."""

    def __init__(self, kind: str, nr_pages: int, path: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", CHILD, kind, str(nr_pages), path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CHILD": CHILD},
        )
        self.kind = kind
        self.pid = self._process.pid
        self.nr_pages = nr_pages
        try:
            self.start = int(self.answer())
        except BaseException:
            self.end()
            raise

    @property
    def range(self) -> AddrRange:
        return AddrRange(self.start, self.start + self.nr_pages * PAGE)

    def answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process has ended"
        return line

    def huge_kb(self) -> int:
        """How much of its anonymous memory is mapped by large pages."""
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("AnonHuge"))

    def tell(self, call: str) -> str:
        """Let it evaluate ``call``; its answer, when it is done."""
        self.start_telling(call)
        return self.answer()

    def start_telling(self, call: str) -> None:
        assert self._process.stdin is not None
        print(call, file=self._process.stdin, flush=True)

    def is_answering(self) -> bool:
        """Whether the answer to start_telling() is there."""
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        return bool(poll.poll(0))

    def populate(self) -> None:
        self.tell(f"populate(0, {self.nr_pages})")

    def touch(self, seed: int, share: float) -> None:
        """Let it touch a random ``share`` of its pages."""
        self.tell(f"touch({seed}, {share})")

    def touched(self, seed: int, share: float) -> np.ndarray:
        """Which pages touch() touches, as they are mapped: one truth value each."""
        rng = random.Random(seed)
        touched = np.array([rng.random() < share for _ in range(self.nr_pages)])
        if self.kind == "thp":
            touched = np.repeat(touched.reshape(-1, TABLE // PAGE).any(axis=1), TABLE // PAGE)
        return touched

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def toucher(tmp_path: Any) -> Iterator[Callable[..., Toucher]]:
    """Starts touchers, and ends them after the test."""
    with ExitStack() as stack:

        def start(kind: str = "anon", nr_pages: int = 4096, populated: bool = True) -> Toucher:
            path = tmp_path / "mapped"
            if kind.startswith("file"):
                path.write_bytes(bytes(nr_pages * PAGE + TABLE))
            child = Toucher(kind, nr_pages, str(path))
            stack.callback(child.end)
            if populated:
                child.populate()
            if kind == "thp" and child.huge_kb() * 1024 < nr_pages * PAGE:
                pytest.skip(f"needs free large pages: only {child.huge_kb()} kB were to be had")
            return child

        yield start


@define(eq=False)
class Bitmaps:
    """The report buffer, as far as bitmaps go: copies of what was handed over."""

    calls: list[tuple[Target, int, np.ndarray]] = field(factory=list)

    def extend_bitmap(
        self, target: Target, start: int, page_size: int, words: np.ndarray, flags: int = 0
    ) -> None:
        assert page_size == PAGE
        assert flags == 0
        assert words.dtype == np.uint64
        assert words.flags.c_contiguous
        self.calls.append((target, start, words.copy()))

    def pages(self, target: Target) -> np.ndarray:
        """Numbers of the pages reported for ``target``, ascending; AssertionError if one twice."""
        found = [np.empty(0, np.int64)]
        for owner, start, words in self.calls:
            if owner is target:
                bits = np.unpackbits(words.view(np.uint8), bitorder="little")
                found.append(np.flatnonzero(bits) + start // PAGE)
        pages = np.concatenate(found)
        assert len(np.unique(pages)) == len(pages)
        return np.sort(pages)


@define(eq=False)
class Walk:
    """The mechanism with its context, run one sampling interval at a time."""

    mechanism: PageTableWalk
    ctx: PrimitiveContext
    bitmaps: Bitmaps
    told: list[str]

    def interval(self, between: Callable[[], object] = lambda: None) -> Bitmaps:
        """What is reported of an interval in which ``between`` is called."""
        self.mechanism.prepare(self.ctx)
        between()
        return self.check()

    def check(self) -> Bitmaps:
        self.bitmaps.calls.clear()
        self.mechanism.check(self.ctx, self.bitmaps)  # type: ignore[arg-type]
        return self.bitmaps

    def accessed(
        self, target: Target, within: AddrRange, touch: Callable[[], object]
    ) -> np.ndarray:
        """Which pages of ``within`` were reported, one truth value each."""
        pages = self.interval(touch).pages(target) - within.start // PAGE
        accessed = np.zeros(within.size // PAGE, bool)
        accessed[pages[(pages >= 0) & (pages < len(accessed))]] = True
        return accessed

    def finds(
        self,
        expected: np.ndarray | list[int],
        target: Target,
        within: AddrRange,
        touch: Callable[[], object],
    ) -> bool:
        """Whether one of some intervals with ``touch`` reports exactly the expected pages.

        ``expected``: one truth value per page of ``within``, or page numbers.  One interval is not
        enough: reclaim, or DAMON in the kernel, may clear any bit before it is read.  Nothing sets
        one but an access, so a page too many is an error in any interval.
        """
        pages = np.zeros(within.size // PAGE, bool)
        pages[expected] = True
        for _ in range(6):
            found = self.accessed(target, within, touch)
            assert not (found & ~pages).any(), "pages that were not accessed"
            if (found == pages).all():
                return True
        return False


@pytest.fixture
def walk() -> Iterator[Callable[..., Walk]]:
    """Starts the mechanism on targets; cleans up after the test."""
    with ExitStack() as stack:

        def start(*targets: Target, ops: Ops = Ops.FVADDR, flush: Flush = Flush.ALWAYS) -> Walk:
            told: list[str] = []
            bitmaps = Bitmaps()
            for target in targets:
                stack.callback(target.close)
            ctx = PrimitiveContext(
                name="accessed_bit",
                ops=ops,
                intervals=Intervals(),
                page_size=PAGE,
                reports=bitmaps,  # type: ignore[arg-type]  # as much of it as the mechanism uses
                targets=targets,
                tell=lambda text: told.append(text.removeprefix("accessed_bit: ")),
            )
            mechanism = PageTableWalk(Options(flush=flush))
            stack.callback(mechanism.cleanup)
            mechanism.init(ctx)
            mechanism.update_targets(ctx)
            return Walk(mechanism, ctx, bitmaps, told)

        yield start


@pytest.fixture
def watched(
    toucher: Callable[..., Toucher], walk: Callable[..., Walk]
) -> Callable[..., tuple[Toucher, Target, Walk]]:
    """A toucher, the target it is, and the mechanism on its area."""

    def start(
        kind: str = "anon", nr_pages: int = 4096, **options: Any
    ) -> tuple[Toucher, Target, Walk]:
        child = toucher(kind, nr_pages, populated=options.pop("populated", True))
        target = Target.open(child.pid)
        target.ranges = (child.range,)
        return child, target, walk(target, **options)

    return start
