"""What monitoring tells on standard error: notes, one line of progress, and a summary."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

from ..monitored_context import MonitoredContext
from ..monitoring import Monitored
from ..recorded_context import RecordedContext
from ..snapshot import Snapshot
from ..tally import COUNTERS, Tally
from ..units import about_size

_INTERVAL_S = 0.25


class Progress:
    """Writes notes as they come and, to a terminal, one line that is written over."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._live = not quiet and sys.stderr.isatty()
        self._lock = threading.Lock()
        self._began_s = time.monotonic()
        self._drawn_s = 0.0
        self._line = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._erase()

    def take(self, context: MonitoredContext, snapshot: Snapshot) -> None:
        """Show what a new snapshot brings; called from monitoring threads."""
        if self._quiet:
            return
        prefix = f"{context.config.name}: " if context.config.name else ""
        with self._lock, suppress(OSError, ValueError):  # a closed terminal ends no recording
            for note in snapshot.notes:
                self._erase()
                print(f"{prefix}{note}", file=sys.stderr, flush=True)
            now_s = time.monotonic()
            if self._live and (snapshot.notes or now_s - self._drawn_s >= _INTERVAL_S):
                self._drawn_s = now_s
                self._draw(f"{prefix}{_progress(context.tally, now_s - self._began_s)}")

    def summarize(self, monitored: Monitored[Any]) -> None:
        """Say how each context ended, what was seen, and where it is."""
        if self._quiet:
            return
        with suppress(OSError, ValueError):
            for context in monitored.contexts:
                for line in summary(context) if context.started else ():
                    print(line, file=sys.stderr)

    def _draw(self, line: str) -> None:
        self._erase()
        self._line = line
        sys.stderr.write(line)
        sys.stderr.flush()

    def _erase(self) -> None:
        if self._line:
            self._line = ""
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def summary(context: MonitoredContext) -> list[str]:
    """How a context ended and what it has seen, a line each."""
    tally = context.tally
    prefix = f"{context.config.name}: " if context.config.name else ""
    lines = [f"ended: {context.ending.value}"] if context.ending else []
    lines += context.targets.endings
    seen = {name: tally.reports[name] for name in COUNTERS if tally.reports[name]}
    lines.append(
        f"{tally.nr_snapshots} snapshots in {tally.span_ns / 1e9:.1f} s, "
        f"{tally.nr_regions} regions in the last; monitoring took {context.cpu_ns / 1e6:.0f} ms of "
        f"CPU time, {context.cpu_share:.1%} of one CPU{_in_targets(tally)}"
    )
    told = ", ".join(f"{nr:,} {name}" for name, nr in seen.items()) or "none"
    lines.append(f"reports: {told}")
    lines += [f"primitive {name} was stopped: {why}" for name, why in tally.failures.items()]
    lines += context.targets.refusals
    if not tally.nr_snapshots:
        lines.append("nothing was seen: it ended before the first snapshot")
    if prefix and context.error is not None:
        lines.append(f"failed: {context.error}")
    if isinstance(context, RecordedContext) and os.path.exists(context.path):
        lines.append(f"recorded in {context.path}{_size(context.path)}")
        lines.append(f"look at it: damon report access {context.path}")
    return [f"{prefix}{line}" for line in lines]


def _in_targets(tally: Tally) -> str:
    paid_ns = tally.target_cpu_ns_of.total()
    if not paid_ns:
        return ""
    return f", and {paid_ns / 1e6:.0f} ms in the targets, {tally.target_cpu_share:.1%}"


def _size(path: str) -> str:
    with suppress(OSError):
        return f" ({about_size(os.stat(path).st_size)})"
    return ""


def _progress(tally: Tally, elapsed_s: float) -> str:
    return (
        f"{elapsed_s:.0f} s, {tally.nr_snapshots} snapshots, {tally.nr_regions} regions, "
        f"{tally.nr_reports:,} reports ({tally.reports['lost']:,} lost), CPU {tally.cpu_share:.1%}"
    )
