"""A command that we start: held before exec, released, and ended with the monitoring."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import signal
import struct
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from attrs import define, field

from ._native import ffi, lib
from .errors import TargetError
from .file_limit import give_back_file_limit

PATIENCE_S = 10.0
"""How long :meth:`Command.close` waits for a command that was asked to end."""


@define(eq=False)
class Command:
    """A child process that executes ``argv`` once released.

    It has a process group of its own, so Ctrl-C at the terminal reaches the monitor alone, which
    can finish its recording first and then ends the command.  Not being in the foreground, it gets
    an empty standard input where the monitor's is a terminal.
    """

    argv: tuple[str, ...]
    pid: int
    left_running: bool = False
    _gate: int = field(default=-1, repr=False)
    _error: int = field(default=-1, repr=False)
    _status: int | None = field(default=None, repr=False)

    @classmethod
    def start(cls, argv: Sequence[str]) -> Command:
        """Fork, and hold the child before exec; TargetError if there is nothing to execute."""
        argv = tuple(argv)
        path = find_program(argv)
        with ExitStack() as on_error:
            try:
                gate = _pipe(on_error)
                error = _pipe(on_error)
                pid = _fork(path, argv, gate, error)
            except OSError as failure:
                raise TargetError(
                    f"{_name(argv)} cannot be started: {failure.strerror}"
                ) from failure
            on_error.pop_all()
        os.close(gate[0])
        os.close(error[1])
        give_back_file_limit(pid)
        return cls(argv, pid, gate=gate[1], error=error[0])

    @property
    def held(self) -> bool:
        """Whether it still waits to be released."""
        return self._gate >= 0

    def release(self) -> None:
        """Let it execute; returns when it has.  TargetError if that fails.  Harmless when done."""
        if not self.held:
            return
        with suppress(BrokenPipeError):  # it was killed while held: its status tells
            os.write(self._gate, b"\0")
        self._close_gate()
        failure = os.read(self._error, 4)
        self._close_error()
        if failure:
            self._reap()
            (number,) = struct.unpack("i", failure)
            raise TargetError(f"{self} cannot be executed: {os.strerror(number)}")

    @property
    def exit_code(self) -> int | None:
        """Exit status, or minus the signal that killed it; None while it runs."""
        if self._status is None:
            # Not reaped before close(): until then the pid, and the group's id, stay ours.
            seen = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if seen is None:
                return None
            return seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status
        return os.waitstatus_to_exitcode(self._status)

    @property
    def ending(self) -> str:
        """How it ended, as a sentence for the user."""
        code = self.exit_code
        if code is None:
            return f"{self} still runs as pid {self.pid}"
        if code < 0:
            return f"{self} was killed by {signal.Signals(-code).name}"
        return f"{self} exited with status {code}"

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """End it: SIGTERM to its process group, and wait.

        One that was never released ends without having been executed.  One that has not ended
        ``patience_s`` later is left running (``left_running``), as killing it could lose its work.
        """
        held = self.held
        self._close_gate()
        self._close_error()
        if self._status is not None:
            return
        if not held and self.exit_code is None:
            self._terminate()
            if not self._wait(patience_s):
                self.left_running = True
                return
        self._reap()

    def _terminate(self) -> None:
        with suppress(PermissionError, ProcessLookupError):  # it may have become another user
            os.killpg(self.pid, signal.SIGTERM)
            os.killpg(self.pid, signal.SIGCONT)

    def _wait(self, patience_s: float) -> bool:
        pidfd = os.pidfd_open(self.pid)
        try:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            return bool(poll.poll(patience_s * 1000))
        finally:
            os.close(pidfd)

    def _reap(self) -> None:
        _, self._status = os.waitpid(self.pid, 0)

    def _close_gate(self) -> None:
        fd, self._gate = self._gate, -1
        if fd >= 0:
            os.close(fd)

    def _close_error(self) -> None:
        fd, self._error = self._error, -1
        if fd >= 0:
            os.close(fd)

    def __str__(self) -> str:
        return _name(self.argv)


def find_program(argv: Sequence[str]) -> str:
    """The file that ``argv[0]`` names, through PATH; TargetError if it cannot be executed."""
    if not argv or not argv[0]:
        raise TargetError("the command is empty: give a program and its arguments")
    program = argv[0]
    if found := shutil.which(program):
        return found
    if os.sep not in program:
        raise TargetError(f"{_name(argv)}: no such program in PATH")
    if not os.path.exists(program):
        raise TargetError(f"{_name(argv)}: no such file")
    if os.path.isdir(program):
        raise TargetError(f"{_name(argv)}: it is a directory")
    raise TargetError(f"{_name(argv)}: not executable: chmod +x it, or name its interpreter")


def _name(argv: Sequence[str]) -> str:
    return f"command {shlex.quote(argv[0])}"


def _pipe(stack: ExitStack) -> tuple[int, int]:
    pipe = os.pipe()
    for fd in pipe:
        stack.callback(os.close, fd)
    return pipe


def _fork(path: str, argv: Sequence[str], gate: tuple[int, int], error: tuple[int, int]) -> int:
    args = [ffi.new("char[]", os.fsencode(text)) for text in argv]
    settings = [ffi.new("char[]", name + b"=" + value) for name, value in os.environb.items()]
    with ExitStack() as stack:
        pid: int = lib.damon_command_start(
            os.fsencode(path),
            ffi.new("char *[]", [*args, ffi.NULL]),
            ffi.new("char *[]", [*settings, ffi.NULL]),
            gate,
            error,
            _open_stdin(stack),
        )
    if pid < 0:
        raise OSError(-pid, os.strerror(-pid))
    return pid


def _open_stdin(stack: ExitStack) -> int:
    # A background process group that reads the terminal is stopped by it.
    if not os.isatty(0):
        return -1
    fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, fd)
    return fd
