"""Each reason why a process gives no userfaultfd: one clear line, and it goes on unharmed."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys

import pytest

from damon_core.errors import PrimitiveError, TargetError
from damon_core.target import Target
from damon_page_fault import injection, refusal
from damon_page_fault.injection import Stage, inject_userfaultfd

pytestmark = pytest.mark.live


def refused(target, error: type[Exception], words: str) -> str:
    with pytest.raises(error, match=words) as caught:
        inject_userfaultfd(target.target)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    return message


def test_a_32_bit_program_is_refused(tiny) -> None:
    target = tiny("-m32")
    refused(target, TargetError, r"pid \d+ \(tiny\) is a 32-bit program")
    assert target.works()


def test_a_thread_in_32_bit_mode_is_refused_by_the_injector_too(tiny) -> None:
    target = tiny("-m32", "-DPOP_RAX")
    answer = injection.run_injector(injection.injector_command(), target.target, target.pid)
    assert (answer.stage, answer.error) == (Stage.STOP, errno.ENOEXEC)
    assert target.works()


def test_a_program_without_the_instructions_is_refused(tiny) -> None:
    target = tiny()
    refused(target, TargetError, "no `syscall; ret`")
    assert target.works()


@pytest.mark.parametrize("flag", ["-DPOP_RAX", "-DSIGRETURN"])
def test_either_way_to_return_from_a_signal_will_do(tiny, interrupted, flag) -> None:
    target = tiny(flag)
    step = 0
    while interrupted.kill(target, target.pid, step):
        assert target.works(), step
        step += 1
    assert step > 40


@pytest.mark.parametrize("mode", ["seccomp-errno", "seccomp-kill", "seccomp-trap"])
def test_a_seccomp_filter_is_asked_and_not_tried(victim, mode) -> None:
    target = victim(mode, nr_threads=1)
    before = target.traits()
    refused(target, TargetError, "seccomp filter that forbids userfaultfd")
    assert target.works()
    assert target.settles_to(before)


def test_a_seccomp_filter_that_may_not_be_read_is_not_risked(victim, injector_as_nobody) -> None:
    target = victim("seccomp-kill", user=injector_as_nobody)
    refused(target, TargetError, "only CAP_SYS_ADMIN")
    assert target.works()


def test_a_process_of_another_user_is_refused(victim, injector_as_nobody) -> None:
    target = victim("sleep")
    refused(target, TargetError, "may not be traced")
    assert target.works()


TRACER = """
import ctypes, sys
libc = ctypes.CDLL(None)
assert all(libc.ptrace(0x4206, int(tid), None, None) == 0 for tid in sys.argv[1:])
print("seized", flush=True)
sys.stdin.read()
"""


def test_a_process_that_is_traced_is_refused_by_the_name_of_its_tracer(victim) -> None:
    target = victim("sleep")
    tids = map(str, target.tids())
    with subprocess.Popen(
        [sys.executable, "-c", TRACER, *tids], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as tracer:
        assert tracer.stdout is not None
        assert tracer.stdout.readline() == b"seized\n"
        message = refused(target, TargetError, f"already traced by pid {tracer.pid} ")
        answer = injection.run_injector(injection.injector_command(), target.target, target.pid)
        assert (answer.stage, answer.error) == (Stage.SEIZE, errno.EPERM)
        error = refusal.error_of(target.target, "seize", errno.EPERM)
        assert str(error) == message
    assert target.works()


def test_a_process_with_one_thread_that_cannot_stop_gives_it_by_another(victim) -> None:
    target = victim("vfork")
    os.close(inject_userfaultfd(target.target).fd)
    command = injection.injector_command()
    answer = injection.run_injector(command, target.target, target.pid)
    assert (answer.stage, answer.error) == (Stage.STOP, errno.ETIMEDOUT)
    assert target.states() <= {"D", "S"}


def test_a_process_that_has_ended_is_refused(victim) -> None:
    target = victim("sleep")
    target.process.kill()
    target.process.wait()
    refused(target, TargetError, "has ended")


def test_a_zombie_is_refused(victim) -> None:
    target = victim("sleep")
    target.process.kill()
    os.waitid(os.P_PID, target.pid, os.WEXITED | os.WNOWAIT)
    refused(target, TargetError, "has ended")


def test_physical_memory_is_refused() -> None:
    with pytest.raises(TargetError, match="use ops vaddr"):
        inject_userfaultfd(Target.physical())


def test_too_many_open_files_of_our_own_are_told_as_such(victim) -> None:
    target = victim("sleep")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        with pytest.raises(PrimitiveError, match=r"too many open files .*ulimit -n"):
            injection.run_injector(["true"], target.target, target.pid)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_injector_that_is_killed_is_told_as_such(victim, interrupted) -> None:
    target = victim("sleep")
    with pytest.raises(PrimitiveError, match="ended with exit code 1 and no answer"):
        injection.run_injector(["/bin/false"], target.target, target.pid)
    suicide = ["/bin/sh", "-c", "kill -KILL $$"]
    with pytest.raises(PrimitiveError, match="was killed by SIGKILL; the target goes on"):
        injection.run_injector(suicide, target.target, target.pid)


def test_a_machine_other_than_x86_64_is_told_as_such(victim, monkeypatch) -> None:
    monkeypatch.setattr(injection.platform, "machine", lambda: "aarch64")
    assert "this is aarch64" in injection.missing()
    refused(victim("sleep"), PrimitiveError, "written for x86_64")


@pytest.mark.parametrize("stage", [stage.name.lower() for stage in Stage])
@pytest.mark.parametrize("error", ["EPERM", "ESRCH", "ENOSPC", "EMFILE", "EINVAL", "ENOMEM"])
def test_every_error_has_one_line(stage, error) -> None:
    message = str(refusal.error_of(Target(pid=os.getpid(), comm="x"), stage, getattr(errno, error)))
    assert 40 < len(message) < 300
    assert "\n" not in message
