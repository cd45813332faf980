"""Things that happen to the target while the injector is in the middle of it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from itertools import count

import pytest

from damon_core.process import read_process_stat

pytestmark = pytest.mark.live

GONE = {errno.ESRCH, errno.EAGAIN, errno.EFAULT, errno.EIO, errno.EPERM, errno.ENOENT}
LATE = {errno.ETIMEDOUT}
"""On a busy machine it may be held for longer than the injector takes its time."""


def close(answer) -> None:
    if answer.fd >= 0:
        os.close(answer.fd)


def test_the_target_never_has_the_userfaultfd_itself(victim, interrupted) -> None:
    target = victim("busy")
    seen: list[bool] = []
    for step in count():
        answer = interrupted.hold(
            target, target.pid, step, lambda: seen.append(target.has_userfaultfd())
        )
        if answer is None:
            break
        assert answer.error in LATE | {0}
        close(answer)
    assert len(seen) > 40
    assert not any(seen)


def test_a_target_may_exit_at_any_step(victim, interrupted) -> None:
    for step in count():
        target = victim("busy")
        answer = interrupted.hold(target, target.pid, step, target.process.kill)
        if answer is None:
            break
        close(answer)
        assert answer.error in GONE | LATE | {0}, answer
        assert target.process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("which", [0, 2])
def test_a_target_may_execute_another_program_at_any_step(victim, interrupted, which) -> None:
    target = victim("busy", nr_threads=1)
    before = target.traits()
    nr_execs = 0

    def execute() -> None:
        def has_begun() -> bool:
            stat = read_process_stat(tid)
            return target.count("ready") > nr_execs or stat is None or stat.state in "ZX"

        target.tell("exec")
        target.wait_until(has_begun)

    for step in count():
        nr_execs = target.count("ready")
        tid = target.tids()[which]
        answer = interrupted.hold(target, tid, step, execute)
        if answer is None:
            break
        close(answer)
        assert answer.error in GONE | LATE | {0}, answer
        target.wait_until(lambda nr=nr_execs: target.count("ready") > nr)
        assert target.works()
        assert target.settles_to(before), (step, target.traits())


@pytest.mark.parametrize("mode", ["busy", "sleep"])
def test_a_target_may_be_stopped_at_any_step(victim, interrupted, mode) -> None:
    target = victim(mode, nr_threads=1)
    before = target.traits()
    nr_given = 0
    for step in count():
        answer = interrupted.hold(
            target, target.pid, step, lambda: os.kill(target.pid, signal.SIGSTOP)
        )
        if answer is None:
            break
        assert answer.error in LATE | {0}, answer
        nr_given += not answer.error
        close(answer)
        target.wait_until(lambda: target.states() == {"T"})
        os.kill(target.pid, signal.SIGCONT)
        assert target.works()
        assert target.settles_to(before), (step, target.traits())
    assert nr_given > 20


MONITOR = """
import sys
from damon_core.target import Target
from damon_page_fault import injection
with Target.open(int(sys.argv[1])) as target:
    injection.run_injector(sys.argv[2:], target, target.pid)
"""


@pytest.mark.parametrize("step", [1, 10, 20, 30, 40])
def test_the_injector_finishes_when_the_monitor_is_killed(
    victim, interrupted, tmp_path, step
) -> None:
    target = victim("busy", nr_threads=1)
    before = target.traits()
    held, go = tmp_path / "held", tmp_path / "go"
    os.mkfifo(held)
    os.mkfifo(go)
    command = interrupted.command("hold", step, held, go)
    monitor = subprocess.Popen([sys.executable, "-c", MONITOR, str(target.pid), *command])
    with held.open("rb", buffering=0) as file:
        assert file.read(1)
        monitor.kill()
        monitor.wait()
        go.write_bytes(b"x")
        assert file.read(1) == b"", "closed when the injector has ended"
    assert target.works()
    assert target.settles_to(before)
