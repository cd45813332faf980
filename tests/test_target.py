"""A target is one process for ever, or physical memory; what cannot be one is refused in words."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from damon_core.errors import ConfigError, TargetError
from damon_core.process import ProcessStat, list_processes, parse_stat, read_process_stat
from damon_core.target import PAGE_SIZE, NoSuchProcess, Target
from damon_core.vaddr import Vaddr

Process = subprocess.Popen[bytes]
Running = Callable[..., Process]

LEAVE_MAIN_THREAD = """
import ctypes, threading
main = threading.get_native_id()
def wait():
    while open(f"/proc/{main}/stat").read().rpartition(")")[2].split()[0] != "Z":
        pass
    print("ready", flush=True)
    input()
threading.Thread(target=wait).start()
ctypes.CDLL(None).pthread_exit(None)
"""
EXEC_CAT = "import os; print('ready', flush=True); os.read(0, 3); os.execvp('cat', ['cat'])"
OPEN_AS_NOBODY = """
import os, sys
from damon_core.target import Target, TargetError
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
try:
    Target.open(int(sys.argv[1]))
except TargetError as error:
    print(error)
"""


def test_an_open_target_knows_its_process(bystander: Process) -> None:
    with Target.open(bystander.pid, min_region_sz=1 << 21) as target:
        stat = read_process_stat(bystander.pid)
        assert stat is not None
        assert (target.pid, target.comm, target.start_time) == (
            bystander.pid,
            stat.comm,
            stat.start_time,
        )
        assert target.min_region_sz == 1 << 21
        assert target.alive()
        assert (target.rss() or 0) > 1 << 20
        assert len(target.sampling_addrs) == 0


def test_the_monitor_itself_can_be_a_target() -> None:
    with Target.open(os.getpid()) as target:
        assert target.alive()


def test_a_closed_target_is_not_alive_and_has_no_descriptor(bystander: Process) -> None:
    before = os.listdir("/proc/self/fd")
    target = Target.open(bystander.pid)
    target.close()
    target.close()
    assert not target.alive()
    assert os.listdir("/proc/self/fd") == before


def test_a_target_is_dead_once_its_process_is_a_zombie(bystander: Process) -> None:
    with Target.open(bystander.pid) as target:
        bystander.kill()
        os.waitid(os.P_PID, bystander.pid, os.WEXITED | os.WNOWAIT)
        assert not target.alive()
        assert target.rss() is None
        with pytest.raises(NoSuchProcess, match="is a zombie: it has ended"):
            Target.open(bystander.pid)


def test_exec_keeps_the_target_and_changes_its_name(running: Running) -> None:
    process = running(EXEC_CAT)
    assert process.stdin
    assert process.stdout
    with Target.open(process.pid) as target:
        python = Vaddr().ranges(target)
        process.stdin.write(b"go\nhello\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"hello\n"  # by now it is cat
        assert target.alive()
        assert target.reread_comm() == "cat"
        assert Vaddr().ranges(target) not in (None, python)


@pytest.mark.live
def test_a_later_process_with_the_same_pid_is_not_the_target(running: Running) -> None:
    for _ in range(50):
        process = running("print('ready', flush=True); input()")
        with Target.open(process.pid) as target:
            process.kill()
            process.communicate()
            with open("/proc/sys/kernel/ns_last_pid", "w") as last:
                last.write(str(process.pid - 1))
            other = running("print('ready', flush=True); input()")
            if other.pid == process.pid:
                assert not target.alive()
                assert target.rss() is None
                assert Vaddr().ranges(target) is None
                assert target.reread_comm() == target.comm
                return
    pytest.fail("the kernel gave the same pid in none of 50 tries")


@pytest.mark.parametrize("pid", [0, -1, 2**31])
def test_a_pid_is_a_positive_number(pid: int) -> None:
    with pytest.raises(TargetError, match=f"pid {pid}: a process id is a positive number"):
        Target.open(pid)


def test_a_pid_that_nobody_has_is_no_such_process() -> None:
    with pytest.raises(NoSuchProcess, match="no such process: pid 2147483647"):
        Target.open(2**31 - 1)


def test_a_thread_is_refused_with_the_pid_of_its_process() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with pytest.raises(TargetError, match=f"is a thread of process {os.getpid()}: use"):
            Target.open(thread.native_id or 0)
    finally:
        done.set()
        thread.join()


def test_a_process_without_its_main_thread_has_no_readable_memory(running: Running) -> None:
    process = running(LEAVE_MAIN_THREAD)
    with pytest.raises(NoSuchProcess, match="no memory any more: its main thread has ended"):
        Target.open(process.pid)


def test_a_kernel_thread_has_no_user_memory() -> None:
    stats = (read_process_stat(int(name)) for name in os.listdir("/proc") if name.isdigit())
    thread = next((stat for stat in stats if stat and stat.is_kernel_thread), None)
    if thread is None:
        pytest.skip("needs a visible kernel thread: run outside the container")
    with pytest.raises(TargetError, match="is a kernel thread: it has no user memory"):
        Target.open(thread.pid)


@pytest.mark.live
def test_the_process_of_another_user_names_the_capability(bystander: Process) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN_AS_NOBODY, str(bystander.pid)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == (
        f"pid {bystander.pid} ({_comm(bystander)}) belongs to uid 0 and you are uid 65534: "
        "run as its owner or as root, or with CAP_SYS_PTRACE"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="needs an unprivileged user: root may read all")
def test_a_process_that_is_not_dumpable_says_so(running: Running) -> None:
    process = running(
        "import ctypes; ctypes.CDLL(None).prctl(4, 0); print('ready', flush=True); input()"
    )
    with pytest.raises(TargetError, match=r"is not dumpable \(set-id, or by its own choice\)"):
        Target.open(process.pid)


def test_too_many_open_files_says_which_limit_to_raise(bystander: Process) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(TargetError, match=r"too many open files: raise the limit \(ulimit -n"):
            Target.open(bystander.pid)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1, PAGE_SIZE // 2, 3 * PAGE_SIZE, -PAGE_SIZE])
def test_min_region_sz_is_a_power_of_two_of_at_least_a_page(size: int) -> None:
    with pytest.raises(ConfigError, match=f"min_region_sz is {size}: it must be a power of two"):
        Target.open(os.getpid(), min_region_sz=size)
    with pytest.raises(ConfigError):
        Target.physical(min_region_sz=size)


def test_physical_memory_is_always_alive_and_no_process() -> None:
    target = Target.physical()
    assert (target.pid, target.pidfd, target.rss()) == (0, -1, None)
    target.close()
    assert target.alive()


def test_a_refused_target_leaves_no_descriptor_open() -> None:
    before = os.listdir("/proc/self/fd")
    for pid in (2, 2**31 - 1, threading.get_native_id() + 1):
        with suppress(TargetError):
            Target.open(pid).close()
    assert os.listdir("/proc/self/fd") == before


def test_stat_is_read_by_fields_whatever_the_name_holds(running: Running) -> None:
    name = ") R 1 (x) ("
    process = running(
        "import sys; print(open('/proc/self/comm', 'w').write(sys.argv[1]), flush=True); input()",
        name,
    )
    stat = read_process_stat(process.pid)
    assert stat is not None
    assert (stat.comm, stat.parent) == (name, os.getpid())


def test_stat_fields_are_those_of_the_manual() -> None:
    text = b"7 (a b) S 3 7 7 0 -1 2097152 " + b" ".join(b"%d" % n for n in range(10, 53))
    assert parse_stat(text) == ProcessStat(7, "a b", "S", 3, 0x200000, 22)


def test_the_list_of_processes_has_neither_kernel_threads_nor_zombies(bystander: Process) -> None:
    assert bystander.pid in {stat.pid for stat in list_processes()}
    bystander.kill()
    os.waitid(os.P_PID, bystander.pid, os.WEXITED | os.WNOWAIT)
    listed = list(list_processes())
    assert bystander.pid not in {stat.pid for stat in listed}
    assert not any(stat.is_kernel_thread for stat in listed)


def _comm(process: Process) -> str:
    stat = read_process_stat(process.pid)
    assert stat is not None
    return stat.comm
