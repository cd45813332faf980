"""What the tests of watched pages share: a process whose every write is known, and its watch."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damon_core.model import AddrRange
from damon_core.target import Target
from damon_core.testing import ByHand
from damon_core.vaddr import Vaddr
from damon_page_fault.options import Choice, Options
from damon_page_fault.plugin import PageFault

PAGE = os.sysconf("SC_PAGE_SIZE")
HERE = Path(__file__).parent
KINDS = (
    "anon",
    "thp",
    "shmem",
    "memfd_shared",
    "memfd_private",
    "file_shared",
    "file_private",
    "hugetlb",
)
ENTRY = np.dtype([("t0", np.uint64), ("t1", np.uint64), ("page", np.uint64)])
HUGE = 512
"""Pages of a huge page."""


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The process's program."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev")
    built = tmp_path_factory.mktemp("writers") / "writers"
    source = [str(HERE / "writers.c"), f"-I{HERE.parents[1] / 'examples'}"]
    subprocess.run(
        [compiler, "-O1", "-Wall", "-Wextra", "-pthread", *source, "-o", str(built)], check=True
    )
    return built


class Writers:
    """The process: ``nr_pages`` of memory of a kind, four threads that write, two that read."""

    def __init__(
        self,
        program: Path,
        kind: str,
        nr_pages: int,
        folder: Path,
        *,
        nr_writers: int = 4,
        nr_readers: int = 2,
        sparse: bool = False,
        cooperates: bool = True,
    ) -> None:
        self.nr_pages = nr_pages
        self._log = folder / "log"
        path = folder / "file"
        if kind.startswith("file"):
            path.write_bytes(bytes(nr_pages * PAGE + (2 << 20)))
        arguments = [kind, nr_pages, nr_writers, nr_readers, self._log, path]
        environ = {**os.environ}
        environ |= {"WRITERS_SPARSE": "1"} if sparse else {}
        environ |= {} if cooperates else {"WRITERS_ALONE": "1"}
        self._process = subprocess.Popen(
            [program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        self.pid = self._process.pid
        self.start = int(self.answer())
        if not self.start:
            self.end()
            pytest.skip(f"no {kind} memory here: for hugetlb, echo 16 > /proc/sys/vm/nr_hugepages")

    @property
    def range(self) -> AddrRange:
        """Its memory."""
        return AddrRange(self.start, self.start + self.nr_pages * PAGE)

    def answer(self) -> str:
        """The next line that it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the process has ended with {self._process.wait()}"
        return line.strip()

    def begin(self, *words: object) -> None:
        """Tell it what to do, and do not wait."""
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)

    def tell(self, *words: object) -> list[str]:
        """What it says until it is done."""
        self.begin(*words)
        said = []
        while (line := self.answer()) != "done":
            said.append(line)
        return said

    def exec(self) -> None:
        """It begins anew, at another address."""
        self.begin("exec")
        self.start = int(self.answer())

    def log(self) -> np.ndarray:
        """What was written when, ENTRY."""
        entries = np.fromfile(self._log, ENTRY)
        return entries[entries["t1"] > 0]

    def end(self) -> None:
        """Kill it, unless it has ended, and wait."""
        self._process.kill()
        self._process.communicate()

    def status(self) -> int:
        """Let it end by itself; its exit code."""
        self._process.communicate()
        return self._process.returncode

    def flags(self) -> set[str]:
        """The VmFlags of the mapping at its memory."""
        with open(f"/proc/{self.pid}/smaps") as file:
            inside = False
            for line in file:
                word = line.split(" ", 1)[0]
                if "-" in word and not word.endswith(":"):
                    start, end = (int(bound, 16) for bound in word.split("-"))
                    inside = start <= self.start < end
                elif inside and word == "VmFlags:":
                    return set(line.split()[1:])
        return set()


class Tick(ByHand):
    """The primitive with its context, run one check at a time."""

    def __init__(self, primitive: PageFault, target: Target) -> None:
        super().__init__(primitive, target, name="page_fault")
        self.target = target

    def __call__(self) -> set[int]:
        """Addresses of the pages reported since the last check."""
        self.interval()
        return {int(addr) for bitmap in self.reports.bitmaps for addr in bitmap.addresses()}

    def pages(self, writers: Writers) -> set[int]:
        """Those of the memory of ``writers``, as page numbers of it."""
        bounds = writers.range
        return {(a - bounds.start) // PAGE for a in self() if bounds.start <= a < bounds.end}

    def follow(self) -> None:
        """As the engine does from time to time."""
        self.target.ranges = Vaddr().ranges(self.target) or self.target.ranges
        self.update([self.target])


Start = Callable[..., Writers]
Watch = Callable[..., Tick]


@pytest.fixture
def writers(program: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts the process, and ends it after the test."""
    with ExitStack() as stack:

        def start(kind: str = "anon", nr_pages: int = 4096, **how: Any) -> Writers:
            process = Writers(program, kind, nr_pages, tmp_path, **how)
            stack.callback(process.end)
            return process

        yield start


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Has a process watched by wp_async, and lets go of it after the test."""
    with ExitStack() as stack:

        def start(writers: Writers, **options: Any) -> Tick:
            target = stack.enter_context(Target.open(writers.pid))
            target.ranges = Vaddr().ranges(target) or ()
            options.setdefault("mechanism", Choice.WP_ASYNC)
            tick = Tick(PageFault(Options(**options)), target)
            stack.callback(tick.end)
            tick.begin()
            return tick

        yield start
