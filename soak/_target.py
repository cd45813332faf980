"""The target of these programs: restless.c, which knows what its memory has to hold."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from attrs import define

SOURCE = Path(__file__).with_name("restless.c")
# A sanitizer that a test runs under would map terabytes into the target.
ALONE = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


def build(folder: str | Path, source: Path = SOURCE) -> Path:
    """Compile a program of this room into ``folder``."""
    program = Path(folder) / source.stem
    flags = ["-O1", "-Wall", "-Wextra", "-pthread"]
    subprocess.run(["cc", *flags, source, "-o", program], check=True, env=ALONE)
    return program


@define
class Ended:
    """How a target ended: its steps, and how often something was not as it had left it."""

    status: int
    nr_steps: int
    nr_wrong: int

    @property
    def unharmed(self) -> bool:
        return self.status == 0 and self.nr_wrong == 0 and self.nr_steps > 0


class Restless:
    """One target, that ends by itself after ``seconds``, or when told to."""

    def __init__(self, program: Path, seconds: float, seed: int, exec_every: float = 0) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the target
        self._process = subprocess.Popen(
            [program, str(seconds), str(seed), str(exec_every)], stdout=self._said, env=ALONE
        )
        self.pid = self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def fds(self) -> set[str]:
        """What its file descriptors are."""
        folder = f"/proc/{self.pid}/fd"
        return {os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}

    def vm_flags(self) -> set[str]:
        """VmFlags of all its mappings together."""
        with open(f"/proc/{self.pid}/smaps") as file:
            lines = [line for line in file if line.startswith("VmFlags:")]
        return {flag for line in lines for flag in line.split()[1:]}

    def end(self) -> Ended:
        """Have it check all of its memory, and end."""
        if self.runs:
            self._process.send_signal(signal.SIGTERM)
        status = self._process.wait()
        self._said.seek(0)
        said = json.loads(self._said.read() or b"{}")
        return Ended(status, said.get("nr_steps", 0), said.get("nr_wrong", -1))

    def __enter__(self) -> Restless:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._said.close()
