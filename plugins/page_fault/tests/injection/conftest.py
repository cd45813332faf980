"""What the tests of injection share: victims that check themselves, and a way to stop midway."""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from attrs import frozen

from damon_core.process import read_small
from damon_core.target import Target
from damon_page_fault import injection

HERE = Path(__file__).parent
NOBODY = 65534
PATIENCE_S = 60.0
COUNTERS = ("ready", "rounds", "errors", "eintr", "signals", "running")

# A sanitizer that the tests run under would not bear a victim that changes its stack by itself.
ALONE = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


def compile_program(program: Path, *flags: str | Path) -> Path:
    """Build one of the C programs beside this file; skips where there is no compiler for it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler: install gcc")
    strict = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror")
    done = subprocess.run(
        [compiler, *strict, *flags, "-o", program], capture_output=True, text=True
    )
    if "-m32" in flags and "cannot find" in done.stderr:
        pytest.skip("needs a compiler for 32-bit programs: install gcc-multilib")
    assert not done.returncode, done.stderr
    return program


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    """The folder of the programs that are needed, readable by every user."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        into.chmod(0o755)
        sources = (HERE / "victim.c", HERE / "checks.c")
        compile_program(into / "victim", *sources, "-pthread", "-Wl,-z,now", "-lm")
        compile_program(into / "steps", HERE / "steps.c")
        shutil.copy(injection.injector_path(), into)
        yield into


