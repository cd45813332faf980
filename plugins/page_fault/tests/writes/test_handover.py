"""How a userfaultfd of a target is come by: freely, by leave, or not at all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from damon_core.errors import PrimitiveError
from damon_core.record import open_record
from damon_core.target import Target
from damon_page_fault import cooperation
from damon_page_fault.cooperation import address_of, ask
from damon_page_fault.handover import NotHandedOver, is_held, take_userfaultfd

from .conftest import Start, Watch

COOPERATES = """
import os, sys
import damon_page_fault
damon_page_fault.cooperate()
damon_page_fault.cooperate()
if "fork" in sys.argv:
    child = os.fork()
    os.write(1, b"%d\\n" % (child or os.getpid()))
else:
    print("ready", flush=True)
sys.stdin.read()
"""
BUSY = """
import mmap, resource, sys
if "cooperate" in sys.argv:
    import damon_page_fault
    damon_page_fault.cooperate()
memory = mmap.mmap(-1, 16 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_NOHUGEPAGE)

nr_pages = len(memory) // mmap.PAGESIZE
begin = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
# Each scan makes every page fault once more: until there were some.
while resource.getrusage(resource.RUSAGE_SELF).ru_minflt < begin + 5 * nr_pages:
    for page in range(nr_pages):
        memory[page * mmap.PAGESIZE] = 1
"""
ASK = f"""
import socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.connect({address_of(0)[:-1]!r} + sys.argv[1].encode())
    print(socket.recv_fds(door, 1, 1)[:2])
"""


class Child:
    """A Python process that runs a script."""

    def __init__(self, script: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def cooperating() -> Iterator[Child]:
    """A Python process that cooperates."""
    child = Child(COOPERATES)
    try:
        assert child.line() == "ready"
        yield child
    finally:
        child.end()


def test_a_process_that_cooperates_hands_a_userfaultfd_over_each_time(cooperating: Child) -> None:
    fds = [ask(cooperating.pid) for _ in range(2)]
    for fd in fds:
        assert fd is not None
        assert os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:[userfaultfd]"
        os.close(fd)
    assert "userfaultfd" not in " ".join(files_of(cooperating.pid))


def test_a_process_that_does_not_cooperate_is_told_from_one_that_has_ended() -> None:
    assert ask(os.getpid()) is None
    assert ask(2**22) is None


def test_a_child_of_fork_does_not_answer_for_its_parent() -> None:
    with ExitStack() as stack:
        child = Child(COOPERATES, "fork")
        stack.callback(child.end)
        others = {int(child.line()), int(child.line())} - {child.pid}
        (grandchild,) = others
        stack.callback(os.kill, grandchild, signal.SIGKILL)
        assert ask(grandchild) is None
        fd = ask(child.pid)
        assert fd is not None
        os.close(fd)
        assert not [name for name in files_of(grandchild) if name.startswith("socket:")]


def test_who_listens_under_the_name_of_another_is_not_believed() -> None:
    child = Child("import sys; print('ready', flush=True); sys.stdin.read()")
    try:
        assert child.line() == "ready"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address_of(child.pid))
            listener.listen()
            assert ask(child.pid) is None
    finally:
        child.end()


@pytest.mark.live
def test_nothing_is_handed_to_other_users(cooperating: Child) -> None:
    asked = [sys.executable, "-S", "-E", "-c", ASK, str(cooperating.pid)]
    try:
        answer = subprocess.run(asked, user=65534, capture_output=True, text=True, check=False)
    except PermissionError:
        pytest.skip("needs a Python that any user may execute")
    if "Permission" in answer.stderr:
        pytest.skip("needs a Python that any user may execute")
    assert answer.stdout.strip() == "(b'', [])", answer.stderr


def test_a_stopped_process_is_not_waited_for_without_end(
    cooperating: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cooperation, "_TIMEOUT_S", 0.05)
    os.kill(cooperating.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, cooperating.pid, os.WSTOPPED | os.WNOWAIT)
    with (
        Target.open(cooperating.pid) as target,
        pytest.raises(NotHandedOver, match="does not answer: is it stopped"),
    ):
        take_userfaultfd(target, inject=True)


def test_a_child_that_has_yet_to_execute_its_program_is_known() -> None:
    from damon_core.command import Command

    command = Command.start([sys.executable, "-c", "input()"])
    try:
        with Target.open(command.pid) as target:
            assert is_held(target)
            command.release()
            assert not is_held(target)
    finally:
        command.close()


@pytest.mark.live
def test_targets_that_do_not_cooperate_are_told_and_do_not_keep_others_from_being_watched(
    writers: Start, watch: Watch
) -> None:
    process, other = writers(nr_readers=0), writers(cooperates=False)
    tick = watch(process)
    with Target.open(other.pid) as target:
        tick.ctx.targets = (*tick.ctx.targets, target)
        for _ in range(3):
            tick.primitive.damon_update_targets(tick.ctx)
        process.tell("write", 7, 8)
        assert tick.pages(process) == {7}
    assert tick.ctx.counters["processes_not_watched"] == 1
    (told,) = [text for text in tick.told if str(other.pid) in text]
    assert "inject: yes" in told


@pytest.mark.live
def test_a_command_is_not_injected_unasked(tmp_path: Path) -> None:
    done = record(tmp_path, "page_fault", "busy")
    assert done.returncode == 2
    assert "unasked" in done.stderr
    assert "inject: yes" in done.stderr


@pytest.mark.live
@pytest.mark.parametrize(
    ("primitive", "how"),
    [("page_fault:inject=yes", "injected"), ("page_fault:mechanism=wp_async", "cooperate")],
)
def test_a_command_is_watched_from_when_it_has_been_executed(
    tmp_path: Path, primitive: str, how: str
) -> None:
    done = record(tmp_path, primitive, how)
    assert done.returncode == 0, done.stderr
    table = open_record(tmp_path / "out.damon").to_table()
    assert sum(table["hits.page_fault"].to_pylist()) >= (16 << 20) // 4096


@pytest.mark.live
def test_a_target_that_may_not_be_had_is_an_error_of_one_line(writers: Start, watch: Watch) -> None:
    process = writers(cooperates=False)
    with pytest.raises(PrimitiveError) as caught:
        watch(process)
    assert "\n" not in str(caught.value)
    assert str(process.pid) in str(caught.value)


def record(folder: Path, primitive: str, how: str) -> subprocess.CompletedProcess[str]:
    """Record a command that writes to 16 MiB, and ends after some scans."""
    damon = [sys.executable, "-m", "damon_core", "record", "--primitive", primitive]
    damon += ["--sample", "50ms", "--aggr", "100ms", "--update", "100ms"]
    damon += ["-o", str(folder / "out.damon"), "--", sys.executable, "-c", BUSY, how]
    return subprocess.run(damon, capture_output=True, text=True, check=False)


def files_of(pid: int) -> list[str]:
    """What a process has open."""
    folder = f"/proc/{pid}/fd"
    return [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]
