"""The monitor of a trial, in a process of its own: what it costs is not mixed with anything.

Run as ``python -m damon_core.comparison.monitoring CONFIG RECORD``.  It says ``started`` once the
first snapshot is written, and ends when its target does, or at SIGTERM, with one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import TextIO

from attrs import frozen

from ..config import Config, TargetConfig, load_config
from ..config.text import config_text
from ..errors import DamonError, RunError
from ..model import AddrRange
from ..monitored_context import MonitoredContext
from ..recording import Recording
from ..snapshot import Snapshot
from ..units import format_time_us
from .contender import Contender
from .hook_times import HookTimes

_NS = 1_000_000_000


@frozen
class MonitorCost:
    """CPU time of the monitoring thread, the kernel's work in it apart, and the process's memory.

    ``span_ns``: from the first snapshot to the last.  ``max_rss``: bytes, all of Python included.
    ``children_ns``: CPU time of the processes that it started, a command that it monitors among
    them, and ``ran_ns`` how long it ran.  ``prepare_ns``, ``check_ns``: CPU time of the hooks of
    these names, and of what the kernel does for them, in ``nr_checks`` samples between the two
    snapshots.
    """

    user_ns: int
    system_ns: int
    span_ns: int
    max_rss: int
    children_ns: int = 0
    ran_ns: int = 0
    prepare_ns: int = 0
    check_ns: int = 0
    nr_checks: int = 0

    @property
    def cpu_share(self) -> float:
        """Of one CPU."""
        return (self.user_ns + self.system_ns) / self.span_ns if self.span_ns else 0.0


class Monitoring:
    """A running monitor; leaving the context stops it.  RunError says why it failed."""

    def __init__(
        self,
        contender: Contender,
        target: TargetConfig,
        record: Path,
        areas: Sequence[AddrRange] = (),
    ) -> None:
        config = record.with_suffix(".yaml")
        config.write_text(config_text(Config((contender.context(target, areas),))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(config), str(record)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_started(self) -> None:
        """Return once the first snapshot is written; RunError if it ends before."""
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "started":
            self._fail()

    def finish(self) -> MonitorCost:
        """Wait for its end, which comes with that of its target."""
        out, self._errors = self._process.communicate()
        if self._process.returncode or not out:
            self._fail()
        return MonitorCost(**json.loads(out.splitlines()[-1]))

    def __enter__(self) -> Monitoring:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._process.communicate()

    _errors = ""

    def _fail(self) -> None:
        if not self._errors:
            _, self._errors = self._process.communicate()
        lines = self._errors.strip().splitlines()
        raise RunError(lines[-1] if lines else "the monitor ended without a word")


def _run(config: str, record: str) -> int:
    out = _away_from_commands()
    marks: list[tuple[int, ...]] = []
    hooks = HookTimes()
    nr_checks = 0

    def take(context: MonitoredContext, snapshot: Snapshot) -> None:
        nonlocal nr_checks
        nr_checks += snapshot.nr_samples
        usage = resource.getrusage(resource.RUSAGE_THREAD)
        spent_ns = (round(usage.ru_utime * _NS), round(usage.ru_stime * _NS))
        marks.append((*spent_ns, snapshot.end_ns, *hooks.spent_ns.values(), nr_checks))
        if len(marks) == 1:
            print("started", file=out, flush=True)

    recording = Recording(load_config(config), path=record, on_snapshot=take)
    for context in recording.contexts:
        context.wrap_hooks(hooks.wrap)

    def stop(number: int, frame: FrameType | None) -> None:
        recording.stop()

    signal.signal(signal.SIGTERM, stop)
    began_ns = time.monotonic_ns()
    recording.run()
    ran_ns = time.monotonic_ns() - began_ns
    if not marks:
        raise RunError(
            f"it saw nothing: the target ended after {format_time_us(ran_ns // 1000)}, before "
            "the first snapshot; give it more to do, or a shorter --sample and --aggr"
        )
    first, last = marks[0], marks[-1]
    max_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    names = ("user_ns", "system_ns", "span_ns", "prepare_ns", "check_ns", "nr_checks")
    cost = {name: after - before for name, before, after in zip(names, first, last, strict=True)}
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    children_ns = round((children.ru_utime + children.ru_stime) * _NS)
    more = {"max_rss": max_rss, "children_ns": children_ns, "ran_ns": ran_ns}
    print(json.dumps(cost | more), file=out)
    return 0


def _away_from_commands() -> TextIO:
    """Our output, which is not that of a command which is started: that one's is dropped."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return out


def main() -> int:
    """The process of its own."""
    try:
        return _run(*sys.argv[1:])
    except DamonError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
