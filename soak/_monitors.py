"""Monitors of one target, each run to its end, or killed, or with a system call that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from _faults import Fault
from attrs import frozen

SERVER = Path(__file__).with_name("_server.py")
ALL_PRIMITIVES = ("accessed_bit", "page_fault:inject=yes", "perf_pmu:events=minor-faults")
"""Every primitive that comes with damon-core, by mechanisms that work without a PMU."""


@frozen
class Run:
    """One monitor that has ended.

    ``status`` is None if it was killed as its time was up.  ``calls``: how often each system call
    was made, where that was asked for; ``failed_in``: the thread in which one failed.
    """

    status: int | None
    calls: dict[int, int]
    failed_in: str
    recording: Path
    said: str


class Monitors:
    """Runs ``damon record`` on a target, one after the other."""

    def __init__(self, primitives: Sequence[str], target: int, folder: Path) -> None:
        self._arguments = [
            *("record", "--quiet", f"--pid={target}"),
            *(f"--primitive={name}" for name in primitives),
        ]
        self._folder = folder
        self._nr = 0
        self._process = subprocess.Popen(
            [sys.executable, SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # a pool of threads would not survive the fork
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self.pid = self._process.pid

    def run(self, seconds: float, *arguments: str, fault: Fault | None = None) -> Run:
        """Run one that is killed after so many seconds, if it has not ended by then."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._nr += 1
        path, said = (self._folder / f"{self._nr}{suffix}" for suffix in (".damon", ".txt"))
        what = (fault.call, fault.when, fault.error) if fault else None
        order = (seconds, [*self._arguments, f"--output={path}", *arguments], str(said), what)
        print(json.dumps(order), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        text = said.read_text() if said.exists() else ""  # killed before it was made
        said.unlink(missing_ok=True)
        calls = {int(call): nr for call, nr in answer["calls"].items()}
        return Run(answer["status"], calls, answer["failed_in"], path, text)

    def close(self) -> None:
        self._process.communicate()
