"""The toucher: the C program that runs a workload, as a child process or in place of this one."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from attrs import frozen

from ..errors import RunError
from .plan import Mode, Workload
from .program import program_text

NAME = "damon-toucher"
_STOP_SECONDS = 10


@frozen
class Touched:
    """Answer to a command: CLOCK_MONOTONIC before the first touch and after the last.

    ``nr``: pages of a touch, passes of a loop.
    """

    start_ns: int
    end_ns: int
    nr: int


def toucher_path() -> Path:
    """The built program.  RunError where this installation lacks it."""
    beside = Path(__file__).with_name(NAME)
    if not beside.exists():  # an editable installation keeps what was built elsewhere
        spec = find_spec("damon_core._native._ffi")
        assert spec is not None
        assert spec.origin is not None
        beside = Path(spec.origin).parents[1] / "workload" / NAME
    if not os.access(beside, os.X_OK):
        raise RunError(f"{beside} is missing or not executable: install damon-core again")
    return beside


def exec_toucher(workload: Workload, log: Path | None, *, control: bool = False) -> NoReturn:
    """Become the toucher: the same pid, and nothing of Python left in its memory."""
    path = toucher_path()
    fd = _program_fd(workload)
    os.set_inheritable(fd, True)
    os.execv(path, _arguments(path, fd, log, control))


def log_paths(workload: Workload, log: Path) -> list[Path]:
    """Where the logs of all processes go, the first one's first."""
    return [log, *(log.with_name(f"{log.name}.{one.name}") for one in workload.processes)]


class Toucher:
    """A running toucher; leaving the context stops it.

    ``control``: it waits for commands (touch, loop, run) instead of running the phases at once.
    """

    def __init__(
        self, workload: Workload, log: Path | None = None, *, control: bool = False
    ) -> None:
        path = toucher_path()
        fd = _program_fd(workload)
        try:
            self._process = subprocess.Popen(
                _arguments(path, fd, log, control),
                stdin=subprocess.PIPE if control else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=(fd,),
            )
        finally:
            os.close(fd)
        self.pids = (self.pid, *map(int, self._answer("ready").split()))
        """Of all its processes, the first one's first."""

    @property
    def pid(self) -> int:
        """Process id, also of the only thread if the workload has one."""
        return self._process.pid

    def touch(self, seed: int, permille: int, mode: Mode = Mode.WRITE, region: int = 0) -> Touched:
        """Touch the pages of a region that ``seed`` chooses, ``permille`` of 1000, once each."""
        return self._command(f"touch {seed} {permille} {mode} {region}")

    def loop(
        self, seed: int, permille: int, ms: int, mode: Mode = Mode.WRITE, region: int = 0
    ) -> Touched:
        """Touch the same pages again and again for ``ms`` milliseconds."""
        self.start_loop(seed, permille, ms, mode, region)
        return self.finish()

    def start_loop(
        self, seed: int, permille: int, ms: int, mode: Mode = Mode.WRITE, region: int = 0
    ) -> None:
        """Begin a loop; :meth:`finish` waits for its end."""
        self._send(f"loop {seed} {permille} {mode} {ms} {region}")

    def start(self) -> None:
        """Begin the phases; :meth:`finish` waits for their end."""
        self._send("run")

    def finish(self) -> Touched:
        """Wait for the end of what was begun."""
        start_ns, end_ns, nr = self._answer("done").split()
        return Touched(int(start_ns), int(end_ns), int(nr))

    def wait(self) -> None:
        """Wait for its end, which control waits for too.  RunError if it failed."""
        _, errors = self._process.communicate()
        if self._process.returncode:
            ended = f"the toucher ended with {self._process.returncode}"
            raise RunError(_one_line(errors) or ended)

    def stop(self) -> None:
        """End it now, with its log whole.  RunError if it failed before."""
        self._process.terminate()
        self.wait()

    def __enter__(self) -> Toucher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._process.communicate(timeout=_STOP_SECONDS)

    def _command(self, line: str) -> Touched:
        self._send(line)
        return self.finish()

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # its answer, which is none, says why
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()

    def _answer(self, expected: str) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        if answer.split(" ")[0] != expected:
            if answer:
                self._process.kill()
            _, errors = self._process.communicate()
            raise RunError(_one_line(errors) or _unexpected(answer, self._process.returncode))
        return answer.removeprefix(expected).strip()


def _unexpected(answer: str, status: int) -> str:
    if answer:
        return f"the toucher gave an answer that is none: {answer!r}"
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    return (
        f"the workload was ended {how} before its work was done: see what ended it (dmesg, if it "
        "was the kernel), and run it again"
    )


def _one_line(errors: str) -> str:
    return "; ".join(errors.strip().splitlines())


def _program_fd(workload: Workload) -> int:
    fd = os.memfd_create("damon-workload")
    with os.fdopen(os.dup(fd), "w") as file:
        file.write(program_text(workload))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _arguments(path: Path, fd: int, log: Path | None, control: bool) -> list[str]:
    return [str(path), str(fd), str(log) if log else "-", *(["control"] if control else [])]
