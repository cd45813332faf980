"""A monitor that is killed, at whatever moment, leaves its target as if it had never been there."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from .conftest import HUGE, Start, Writers

pytestmark = [pytest.mark.live, pytest.mark.slow]

NR_KILLS = 200
LONGEST_S = 0.15

# Forks a monitor for each line, and kills it so many seconds later.
MONITORS = """
import os, select, signal, sys
from damon_core import PrimitiveContext
from damon_core.errors import PrimitiveError
from damon_core.model import Intervals, Ops
from damon_core.target import Target
from damon_core.testing import RecordedReports
from damon_core.vaddr import Vaddr
from damon_page_fault import injection, wp_async
from damon_page_fault.options import Choice, Options
from damon_page_fault.plugin import PageFault

def monitor(pid):
    target = Target.open(pid)
    target.ranges = Vaddr().ranges(target)
    reports = RecordedReports()
    ctx = PrimitiveContext("page_fault", Ops.VADDR, Intervals(), 4096, reports, (target,))
    primitive = PageFault(Options(Choice.WP_ASYNC, inject=True))
    while True:
        try:
            primitive.damon_init(ctx)
        except PrimitiveError:  # the injector of one that was killed is still at it
            primitive.damon_cleanup(ctx)
            continue
        primitive.damon_update_targets(ctx)
        for _ in range(5):
            primitive.damon_check_accesses(ctx, reports)
            reports.bitmaps.clear()
        os.write(1, b".")
        primitive.damon_cleanup(ctx)

for line in sys.stdin:
    child = os.fork()
    if not child:
        monitor(int(sys.argv[1]))
    pidfd = os.pidfd_open(child)
    ended, _, _ = select.select([pidfd], [], [], float(line))
    os.close(pidfd)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.write(1, b"?\\n" if ended else b"\\n")
"""


@pytest.mark.parametrize("kind", ["anon", "thp", "shmem", "file_shared"])
def test_a_monitor_killed_at_random_moments_leaves_no_trace(writers: Start, kind: str) -> None:
    process = writers(kind, 16 * HUGE, cooperates=False)
    process.begin("free", 1, 60_000, 5_000_000, 0)
    nr_watches = kill_monitors(process, NR_KILLS // 4)
    assert process.answer() == "done"
    assert process.tell("check") == ["0"], "memory is not what was written to it"
    while "uw" in process.flags():  # an injector may have to find out that nobody waits for it
        os.sched_yield()
    assert not [name for name in files_of(process) if "userfaultfd" in name]
    assert process.status() == 0
    assert nr_watches > 0, "no monitor lived long enough to watch anything"


def kill_monitors(process: Writers, nr: int) -> int:
    """How many watches were completed meanwhile."""
    draw = random.Random(nr)
    command = [sys.executable, "-c", MONITORS, str(process.pid)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as monitors:
        assert monitors.stdin is not None
        assert monitors.stdout is not None
        nr_watches = 0
        for _ in range(nr):
            print(draw.uniform(0, LONGEST_S), file=monitors.stdin, flush=True)
            said = monitors.stdout.readline()
            assert "?" not in said, "a monitor has ended by itself"
            nr_watches += said.count(".")
        monitors.stdin.close()
    return nr_watches


def files_of(process: Writers) -> list[str]:
    folder = f"/proc/{process.pid}/fd"
    return [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]
