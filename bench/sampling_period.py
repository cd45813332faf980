"""What a sampling period costs in accuracy: a made-up sampler of known heat, the real engine.

16 MiB of 128 MiB are hot; within them heat falls as rank**-0.5.  For each period one JSON line:
precision and recall, in bytes, of the hot set (pages of which the monitor says that they are
accessed more often than ``--hot`` times a second), and Spearman's rank correlation of the heat of
the hot pages, told by regions and told by the samples of each page alone; medians of windows.
Beside them the share of hot pages of which a window has a sample, and what 1 - exp(-h t / P) says
that it is.  Time is a clock in the hand: nothing waits.  ``--picture FILE`` draws it, with
matplotlib.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from attrs import define, field

from damon_core.clock import ManualClock
from damon_core.engine import Monitor
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.score import Score, score_spans
from damon_core.snapshot import Snapshot
from damon_core.spans import Spans
from damon_core.spec import ContextSpec
from damon_core.target import Target
from damon_core.testing.scripted import ScriptedPrimitives
from damon_core.testing.simulated import Heat, SimulatedSampler, rank_correlation
from damon_core.truth import Touches
from damon_core.vaddr import FixedVaddr

MIB = 1 << 20
PAGE = 4096
AREA = AddrRange(0x10_0000_0000, 0x10_0000_0000 + 128 * MIB)
HOT = AddrRange(AREA.start + 40 * MIB, AREA.start + 56 * MIB)
INTERVALS = Intervals(5_000, 100_000, 1_000_000)
PERIODS = [round(10 ** (n / 4)) for n in range(8, 31)]
ADAPTED_AFTER = 20
"""Windows in which the regions find the borders."""
CURVES = (
    ("recall", "recall of the hot set", "C0-"),
    ("precision", "precision of the hot set", "C1-"),
    ("rank_correlation", "order of heat, by regions", "C2-"),
    ("rank_correlation_of_pages", "order of heat, page by page", "C2:"),
    ("pages_sampled", "hot pages with a sample", "k."),
    ("pages_expected", "1 - exp(-h t / P)", "k:"),
)


class ThisProcess:
    """The target: this process, of whose memory nothing is looked at."""

    def __init__(self) -> None:
        self._found = [Target.open(os.getpid())]
        self._opened = list(self._found)

    def poll(self) -> Sequence[Target]:
        found, self._found = self._found, []
        return found

    def release(self) -> None:
        pass

    def close(self) -> None:
        for target in self._opened:
            target.close()


@define
class Windows:
    """Scores each window as it ends."""

    sampler: SimulatedSampler
    hot_rate: float
    scores: list[Score] = field(factory=list)
    ranks: list[float] = field(factory=list)
    page_ranks: list[float] = field(factory=list)
    seen: list[float] = field(factory=list)
    nr_regions: list[int] = field(factory=list)
    _index: int = 0

    def __call__(self, snapshot: Snapshot) -> None:
        heat, sampled = self.sampler.heat, self.sampler.nr_samples.copy()
        self.sampler.nr_samples[:] = 0
        self._index += 1
        if self._index <= ADAPTED_AFTER:
            return
        seconds = (snapshot.end_ns - snapshot.start_ns) / 1e9
        told = heat.estimated(snapshot.regions, seconds, self.sampler.period)
        hot = heat.rates > self.hot_rate
        self.scores.append(
            score_spans(pages(heat, told > self.hot_rate), Touches(pages(heat, hot), Spans.of(())))
        )
        self.ranks.append(rank_correlation(told[hot], heat.rates[hot]))
        self.page_ranks.append(rank_correlation(sampled[hot], heat.rates[hot]))
        self.seen.append(float((sampled[hot] > 0).mean()))
        self.nr_regions.append(len(snapshot.regions))


def pages(heat: Heat, chosen: np.ndarray) -> Spans:
    first = heat.start // heat.page_size
    return Spans.of_pages(np.flatnonzero(chosen) + first, heat.page_size)


def monitored(heat: Heat, period: int, hot_rate: float, nr_windows: int, seed: int) -> Windows:
    """Runs the engine over so many windows of the sampler."""
    sampler = SimulatedSampler(heat, period, os.getpid(), seed)
    windows = Windows(sampler, hot_rate)
    spec = ContextSpec(ops=Ops.FVADDR, intervals=INTERVALS, ranges=(heat.range,), seed=seed)
    monitor = Monitor(
        spec,
        ThisProcess(),
        ScriptedPrimitives(sampler),
        windows,
        space=FixedVaddr(spec.ranges),
        clock=ManualClock(),
    )
    monitor.run((ADAPTED_AFTER + nr_windows) * INTERVALS.aggr_us)
    return windows


def lines(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    heat = Heat.zipf(AREA, HOT, page_size=PAGE, rate=options.rate, cold_share=0.01, exponent=0.5)
    seconds = INTERVALS.aggr_us / 1e6
    hot = heat.rates > options.hot
    for period in options.periods:
        windows = monitored(heat, period, options.hot, options.windows, seed=period)
        yield {
            "bench": "sampling_period",
            "period": period,
            "samples_per_second": round(options.rate / period),
            "precision": round(median(one.precision for one in windows.scores), 4),
            "recall": round(median(one.recall for one in windows.scores), 4),
            "rank_correlation": round(median(windows.ranks), 4),
            "rank_correlation_of_pages": round(median(windows.page_ranks), 4),
            "pages_sampled": round(float(np.mean(windows.seen)), 4),
            "pages_expected": round(float(heat.chance_of_a_sample(seconds, period)[hot].mean()), 4),
            "regions": int(median(windows.nr_regions)),
        }


def draw(found: Sequence[dict[str, Any]], path: Path) -> None:
    try:
        import matplotlib
    except ImportError:
        sys.exit("sampling_period: --picture needs matplotlib: pip install matplotlib")
    from matplotlib.figure import Figure

    matplotlib.rcParams |= {"svg.hashsalt": "the same picture each time", "svg.fonttype": "none"}
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    periods = [line["period"] for line in found]
    for name, label, style in CURVES:
        axes.plot(periods, [line[name] for line in found], style, label=label, linewidth=1.5)
    axes.set(
        xscale="log",
        xlabel="sampling period: accesses per sample",
        ylim=(-0.02, 1.02),
    )
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("periods", nargs="*", type=int, default=PERIODS)
    parser.add_argument("--rate", type=float, default=2e8, help="accesses per second, of all pages")
    parser.add_argument("--hot", type=float, default=1e3, help="accesses per second to a hot page")
    parser.add_argument("--windows", type=int, default=50)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw it too: SVG, PNG, ...")
    options = parser.parse_args()
    found = []
    for line in lines(options):
        print(json.dumps(line), flush=True)
        found.append(line)
    if options.picture:
        draw(found, options.picture)


if __name__ == "__main__":
    main()
