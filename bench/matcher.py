"""The region matcher against the bound of memory, and against the ways of two kernel series.

One JSON line a case: nanoseconds per report of each, and the ratios; then a line for each budget.
``linear_scan``: RFC v3's, without its limit of 1000 slots.  ``page_hash``: the histogram of the
series on perf events, where a region counts its reports as ours does; ``first_page``: where it is
content with one, as posted.  All must find the same; a mismatch ends the program.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from ctypes import CDLL
from pathlib import Path

import numpy as np
from _baselines import PID, PageHistogram, SlotArray, build_library, region_map
from _budget import tell_budget
from _report_stream import draw_borders, reports_at
from attrs import frozen

from damon_core.matcher import Counters, Matcher

OF_STREAM, TIMES_LINEAR_SCAN, TIMES_PAGE_HASH = 0.6, 15.0, 40.0
JUDGED_NR_REGIONS, JUDGED_SPAN_GIB = 1000, 64
RUN = 64


def draw_addresses(
    rng: np.random.Generator, borders: np.ndarray, nr: int, clustered: bool
) -> np.ndarray:
    span = int(borders[-1] - borders[0])
    if not clustered:
        anywhere: np.ndarray = borders[0] + rng.integers(0, span, nr, dtype=np.uint64)
        return anywhere
    nr_regions = len(borders) - 1
    hot = rng.integers(0, max(1, nr_regions // 10), nr // RUN + 1)
    cold = rng.integers(0, nr_regions, nr // RUN + 1)
    region = np.where(rng.random(nr // RUN + 1) < 0.9, hot, cold)
    starts = borders[region] + (rng.random(len(region)) * (borders[region + 1] - borders[region]))
    steps = rng.integers(1, 64, (len(region), RUN), dtype=np.uint64) * 64
    addresses = starts.astype(np.uint64)[:, None] + np.cumsum(steps, axis=1, dtype=np.uint64)
    inside: np.ndarray = np.minimum(addresses.ravel()[:nr], borders[-1] - 1)
    return inside


def best_ns(work: Callable[[], object], repeat: int) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - start)
    return min(times)


@frozen
class Times:
    """Nanoseconds per report; None: not measured."""

    matcher: float
    stream_read: float
    linear_scan: float
    page_hash: float | None
    first_page: float | None

    def times_matcher(self, ns: float | None) -> float | None:
        return None if ns is None else ns / self.matcher


def measure(library: CDLL, borders: np.ndarray, reports: np.ndarray, probe: bool) -> Times:
    nr, nr_regions = len(reports), len(borders) - 1
    regions, matcher, counters = region_map(borders), Matcher(), Counters()
    matcher.begin_tick(regions)
    rounds = 15
    stream_ns = match_ns = float("inf")
    for _ in range(rounds):  # in turns, so that the machine's moods hit all alike
        stream_ns = min(
            stream_ns, best_ns(lambda: library.stream_read(reports.ctypes.data, nr), 2) / nr
        )
        match_ns = min(match_ns, best_ns(lambda: matcher.credit(reports, counters), 2) / nr)
    matcher.fold(regions, 0)
    hits = regions.regions(0)["hits"][:, 0] // (2 * rounds)
    compare("the matcher", hits, borders, reports)

    scanned = reports if nr_regions <= 100 else reports[: nr // 20]
    slots = SlotArray(library, borders, len(scanned))
    linear_ns = checked_ns(slots, borders, scanned, repeat=5)
    hash_ns = first_ns = None
    if probe:
        room = 2 * nr
        every_page = PageHistogram(library, borders, room, room, first=False)
        hash_ns = checked_ns(every_page, borders, reports)
        first_page = PageHistogram(library, borders, room, room)
        first_ns = checked_ns(first_page, borders, reports)
    return Times(match_ns, stream_ns, linear_ns, hash_ns, first_ns)


def checked_ns(
    path: SlotArray | PageHistogram, borders: np.ndarray, reports: np.ndarray, repeat: int = 2
) -> float:
    """Of the best check, for each of the reports."""
    times = []
    for _ in range(repeat):
        lost = path.store(reports)
        assert not lost
        times.append(best_ns(path.check, 1))
    found = path.hits()
    if isinstance(path, PageHistogram) and path.stops_at_first:
        found = np.where(found > 0, hits_of(borders, reports), 0)
    compare(path.name, found, borders, reports)
    return min(times) / len(reports)


def hits_of(borders: np.ndarray, reports: np.ndarray) -> np.ndarray:
    region = np.searchsorted(borders, reports["vaddr"], side="right") - 1
    return np.bincount(region, minlength=len(borders) - 1)


def compare(name: str, found: np.ndarray, borders: np.ndarray, reports: np.ndarray) -> None:
    if not (found == hits_of(borders, reports)).all():
        raise SystemExit(f"{name} disagrees with a search by NumPy")


def tell(times: Times, nr_regions: int, span_gib: int, addresses: str) -> None:
    line: dict[str, object] = {
        "bench": "matcher",
        "nr_regions": nr_regions,
        "span_gib": span_gib,
        "addresses": addresses,
    }
    for name in ("matcher", "stream_read", "linear_scan", "page_hash", "first_page"):
        ns = getattr(times, name)
        line[f"{name}_ns"] = None if ns is None else round(ns, 2)
    line["of_stream_bound"] = round(times.stream_read / times.matcher, 3)
    for name in ("linear_scan", "page_hash", "first_page"):
        ratio = times.times_matcher(getattr(times, name))
        line[f"times_{name}"] = None if ratio is None else round(ratio, 1)
    print(json.dumps(line), flush=True)


def judge(times: Times, span_gib: int, addresses: str) -> None:
    where = f"1000 regions, {span_gib} GiB, {addresses}"
    of_stream = times.stream_read / times.matcher
    tell_budget("matcher", f"of the stream bound, {where}", of_stream, at_least=OF_STREAM)
    linear = times.linear_scan / times.matcher
    tell_budget("matcher", f"times a linear scan, {where}", linear, at_least=TIMES_LINEAR_SCAN)
    paged = times.times_matcher(times.page_hash)
    if span_gib >= JUDGED_SPAN_GIB and paged is not None:
        tell_budget("matcher", f"times page hashing, {where}", paged, at_least=TIMES_PAGE_HASH)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, default=1_000_000)
    parser.add_argument("--regions", type=int, nargs="+", default=[10, 100, 1000, 10000])
    parser.add_argument("--span-gib", type=int, nargs="+", default=[4, 64])
    options = parser.parse_args()
    judged: list[tuple[Times, int, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        library = build_library(Path(folder))
        for span_gib in options.span_gib:
            for nr_regions in options.regions:
                for addresses in ("random", "clustered"):
                    rng = np.random.default_rng(nr_regions)
                    borders = draw_borders(rng, nr_regions, span_gib << 30)
                    clustered = addresses == "clustered"
                    drawn = draw_addresses(rng, borders, options.reports, clustered)
                    is_judged = nr_regions == JUDGED_NR_REGIONS
                    times = measure(library, borders, reports_at(drawn, PID), probe=is_judged)
                    tell(times, nr_regions, span_gib, addresses)
                    if is_judged:
                        judged.append((times, span_gib, addresses))
    for one in judged:
        judge(*one)


if __name__ == "__main__":
    main()
