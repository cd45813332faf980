"""A command is held until released, has a life of its own, and ends with the monitoring."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from damon_core.command import Command
from damon_core.errors import TargetError

Start = Callable[..., Command]

HOLD_AND_WAIT = """
import os
from damon_core.command import Command
command = Command.start(["true"])
print(command.pid, flush=True)
input()
os._exit(0)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    commands: list[Command] = []

    def start_one(*argv: str) -> Command:
        commands.append(Command.start(argv))
        return commands[-1]

    yield start_one
    for command in commands:
        if command.exit_code is None:
            os.killpg(command.pid, signal.SIGKILL)
        command.close()


def ended(command: Command) -> Command:
    """Wait until it is a zombie."""
    os.waitid(os.P_PID, command.pid, os.WEXITED | os.WNOWAIT)
    return command


def test_a_held_command_has_not_been_executed(start: Start) -> None:
    command = start("cat")
    assert command.held
    assert command.exit_code is None
    assert os.readlink(f"/proc/{command.pid}/exe") == os.readlink("/proc/self/exe")


def test_a_released_command_has_been_executed_in_the_same_process(start: Start) -> None:
    command = start("sleep", "1000")
    command.release()
    assert not command.held
    assert Path(f"/proc/{command.pid}/comm").read_text() == "sleep\n"
    assert Path(f"/proc/{command.pid}/cmdline").read_bytes() == b"sleep\x001000\x00"
    command.release()


def test_a_command_closed_while_held_never_runs(start: Start, tmp_path: Path) -> None:
    command = start("touch", str(tmp_path / "ran"))
    command.close()
    assert command.exit_code == 127
    assert not (tmp_path / "ran").exists()


def test_a_held_command_ends_when_the_monitor_dies() -> None:
    monitor = subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_WAIT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert monitor.stdin
    assert monitor.stdout
    held = os.pidfd_open(int(monitor.stdout.readline()))
    monitor.communicate(b"die\n")
    poll = select.poll()
    poll.register(held, select.POLLIN)
    assert poll.poll(60_000)
    os.close(held)


def test_a_command_gets_environment_and_arguments_as_they_are(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAMON_TEST", "a b\nc")
    out = tmp_path / "out"
    command = start("sh", "-c", 'printf "%s|%s" "$DAMON_TEST" "$1" > "$0"', str(out), 'x "y" *')
    command.release()
    ended(command)
    assert out.read_text() == 'a b\nc|x "y" *'


def test_ctrl_c_does_not_reach_the_command(start: Start) -> None:
    command = start("sleep", "1000")
    assert os.getpgid(command.pid) == command.pid != os.getpgid(0)
    command.release()
    assert os.getpgid(command.pid) == command.pid


def test_a_command_has_the_signals_of_a_fresh_process(start: Start) -> None:
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN  # Python's choice, not the user's
    command = start("sh", "-c", "kill -PIPE $$; exit 3")
    command.release()
    assert ended(command).ending == "command sh was killed by SIGPIPE"


def test_a_command_inherits_just_what_the_monitor_has_inherited(
    start: Start, tmp_path: Path
) -> None:
    listing = ("sh", "-c", 'ls /proc/$$/fd > "$0"')
    subprocess.run([*listing, str(tmp_path / "usual")], check=True, close_fds=False)
    other = start("sleep", "1000")
    with open(tmp_path / "open", "wb"):
        command = start(*listing, str(tmp_path / "ours"))
        command.release()
        ended(command)
    assert other.held
    assert (tmp_path / "ours").read_text() == (tmp_path / "usual").read_text()


def test_the_way_a_command_ended_is_said(start: Start) -> None:
    command = start("sh", "-c", "exit 3")
    command.release()
    assert ended(command).ending == "command sh exited with status 3"
    assert command.exit_code == 3
    command.close()
    assert command.exit_code == 3


def test_closing_ends_the_whole_process_group(start: Start) -> None:
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)
    command = start("sh", "-c", "sleep 1000 & sleep 1000; true")
    os.close(theirs)
    command.release()
    command.close()
    assert command.ending == "command sh was killed by SIGTERM"
    assert os.read(ours, 1) == b""  # the last holder of the pipe is gone
    os.close(ours)


def test_a_stopped_command_can_be_ended_too(start: Start) -> None:
    command = start("sleep", "1000")
    command.release()
    os.kill(command.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, command.pid, os.WSTOPPED)
    command.close()
    assert command.exit_code == -signal.SIGTERM


def test_a_command_that_will_not_end_is_left_running(start: Start, tmp_path: Path) -> None:
    fifo = tmp_path / "ready"
    os.mkfifo(fifo)
    command = start("sh", "-c", 'trap "" TERM; echo ready > "$0"; exec sleep 1000', str(fifo))
    command.release()
    assert fifo.read_text() == "ready\n"
    command.close(patience_s=0)
    assert command.left_running
    assert command.ending == f"command sh still runs as pid {command.pid}"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((), "the command is empty: give a program and its arguments"),
        (("",), "the command is empty"),
        (("no-such-program", "-x"), "command no-such-program: no such program in PATH"),
        (("./no such file",), "command './no such file': no such file"),
        (("/",), "command /: it is a directory"),
        (("/proc/self/status",), "command /proc/self/status: not executable: chmod"),
    ],
)
def test_a_command_that_cannot_be_is_refused_at_the_door(
    argv: tuple[str, ...], message: str
) -> None:
    with pytest.raises(TargetError, match=message):
        Command.start(argv)


def test_a_file_that_the_kernel_cannot_execute_is_refused_on_release(
    start: Start, tmp_path: Path
) -> None:
    path = tmp_path / "text"
    path.write_text("no shebang")
    path.chmod(0o755)
    command = start(str(path))
    with pytest.raises(TargetError, match=f"command {path} cannot be executed: Exec format error"):
        command.release()
    assert command.exit_code == 127


def test_a_command_killed_while_held_is_no_failure_to_execute(start: Start) -> None:
    command = start("sleep", "1000")
    os.kill(command.pid, signal.SIGKILL)
    ended(command)
    command.release()
    assert command.ending == "command sleep was killed by SIGKILL"


def test_commands_leave_no_descriptor_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    Command.start(["true"]).close()
    released = Command.start(["true"])
    released.release()
    released.close()
    assert os.listdir("/proc/self/fd") == before
