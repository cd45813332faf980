"""Regions of the kernel's DAMON and of accessed_bit, against what was touched; in a VM."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from _frames import Frames, biggest_ram
from _kernel_damon import KernelDamon, WindowTrace
from _looks import missing
from _recorded import record_context
from _vm import progress
from attrs import define, field

from damon_core.config import ContextConfig, TargetConfig
from damon_core.host import PrimitiveChoice
from damon_core.model import AddrRange, Intervals, NrRegions, Ops
from damon_core.record import open_record
from damon_core.score import Score, score_spans
from damon_core.spans import Spans
from damon_core.spec import ContextSpec
from damon_core.truth import Truth
from damon_core.workload.masim import parse_masim
from damon_core.workload.toucher import Toucher

INTERVALS = Intervals(100_000, 1_000_000, 5_000_000)
LIMITS = NrRegions(10, 1000)
PHASE_S = 20

MOVING = f"""\
#damon memory anon_4k
#damon populate yes
a, 128 MiB

moving
{2 * PHASE_S * 1000}
#damon pause 5 ms
#damon window 16 MiB every {PHASE_S} s step 64 MiB
a, 0, 4096, 1, wo
"""


@define
class Seen:
    """What one of the two saw, over all rounds."""

    scores: list[Score] = field(factory=list)
    rounds: list[tuple[float, float]] = field(factory=list)
    shares: list[float] = field(factory=list)
    nr_regions: list[int] = field(factory=list)

    def add(self, scores: list[Score], share: float, nr_regions: list[int]) -> None:
        self.scores += scores
        if scores:
            self.rounds.append((median_of(scores, "precision"), median_of(scores, "recall")))
        self.shares.append(share)
        self.nr_regions += nr_regions


@define
class Look:
    """One window: CLOCK_MONOTONIC, and what was said to be accessed in it."""

    start_ns: int
    end_ns: int
    nr_regions: int
    said: Spans


Watch = Callable[[int, tuple[AddrRange, ...], Path], "tuple[list[Look], float]"]
"""Watches a process, or physical ranges, for both phases: windows, and the share of a CPU."""


def regions(ops: Ops, folder: Path, rounds: int) -> None:
    """Both on the same workload, in turns."""
    ranges = (biggest_ram(),) if ops is Ops.PADDR else ()
    watchers: dict[str, Watch] = {"kernel": watch_by_kernel}
    for mechanism in ("bpf", "cold", "page_idle"):
        if lack := missing(mechanism, ops):
            progress(f"regions, {ops}: {mechanism}: {lack}")
        else:
            watchers[f"accessed_bit:{mechanism}"] = partial(watch_by_us, mechanism)
    seen = {who: Seen() for who in watchers}
    for number in range(rounds):
        for who, watch in watchers.items():
            progress(f"regions, {ops}, round {number + 1} of {rounds}: {who}, {2 * PHASE_S} s")
            log = folder / "truth"
            log.unlink(missing_ok=True)
            with Toucher(parse_masim(MOVING), log, control=True) as toucher:
                areas = [area.range for area in Truth.read(log).areas]
                toucher.start()
                looks, share = watch(toucher.pid, ranges, folder)
                if ops is Ops.PADDR:
                    frames = Frames.of(toucher.pid, areas)
                    for look in looks:
                        look.said = frames.seen(look.said)
                toucher.stop()
            truth, own = Truth.read(log), Spans.of((one.start, one.end) for one in areas)
            scores = [
                score_spans(look.said & own, truth.touched(look.start_ns, look.end_ns))
                for look in looks
                if is_settled(truth, look.start_ns, look.end_ns)
            ]
            seen[who].add(scores, share, [look.nr_regions for look in looks])
    for who, one in seen.items():
        tell_seen(ops, who, one)


def watch_by_kernel(
    pid: int, ranges: tuple[AddrRange, ...], folder: Path
) -> tuple[list[Look], float]:
    with WindowTrace() as trace, KernelDamon(pid, INTERVALS, LIMITS, ranges) as damon:
        before, began = damon.cpu_s(), time.monotonic()
        time.sleep(2 * PHASE_S)
        share = (damon.cpu_s() - before) / (time.monotonic() - began)
        windows = trace.windows()
    return [Look(one.start_ns, one.end_ns, one.nr_regions, one.accessed) for one in windows], share


def watch_by_us(
    mechanism: str, pid: int, ranges: tuple[AddrRange, ...], folder: Path
) -> tuple[list[Look], float]:
    spec = ContextSpec(
        ops=Ops.PADDR if ranges else Ops.VADDR,
        intervals=INTERVALS,
        cpu_quota=10.0,  # the kernel's has none: keep to the intervals
        nr_regions=LIMITS,
        ranges=ranges,
    )
    targets = () if ranges else (TargetConfig(pid=pid),)
    path = folder / "regions.damon"
    choice = PrimitiveChoice("accessed_bit", {"mechanism": mechanism})
    context = ContextConfig(spec, targets, (choice,))
    recorded, _ = record_context(context, path, 2 * PHASE_S * 1_000_000)
    offset_ns = time.time_ns() - time.monotonic_ns()
    looks = []
    for snapshot in open_record(str(path)):
        found = snapshot.regions
        chosen = found.nr_accesses > 0
        said = Spans.union_of(found.start[chosen], found.end[chosen])
        start_ns, end_ns = snapshot.start_ns - offset_ns, snapshot.end_ns - offset_ns
        looks.append(Look(start_ns, end_ns, len(found), said))
    return looks, recorded.cpu_share


def is_settled(truth: Truth, start_ns: int, end_ns: int) -> bool:
    """Whether a window lies in the second half of a phase."""
    starts = [phase.time_ns for phase in truth.phases]
    length = starts[1] - starts[0]
    return any(one + length // 2 <= start_ns and end_ns <= one + length for one in starts)


def median_of(scores: list[Score], name: str) -> float:
    return round(statistics.median(getattr(one, name) for one in scores), 4)


def tell_seen(ops: Ops, who: str, seen: Seen) -> None:
    line: dict[str, object] = {"bench": "kernel_damon", "case": "regions", "ops": str(ops)}
    line |= {"who": who, "windows": len(seen.scores)}
    if seen.scores:
        line["precision"] = median_of(seen.scores, "precision")
        line["recall"] = median_of(seen.scores, "recall")
        line["rounds"] = seen.rounds
    if seen.nr_regions:
        line["nr_regions"] = round(statistics.median(seen.nr_regions))
    line["cpu_share"] = round(statistics.median(seen.shares), 4)
    print(json.dumps(line), flush=True)
