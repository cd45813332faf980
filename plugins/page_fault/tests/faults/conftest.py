"""What the tests of sampled faults share: a target whose accesses are known, and its monitor."""

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

from damon_core import PrimitiveContext, ReportFlag
from damon_core.mechanism import Mechanism, MechanismPrimitive
from damon_core.model import AddrRange, Ops
from damon_core.target import Target
from damon_core.testing import ByHand

PAGE = os.sysconf("SC_PAGE_SIZE")
# A sanitizer that the tests run under would map terabytes into the target, for the kernel to scan.
ALONE = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


@pytest.fixture(scope="session")
def faulter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the targets."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (apt install gcc)")
    program = tmp_path_factory.mktemp("faulter") / "faulter"
    source = Path(__file__).with_name("faulter.c")
    subprocess.run([compiler, "-O1", "-pthread", source, "-o", program], check=True)
    return program


class Faulter:
    """A process with ``nr_pages`` pages at ``start``, none of them touched; see faulter.c."""

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
        (self.start,) = self.answer()

    @property
    def range(self) -> AddrRange:
        return AddrRange(self.start, self.start + self.nr_pages * PAGE)

    def tell(self, verb: str, first: int = 0, end: int = 0) -> list[int]:
        """One command; what it answers once it is done."""
        assert self._process.stdin is not None
        print(verb, first, end, file=self._process.stdin, flush=True)
        return self.answer()

    def answer(self) -> list[int]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the target has ended"
        return [int(word) for word in line.split()]

    def page_numbers(self, rows: np.ndarray) -> np.ndarray:
        """The pages of reports, in the order of the reports; those elsewhere are left out."""
        pages: np.ndarray = (self.of_area(rows)["vaddr"] - np.uint64(self.start)) // np.uint64(PAGE)
        return pages

    def of_area(self, rows: np.ndarray) -> np.ndarray:
        inside = (rows["vaddr"] >= self.start) & (rows["vaddr"] < self.range.end)
        return rows[inside & (rows["pid"] == self.pid)]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def writes(rows: np.ndarray) -> np.ndarray:
    return rows[rows["flags"] & ReportFlag.WRITE != 0]


def reads(rows: np.ndarray) -> np.ndarray:
    return rows[rows["flags"] & ReportFlag.READ != 0]


@pytest.fixture
def start(faulter: Path) -> Iterator[Callable[..., Faulter]]:
    """Starts targets, and ends them after the test."""
    with ExitStack() as stack:

        def started(nr_pages: int = 256, **options: Any) -> Faulter:
            process = Faulter(faulter, nr_pages, **options)
            stack.callback(process.kill)
            return process

        yield started


class Only(MechanismPrimitive):
    """A primitive of one mechanism, which is given."""

    def __init__(self, mechanism: Any) -> None:
        self._given = mechanism

    def choose_mechanism(self, ctx: PrimitiveContext) -> Mechanism:
        mechanism: Mechanism = self._given
        return mechanism


class Watch(ByHand):
    """A mechanism with its context."""

    @property
    def mechanism(self) -> Any:
        return self.primitive._given


@pytest.fixture
def watch() -> Iterator[Callable[..., Watch]]:
    """Makes a mechanism monitor processes; cleans up after the test."""
    with ExitStack() as stack:

        def over(mechanism: Any, *processes: Faulter, ops: Ops = Ops.VADDR) -> Watch:
            targets = [Target.open(process.pid) for process in processes]
            if ops is Ops.PADDR:
                targets = [Target.physical()]
            for target in targets:
                stack.callback(target.close)
            stack.callback(mechanism.cleanup)
            return Watch(Only(mechanism), *targets, ops=ops, name="page_fault")

        yield over
