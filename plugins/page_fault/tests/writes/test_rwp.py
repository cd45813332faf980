"""Read-write protection with its ioctls scripted: no kernel that has it was at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from damon_core.model import Ops
from damon_page_fault.plugin import PageFault
from damon_page_fault.probe import MECHANISMS

from .conftest import HERE, Start, Writers

MONITOR = """
import sys
from damon_core import PrimitiveContext
from damon_core.model import Intervals, Ops, SampleFilter
from damon_core.target import Target
from damon_core.testing import RecordedReports
from damon_core.vaddr import Vaddr
from damon_page_fault.options import Options
from damon_page_fault.plugin import PageFault

pid, start, filters = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
target = Target.open(pid)
target.ranges = Vaddr().ranges(target)
reports = RecordedReports()
ctx = PrimitiveContext(
    "page_fault", Ops.VADDR, Intervals(), 4096, reports, (target,),
    filters=tuple(SampleFilter(type) for type in filters),
)
primitive = PageFault()
print(PageFault.probe(Ops.VADDR).mechanism, flush=True)
primitive.damon_init(ctx)
primitive.damon_update_targets(ctx)
print(ctx.mechanism, primitive.provides.write, flush=True)
for line in sys.stdin:
    if line == "update\\n":
        primitive.damon_update_targets(ctx)
    reports.bitmaps.clear()
    primitive.damon_check_accesses(ctx, reports)
    assert all(int(bitmap.flags) == 0 for bitmap in reports.bitmaps)
    pages = {(int(a) - start) // 4096 for bitmap in reports.bitmaps for a in bitmap.addresses()}
    print(*sorted(page for page in pages if 0 <= page < 4096), flush=True)
"""


@pytest.fixture(scope="session")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What makes this kernel look like one that has it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev")
    built = tmp_path_factory.mktemp("rwp") / "rwp_kernel.so"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-D_FORTIFY_SOURCE=0"]
    subprocess.run([compiler, *flags, HERE / "rwp_kernel.c", "-o", built], check=True)
    return built


class Monitor:
    """A process that watches another under the kernel made up."""

    def __init__(self, kernel: Path, process: Writers, *filters: str) -> None:
        preloaded = ":".join([*os.environ.get("LD_PRELOAD", "").split(), str(kernel)])
        self._process = subprocess.Popen(
            [sys.executable, "-c", MONITOR, str(process.pid), str(process.start), *filters],
            env=os.environ | {"LD_PRELOAD": preloaded},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.probed = self.answer()
        self.mechanism, self.tells_writes = self.answer().split()

    def answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._process.communicate()[1]
        return line.strip()

    def pages(self, word: str = "check") -> list[int]:
        assert self._process.stdin is not None
        print(word, file=self._process.stdin, flush=True)
        return [int(page) for page in self.answer().split()]

    def end(self) -> None:
        self._process.communicate()


StartMonitor = Callable[..., Monitor]


@pytest.fixture
def monitor(kernel: Path) -> Iterator[StartMonitor]:
    """Starts a monitor, and ends it after the test."""
    started = []

    def start(process: Writers, *filters: str) -> Monitor:
        one = Monitor(kernel, process, *filters)
        started.append(one)
        return one

    yield start
    for one in started:
        one.end()


def test_a_kernel_without_it_says_what_is_missing() -> None:
    lack = MECHANISMS.missing("rwp", Ops.VADDR)
    if not lack:
        pytest.skip("this kernel has it")
    assert "UFFD_FEATURE_RWP" in lack or "userfaultfd" in lack
    assert PageFault.probe(Ops.VADDR).mechanism != "rwp"


@pytest.mark.live
def test_it_is_taken_by_itself_where_the_kernel_offers_it(
    writers: Start, monitor: StartMonitor
) -> None:
    process = writers(nr_readers=0)
    watched = monitor(process)
    assert (watched.probed, watched.mechanism, watched.tells_writes) == ("rwp", "rwp", "False")
    assert watched.pages() == []
    process.tell("write", 10, 20)
    process.tell("write", 4000, 4001)
    assert watched.pages() == [*range(10, 20), 4000]
    assert watched.pages() == []
    process.tell("round", 1, 1600)
    before = len(process.log())
    assert watched.pages() == sorted(set(process.log()["page"].tolist()))
    process.tell("round", 2, 160)
    assert watched.pages("update") == sorted(set(process.log()[before:]["page"].tolist()))


@pytest.mark.live
def test_where_the_direction_is_asked_for_writes_are_watched(
    writers: Start, monitor: StartMonitor
) -> None:
    process = writers(nr_readers=0)
    watched = monitor(process, "write")
    assert (watched.mechanism, watched.tells_writes) == ("wp_async", "True")
