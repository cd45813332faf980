"""What live tests share: a process whose accesses are known, and the primitive over it."""

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

from damon_core import ReportFlag
from damon_core.model import AddrRange, Ops
from damon_core.options import structure_options
from damon_core.target import Target
from damon_core.testing import ByHand
from damon_perf_pmu.plugin import PerfPmu

PAGE = os.sysconf("SC_PAGE_SIZE")
# A sanitizer that the tests run under is not for the process that is monitored.
ALONE = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the targets."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (apt install gcc)")
    built = tmp_path_factory.mktemp("accesses") / "accesses"
    source = Path(__file__).with_name("accesses.c")
    subprocess.run([compiler, "-O1", "-pthread", source, "-o", built], check=True)
    return built


class Accesses:
    """A process with ``nr_pages`` pages at ``start``, none of them touched; see accesses.c."""

    def __init__(self, program: Path, nr_pages: int, **options: Any) -> None:
        self._process = subprocess.Popen(
            [program, str(nr_pages)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ALONE,
            **options,
        )
        self.pid = self._process.pid
        self.nr_pages = nr_pages
        self.start = self.answer()
        for verb in ("write", "read"):  # what it needs for a command is there from now on
            self.tell(verb)

    @property
    def range(self) -> AddrRange:
        return AddrRange(self.start, self.start + self.nr_pages * PAGE)

    def tell(self, verb: str, first: int = 0, second: int = 0) -> int:
        """One command; what it answers once it is done."""
        assert self._process.stdin is not None
        print(verb, first, second, file=self._process.stdin, flush=True)
        return self.answer()

    def answer(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the target has ended"
        return int(line)

    def pages(self, rows: np.ndarray) -> list[int]:
        """The pages of reports, in their order; those elsewhere are left out."""
        found = (self.own(rows)["vaddr"] - np.uint64(self.start)) // np.uint64(PAGE)
        numbers: list[int] = found.tolist()
        return numbers

    def own(self, rows: np.ndarray) -> np.ndarray:
        """Reports of its memory."""
        inside = (rows["vaddr"] >= self.start) & (rows["vaddr"] < self.range.end)
        return rows[inside & (rows["pid"] == self.pid)]

    def frames(self, nr: int) -> list[int]:
        """Physical addresses of the first pages, by its page map."""
        with open(f"/proc/{self.pid}/pagemap", "rb") as pagemap:
            pagemap.seek(self.start // PAGE * 8)
            entries = np.frombuffer(pagemap.read(nr * 8), np.uint64)
        found: list[int] = ((entries & np.uint64((1 << 55) - 1)) * np.uint64(PAGE)).tolist()
        return found

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def written(rows: np.ndarray) -> np.ndarray:
    return rows[rows["flags"] & ReportFlag.WRITE != 0]


def was_read(rows: np.ndarray) -> np.ndarray:
    return rows[rows["flags"] & ReportFlag.READ != 0]


@pytest.fixture
def start(program: Path) -> Iterator[Callable[..., Accesses]]:
    """Starts targets, and ends them after the test."""
    with ExitStack() as stack:

        def started(nr_pages: int = 256, **options: Any) -> Accesses:
            process = Accesses(program, nr_pages, **options)
            stack.callback(process.kill)
            return process

        yield started


@pytest.fixture
def watch() -> Iterator[Callable[..., ByHand]]:
    """Has the primitive monitor processes; cleans up after the test."""
    with ExitStack() as stack:

        def over(*processes: Accesses, ops: Ops = Ops.VADDR, **options: object) -> ByHand:
            targets = [Target.open(process.pid) for process in processes]
            if ops is Ops.PADDR:
                targets = [Target.physical()]
            for target in targets:
                stack.callback(target.close)
            # The faults of the whole machine fit, however late we are to look.
            roomy = {"ring_size": "4 MiB", **options}
            primitive = PerfPmu(structure_options(PerfPmu.Options, roomy))
            watched = ByHand(primitive, *targets, ops=ops, name="perf_pmu")
            stack.callback(watched.end)
            return watched

        yield over
