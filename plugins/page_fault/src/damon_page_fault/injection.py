"""Gets a userfaultfd of a process that knows nothing of us, by stopping one of its threads."""

from __future__ import annotations

import errno
import os
import platform
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Sequence
from enum import IntEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from damon_core.errors import PrimitiveError

from . import refusal
from .threads import call_name, threads_of

if TYPE_CHECKING:
    from damon_core.target import Target

NAME = "damon-injector"
MAX_TRIES = 5
_ANSWER = struct.Struct("=iiiiqq")  # struct answer of injector/main.c
_FD = struct.Struct("=i")
_TIMEOUT_S = 30  # many times what the injector allows itself


class Stage(IntEnum):
    """Where it went wrong: enum stage of injector/stage.h."""

    FIND = 0
    SEIZE = 1
    STOP = 2
    INSPECT = 3
    SECCOMP = 4
    STACK = 5
    LEAVE = 6
    CLONE = 7
    CREATE = 8
    TAKE = 9
    RETURN = 10


class Interruption(IntEnum):
    """What became of the call the thread was in: enum interruption of injector/interruption.h."""

    NONE = 0
    RESTARTED = 1
    REPEATED = 2
    SEEN = 3


_WHAT_BECAME = {
    Interruption.NONE: "",
    Interruption.RESTARTED: ", restarted by the kernel",
    Interruption.REPEATED: ", made again: its timeout began anew",
    Interruption.SEEN: ", ended with EINTR",
}

# Another thread may do where this one does not.
_OF_THE_THREAD = {
    (Stage.STOP, errno.ETIMEDOUT),
    (Stage.STOP, errno.EAGAIN),
    (Stage.STOP, errno.ENOEXEC),
    (Stage.STACK, errno.ENOSPC),
}
# It was just ending, or executing another program.
_OF_THE_MOMENT = {
    (Stage.FIND, errno.ESRCH),
    (Stage.FIND, errno.ENOENT),
    (Stage.SEIZE, errno.ESRCH),
    (Stage.STOP, errno.ESRCH),
    (Stage.INSPECT, errno.EAGAIN),
}


class NoAnswer(PrimitiveError):
    """The injector was ended before it could answer."""


@frozen
class Injected:
    """A userfaultfd of another process, without the handshake; the caller closes ``fd``.

    Thread ``tid`` was stopped for at most ``stop_ns``, the others never.  ``thread_state``:
    what it was doing, and what became of it.
    """

    fd: int
    stop_ns: int
    tid: int
    thread_state: str


@frozen
class Answer:
    """What the injector says; ``error`` is an errno, 0 for success."""

    error: int
    stage: Stage
    interruption: Interruption
    call: int
    stop_ns: int
    fd: int


def missing() -> str:
    """What this machine lacks for it, "" if nothing."""
    if platform.machine() != "x86_64":
        return f"injection is written for x86_64, this is {platform.machine()}: use cooperate()"
    try:
        injector_path()
    except PrimitiveError as error:
        return str(error)
    return ""


def injector_path() -> Path:
    """The built program.  PrimitiveError where this installation lacks it."""
    beside = Path(__file__).with_name(NAME)
    if not beside.exists():  # an editable installation keeps what was built elsewhere
        spec = find_spec("damon_page_fault._native._ffi")
        assert spec is not None
        assert spec.origin is not None
        beside = Path(spec.origin).parents[1] / NAME
    if not os.access(beside, os.X_OK):
        raise PrimitiveError(
            f"{beside} is missing or not executable: install damon-page-fault again"
        )
    return beside