class Tiny:
    """A program without libraries, which writes a byte in every round of its work."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen([program], stdout=subprocess.PIPE, bufsize=0, env=ALONE)
        self.pid = self.process.pid
        assert self.works()
        self.target = Target.open(self.pid)

    def works(self) -> bool:
        """Whether it goes on after what it had written so far."""
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        while self.process.stdout.read(65536):
            pass
        os.set_blocking(self.process.stdout.fileno(), True)
        return self.process.stdout.read(1) == b"x"

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.target.close()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Callable[..., Tiny]]:
    """Starts tiny.c as compiled with some flags; it is ended after the test."""
    alone = ("-static", "-nostdlib", "-fno-pie", "-no-pie")
    with ExitStack() as stack:

        def start(*flags: str) -> Tiny:
            program = compile_program(tmp_path / "tiny", HERE / "tiny.c", *alone, *flags)
            try:
                new = Tiny(program)
            except OSError as error:
                if error.errno != errno.ENOEXEC:
                    raise
                pytest.skip("needs a kernel that runs 32-bit programs: CONFIG_IA32_EMULATION=y")
            stack.callback(new.end)
            return new

        yield start


@frozen
class Traits:
    """What must be the same after an injection as before, whatever became of the injector."""

    files: tuple[str, ...]
    nr_threads: int
    blocked_signals: tuple[str, ...]
    tracers: frozenset[str]
    vm_flags: frozenset[str]


class Victim:
    """A process that checks its own registers, memory, alternate stack and system calls."""

    def __init__(self, program: Path, mode: str, nr_threads: int, user: int | None) -> None:
        fd, self._path = tempfile.mkstemp(prefix="counters")
        os.fchmod(fd, 0o666)
        os.ftruncate(fd, mmap.PAGESIZE)
        self._counters = mmap.mmap(fd, mmap.PAGESIZE)
        os.close(fd)
        self.process = subprocess.Popen(
            [program, mode, self._path, str(nr_threads)],
            stdin=subprocess.PIPE,
            user=user,
            group=user,
            env=ALONE,
        )
        self.pid = self.process.pid
        self.wait_until(lambda: self.count("ready") > 0)
        self.target = Target.open(self.pid)

    def count(self, name: str) -> int:
        at = 8 * COUNTERS.index(name)
        return int.from_bytes(self._counters[at : at + 8], "little")

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Let others run until it holds; fails when the victim ends before."""
        while not holds():
            assert self.process.poll() is None, "the victim has ended"
            os.sched_yield()

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command.encode())
        self.process.stdin.flush()

    def traits(self) -> Traits:
        """All that an injection could leave behind, as /proc shows it."""
        threads = self._threads()
        smaps = Path(f"/proc/{self.pid}/smaps").read_text().splitlines()
        flags = {flag for line in smaps if line.startswith("VmFlags") for flag in line.split()[1:]}
        return Traits(
            files=tuple(self.files()),
            nr_threads=len(threads),
            blocked_signals=tuple(sorted(status["SigBlk"] for status in threads)),
            tracers=frozenset(status["TracerPid"] for status in threads),
            vm_flags=frozenset(flags & {"uw", "um", "ui"}),
        )

    def files(self) -> list[str]:
        """Every open file, as "number -> what", without those that are just being closed."""
        found = []
        for fd in Path(f"/proc/{self.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.append(f"{fd.name} -> {os.readlink(fd)}")
        return sorted(found)

    def _threads(self) -> list[dict[str, str]]:
        """/proc/PID/task/TID/status of each, without those that are just ending."""
        texts = [
            read_small(f"/proc/{self.pid}/task/{tid}/status").decode()
            for tid in os.listdir(f"/proc/{self.pid}/task")
        ]
        return [
            {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
            for lines in (text.splitlines() for text in texts if text)
        ]

    def states(self) -> set[str]:
        """The states of its threads, one letter each."""
        return {status["State"][0] for status in self._threads()}

    def tids(self) -> list[int]:
        """Its threads in the order of their start: main, the one for commands, others.

        The kernel lists them so; their numbers may have begun anew meanwhile.
        """
        return [int(name) for name in os.listdir(f"/proc/{self.pid}/task")]

    def has_userfaultfd(self) -> bool:
        return any("userfaultfd" in file for file in self.files())

    def settles_to(self, traits: Traits) -> bool:
        """Whether it is as before; a thread of ours that is about to exit is given the time."""
        end_s = time.monotonic() + PATIENCE_S
        while self.traits() != traits:
            if time.monotonic() > end_s:
                return False
            os.sched_yield()
        return True

    def works(self) -> bool:
        """Whether it goes on for two more rounds, and has found nothing wrong."""
        enough = self.count("rounds") + 2
        self.wait_until(lambda: self.count("rounds") >= enough)
        return self.count("errors") == 0

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.target.close()
        Path(self._path).unlink(missing_ok=True)


Start = Callable[..., Victim]


@pytest.fixture
def victim(programs: Path) -> Iterator[Start]:
    """Starts a victim in a mode of victim.c; it is ended after the test."""
    with ExitStack() as stack:

        def start(mode: str, nr_threads: int = 0, user: int | None = None) -> Victim:
            new = Victim(programs / "victim", mode, nr_threads, user)
            stack.callback(new.end)
            return new

        yield start


@frozen
class Interrupted:
    """Runs the injector up to a step, a system call of its own, and then does something else."""

    steps: Path

    def kill(
        self, victim: Victim | Tiny, tid: int, step: int, ns: int = 0, *, own_files: bool = True
    ) -> bool:
        """Kill it there, or ``ns`` later; False if it had done its work before."""
        command = self.command("kill", step, ns)
        try:
            answer = injection.run_injector(command, victim.target, tid, own_files=own_files)
        except injection.NoAnswer:
            return True
        assert not answer.error, answer
        os.close(answer.fd)
        return False

    def hold(
        self, victim: Victim, tid: int, step: int, meanwhile: Callable[[], object]
    ) -> injection.Answer | None:
        """Do something while it is held there; None if it had done its work before."""
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
            held, go = Path(folder, "held"), Path(folder, "go")
            os.mkfifo(held)
            os.mkfifo(go)
            command = self.command("hold", step, held, go)
            running = pool.submit(injection.run_injector, command, victim.target, tid)
            with held.open("rb", buffering=0) as file:
                reached = file.read(1)
            if not reached:
                answer = running.result()
                assert not answer.error, answer
                os.close(answer.fd)
                return None
            fd = os.open(go, os.O_RDWR)  # else it would wait for a reader, which may have ended
            try:
                meanwhile()
            finally:
                os.write(fd, b"x")
                running.exception()
                os.close(fd)
            return running.result()

    def command(self, *arguments: object) -> list[str]:
        """The injector as run by steps.c."""
        return [str(self.steps), *map(str, arguments), *injection.injector_command()]


@pytest.fixture(scope="session")
def interrupted(programs: Path) -> Interrupted:
    return Interrupted(programs / "steps")


@pytest.fixture
def injector_as_nobody(programs: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """From now on the injector runs without any privilege, as the user that is returned."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("needs setpriv: install util-linux")
    user = f"--reuid={NOBODY} --regid={NOBODY} --clear-groups --inh-caps=-all".split()
    command = [setpriv, *user, str(programs / injection.NAME)]
    monkeypatch.setattr(injection, "injector_command", lambda: command)
    return NOBODY


@pytest.fixture(scope="session")
def compiled() -> Callable[..., Path]:
    """Builds a program from C sources and compiler flags."""
    return compile_program
