"""The region matcher against the bound of memory, a linear scan per report, and page hashing.

One JSON line a case: nanoseconds per report of each, and the ratios DESIGN asks for.  All must
find the same; a mismatch ends the program.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from damon_core.access import REPORT_DTYPE, ReportFlag
from damon_core.build import get_include
from damon_core.matcher import Counters, Matcher
from damon_core.model import AddrRange
from damon_core.regions import REGION_DTYPE, RegionMap

PAGE = 4096
BASE = 0x7F00_0000_0000
PID = 1


def build_rivals(folder: Path) -> ctypes.CDLL:
    library = folder / "rivals.so"
    source = Path(__file__).parent / "rivals.c"
    subprocess.run(
        ["cc", "-O3", "-shared", "-fPIC", f"-I{get_include()}", "-o", library, source], check=True
    )
    return ctypes.CDLL(str(library))


def draw_borders(rng: np.random.Generator, nr_regions: int, span: int) -> np.ndarray:
    cuts = np.sort(rng.choice(span // PAGE - 1, nr_regions - 1, replace=False) + 1)
    return BASE + np.concatenate([[0], cuts, [span // PAGE]]).astype(np.uint64) * PAGE


def draw_addresses(
    rng: np.random.Generator, borders: np.ndarray, nr: int, clustered: bool
) -> np.ndarray:
    span = int(borders[-1] - borders[0])
    if not clustered:
        return borders[0] + rng.integers(0, span, nr, dtype=np.uint64)
    run = 64
    nr_regions = len(borders) - 1
    hot = rng.integers(0, max(1, nr_regions // 10), nr // run + 1)
    cold = rng.integers(0, nr_regions, nr // run + 1)
    region = np.where(rng.random(nr // run + 1) < 0.9, hot, cold)
    starts = borders[region] + (rng.random(len(region)) * (borders[region + 1] - borders[region]))
    steps = rng.integers(1, 64, (len(region), run), dtype=np.uint64) * 64
    addresses = starts.astype(np.uint64)[:, None] + np.cumsum(steps, axis=1, dtype=np.uint64)
    return np.minimum(addresses.ravel()[:nr], borders[-1] - 1)


def best_ns(work: Callable[[], object], repeat: int) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - start)
    return min(times)


def run_case(
    rivals: ctypes.CDLL, nr_regions: int, span: int, clustered: bool, nr: int, probe: bool
) -> dict[str, object]:
    rng = np.random.default_rng(nr_regions)
    borders = draw_borders(rng, nr_regions, span)
    reports = np.zeros(nr, REPORT_DTYPE)
    reports["vaddr"] = draw_addresses(rng, borders, nr, clustered)
    reports["size"] = 1
    reports["pid"] = PID
    reports["flags"] = ReportFlag.HAS_VADDR

    regions = RegionMap(seed=1)
    regions.add_target(PID)
    regions.set_ranges(0, [AddrRange(int(borders[0]), int(borders[-1]))])
    rows = np.zeros(nr_regions, REGION_DTYPE)
    rows["start"], rows["end"] = borders[:-1], borders[1:]
    regions.load(0, rows)
    matcher, counters = Matcher(), Counters()
    matcher.begin_tick(regions)

    def match() -> None:
        matcher.credit(reports, counters)

    starts, ends = borders[:-1].copy(), borders[1:].copy()
    found = {"linear_scan": np.zeros(nr_regions, np.uint64)}
    linear_nr = nr if nr_regions <= 100 else nr // 20
    u64 = ctypes.c_uint64

    def rival(name: str, count: int) -> Callable[[], object]:
        hits = found.setdefault(name, np.zeros(nr_regions, np.uint64))
        arguments = (
            reports.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_size_t(count),
            starts.ctypes.data_as(ctypes.POINTER(u64)),
            ends.ctypes.data_as(ctypes.POINTER(u64)),
            hits.ctypes.data_as(ctypes.POINTER(u64)),
            ctypes.c_size_t(nr_regions),
        )

        def call() -> object:
            hits[:] = 0
            return getattr(rivals, name)(*arguments)

        return call

    def stream() -> object:
        return rivals.stream_read(reports.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(nr))

    # in turns, so that the machine's moods hit all alike
    stream_ns = match_ns = float("inf")
    for _ in range(5):
        stream_ns = min(stream_ns, best_ns(stream, 2) / nr)
        match_ns = min(match_ns, best_ns(match, 2) / nr)
    linear_ns = best_ns(rival("linear_scan", linear_nr), 2) / linear_nr
    probe_ns = best_ns(rival("hash_probe", nr), 1) / nr if probe else None

    matcher.fold(regions, 0)
    ours = regions.regions(0)["hits"][:, 0] // 10
    truth = np.histogram(reports["vaddr"], borders)[0] if nr_regions == 1 else None
    expected = np.bincount(
        np.searchsorted(borders, reports["vaddr"], side="right") - 1, minlength=nr_regions
    )
    assert truth is None or (truth == expected).all()
    if not (ours == expected).all():
        raise SystemExit("the matcher disagrees with a search by NumPy")
    if probe and not (found["hash_probe"] == expected).all():
        raise SystemExit("page hashing disagrees with a search by NumPy")
    return {
        "bench": "matcher",
        "nr_regions": nr_regions,
        "span_gib": span >> 30,
        "addresses": "clustered" if clustered else "random",
        "matcher_ns": round(match_ns, 2),
        "stream_read_ns": round(stream_ns, 2),
        "linear_scan_ns": round(linear_ns, 2),
        "page_hash_ns": None if probe_ns is None else round(probe_ns, 2),
        "of_stream_bound": round(stream_ns / match_ns, 3),
        "times_linear_scan": round(linear_ns / match_ns, 1),
        "times_page_hash": None if probe_ns is None else round(probe_ns / match_ns, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=1_000_000)
    parser.add_argument("--regions", type=int, nargs="+", default=[10, 100, 1000, 10000])
    parser.add_argument("--span-gib", type=int, nargs="+", default=[4, 64])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rivals = build_rivals(Path(folder))
        rivals.stream_read.restype = ctypes.c_uint64
        for span in options.span_gib:
            for nr_regions in options.regions:
                for clustered in (False, True):
                    case = run_case(
                        rivals, nr_regions, span << 30, clustered, options.reports,
                        probe=nr_regions == 1000,
                    )  # fmt: skip
                    print(json.dumps(case), flush=True)


if __name__ == "__main__":
    main()