def inject_userfaultfd(target: Target) -> Injected:
    """Open a userfaultfd for the memory of ``target``, and take it over.

    Stops one thread for a fraction of a millisecond: the one that will notice the least.
    It comes back unharmed whatever happens to this process.  TargetError or PrimitiveError says
    what is in the way, and what to do.
    """
    if lack := missing():
        raise PrimitiveError(lack)
    refusal.check_before(target)
    unfit: set[int] = set()
    answer = None
    for _ in range(MAX_TRIES):
        thread = _best_thread(target.pid, unfit)
        if thread is None:
            break
        answer = run_injector(injector_command(), target, thread)
        if not answer.error:
            state = call_name(answer.call) + _WHAT_BECAME[answer.interruption]
            return Injected(answer.fd, answer.stop_ns, thread, state)
        if (answer.stage, answer.error) in _OF_THE_THREAD:
            unfit.add(thread)
        elif (answer.stage, answer.error) not in _OF_THE_MOMENT:
            break
    if answer is None or not target.alive():
        raise refusal.ended(target)
    raise refusal.error_of(target, answer.stage.name.lower(), answer.error)


def _best_thread(pid: int, unfit: set[int]) -> int | None:
    """Of those left, that whose stop does the least harm; the second choice is the main thread.

    Only its stack is known for sure.
    """
    tids = [thread.tid for thread in threads_of(pid) if thread.tid not in unfit]
    if unfit and pid in tids:
        return pid
    return tids[0] if tids else None


def injector_command() -> list[str]:
    """The program, without its arguments."""
    return [str(injector_path())]


def thread_pidfds_exist() -> bool:
    """Whether the kernel has them (Linux 6.9): then the target never has the userfaultfd itself."""
    try:
        os.close(os.pidfd_open(threading.get_native_id(), os.O_EXCL))
    except OSError:
        return False
    return True


def run_injector(
    command: Sequence[str], target: Target, tid: int, *, own_files: bool | None = None
) -> Answer:
    """Start the injector for one thread and wait for its answer; PrimitiveError if there is none.

    ``own_files``: the userfaultfd is created in a file table that the target does not see.
    """
    if own_files is None:
        own_files = thread_pidfds_exist()
    try:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError as error:
        raise refusal.no_start(error) from error
    with ours:
        with its:
            process = _start(command, target, tid, its, own_files)
        ours.settimeout(_TIMEOUT_S)
        return _receive(ours, process)


def _start(
    command: Sequence[str], target: Target, tid: int, its: socket.socket, own_files: bool
) -> subprocess.Popen[bytes]:
    numbers = (target.pid, tid, target.pidfd, its.fileno())
    try:
        return subprocess.Popen(
            [*command, *map(str, numbers), "own" if own_files else "shared"],
            pass_fds=(target.pidfd, its.fileno()),
            # No signal for the monitor's terminal or group may hit it on the way.
            start_new_session=True,
        )
    except OSError as error:
        raise refusal.no_start(error) from error


def _receive(ours: socket.socket, process: subprocess.Popen[bytes]) -> Answer:
    with process:
        try:
            # socket.recv_fds() ignores its flags in older Pythons.
            message, controls, flags, _ = ours.recvmsg(
                _ANSWER.size, socket.CMSG_LEN(_FD.size), socket.MSG_CMSG_CLOEXEC
            )
        except TimeoutError:
            process.kill()
            raise PrimitiveError(
                f"the injector did not answer in {_TIMEOUT_S} s and was ended; the target goes on: "
                "see whether it hangs in the kernel (state D)"
            ) from None
    if len(message) != _ANSWER.size:
        how = _how_it_ended(process.returncode)
        raise NoAnswer(f"the injector {how}; the target goes on undisturbed: try again")
    if flags & socket.MSG_CTRUNC:
        raise refusal.no_start(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
    error, stage, interruption, _, call, stop_ns = _ANSWER.unpack(message)
    return Answer(
        error=-error,
        stage=Stage(stage),
        interruption=Interruption(interruption),
        call=call,
        stop_ns=stop_ns,
        fd=next((_FD.unpack(fds)[0] for _, _, fds in controls), -1),
    )


def _how_it_ended(returncode: int) -> str:
    if returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"ended with exit code {returncode} and no answer"
