"""Reports lost on the way to the regions, and what that does to ``nr_accesses``, by their rate.

The same scripted stream goes through our buffer and matcher, through the 1000 slots of RFC v3 and
through the ring and the histogram of the series on perf events, in turns.  Twice the same window of
20 sampling intervals, so that rings may grow in the first.  One JSON line a path and a rate, of the
second window: nanoseconds per report (lost ones too) to store and to check, milliseconds a check,
the share of reports lost (and in the first window), the mean error of nr_accesses, and the share of
accessed regions that looked idle.  Wanted of ours: nothing lost, and every nr_accesses as scripted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _baselines import (
    NR_SAMPLES_MAX,
    PID,
    BufferAndMatcher,
    PageHistogram,
    ReportPath,
    SlotArray,
    build_library,
)
from _budget import tell_budget
from _report_stream import SPREAD, ScriptedStream, draw_borders
from attrs import define, field, frozen

NR_TICKS = 20


@define
class Window:
    """What a path did with one window."""

    store_ns: list[int] = field(factory=list)
    check_ns: list[int] = field(factory=list)
    nr_reports: int = 0
    nr_lost: int = 0
    nr_accesses: np.ndarray = field(factory=lambda: np.zeros(0))


@frozen
class Loss:
    """Of 1 for the shares; ``error`` in sampling intervals, the mean over all regions."""

    lost: float
    error: float
    looked_idle: float


def run_window(paths: list[ReportPath], stream: ScriptedStream) -> list[Window]:
    """Send the window through each path, interval by interval in turns."""
    windows = [Window() for _ in paths]
    before = [path.nr_accesses() for path in paths]
    for tick in range(stream.nr_ticks):
        reports = stream.reports(tick)
        for path, window in zip(paths, windows, strict=True):
            start = time.perf_counter_ns()
            window.nr_lost += path.store(reports)
            stored = time.perf_counter_ns()
            path.check()
            window.check_ns.append(time.perf_counter_ns() - stored)
            window.store_ns.append(stored - start)
            window.nr_reports += len(reports)
    for path, window, old in zip(paths, windows, before, strict=True):
        window.nr_accesses = path.nr_accesses() - old
    return windows


def loss_of(window: Window, stream: ScriptedStream) -> Loss:
    true, seen = stream.nr_accesses, window.nr_accesses
    return Loss(
        window.nr_lost / window.nr_reports,
        float(np.abs(seen.astype(np.int64) - true).mean()),
        float((seen[true > 0] == 0).mean()),
    )


def tell(path: ReportPath, stream: ScriptedStream, first: Window, second: Window) -> Loss:
    loss = loss_of(second, stream)
    if not second.nr_lost and loss.error:
        raise SystemExit(f"{path.name} lost nothing, yet its nr_accesses are wrong")
    nr = stream.nr_reports
    check_ns = statistics.median(second.check_ns)
    line = {
        "bench": "report_paths",
        "path": path.name,
        "reports_per_tick": nr,
        "nr_regions": len(stream.borders) - 1,
        "arrival": "runs" if stream.runs else "mixed",
        "store_ns": round(statistics.median(second.store_ns) / nr, 2),
        "check_ns": round(check_ns / nr, 2),
        "check_ms": round(check_ns / 1e6, 3),
        "lost_at_first": round(loss_of(first, stream).lost, 4),
        "lost": round(loss.lost, 4),
        "nr_accesses_error": round(loss.error, 3),
        "of_nr_accesses": round(float(stream.nr_accesses.mean()), 3),
        "looked_idle": round(loss.looked_idle, 4),
    }
    print(json.dumps(line), flush=True)
    return loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, nargs="+", default=[1000, 10000, 100000, 1000000])
    parser.add_argument("--regions", type=int, default=1000)
    parser.add_argument("--span-gib", type=int, default=64)
    parser.add_argument("--runs", action="store_true", help="reports come region by region")
    args = parser.parse_args()
    borders = draw_borders(np.random.default_rng(args.regions), args.regions, args.span_gib << 30)
    with tempfile.TemporaryDirectory() as folder:
        library = build_library(Path(folder))
        for nr in args.reports:
            print(f"report_paths: {nr} reports a tick", file=sys.stderr, flush=True)
            stream = ScriptedStream(borders, NR_TICKS, nr, PID, args.runs)
            paths: list[ReportPath] = [
                BufferAndMatcher(borders),
                SlotArray(library, borders),
                SlotArray(library, borders, resets=True),
                PageHistogram(library, borders),
            ]
            pairs = zip(paths, run_window(paths, stream), run_window(paths, stream), strict=True)
            ours, *_ = [tell(path, stream, first, second) for path, first, second in pairs]
            if nr * (1 + SPREAD) <= NR_SAMPLES_MAX:
                what = f"of {nr} reports a tick"
                tell_budget("report_paths", f"share lost {what}", ours.lost, at_most=0)
                tell_budget("report_paths", f"error of nr_accesses {what}", ours.error, at_most=0)


if __name__ == "__main__":
    main()
