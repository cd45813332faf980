"""Recordings laid out as damo writes them, made here without it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

SAMPLE_US, AGGR_US = 5_000, 100_000
NR_SAMPLES = AGGR_US // SAMPLE_US
REGION = 1 << 20
BASE = 0x7F0000000000
INTERVALS = {
    "sample_us": str(SAMPLE_US),
    "aggr_us": str(AGGR_US),
    "ops_update_us": "1000000",
    "intervals_goal": {"access_bp": "0", "aggrs": "0", "min_sample_us": "0", "max_sample_us": "0"},
}

Region = dict[str, Any]


def region(start: int, size: int, samples: int, age: int) -> Region:
    """One region, with the commas and texts that damo's own writer leaves in."""
    return {
        "start": f"{start:,}",
        "end": f"{start + size:,}",
        "nr_accesses": {"samples": samples, "percent": None},
        "age": {"usec": None, "aggr_intervals": f"{age:,}"},
        "probe_hits": [],
        "sz_filter_passed": "0 B",
    }


def window(index: int, regions: list[Region]) -> dict[str, Any]:
    """Window number ``index``, times in texts."""
    start_ns = 1_000_000_000 + index * AGGR_US * 1000
    return {
        "start_time": str(start_ns),
        "end_time": str(start_ns + AGGR_US * 1000),
        "regions": regions,
        "total_bytes": sum(REGION for _ in regions),
        "damos_stats": None,
        "sample_interval_us": None,
    }


def moving_band(target: int, nr_windows: int, nr_regions: int = 30) -> list[dict[str, Any]]:
    """Windows in which a tenth of the regions is hot, and moves up; the rest is idle and ages."""
    ages, last = [0] * nr_regions, [-1] * nr_regions
    windows = []
    base = BASE + (target << 36)
    for index in range(nr_windows):
        low = index * (nr_regions - 3) // max(1, nr_windows - 1)
        regions = []
        for number in range(nr_regions):
            hot = low <= number < low + 3
            samples = NR_SAMPLES - number % 3 if hot else int(number % 11 == 0)
            ages[number] = ages[number] + 1 if last[number] == samples else 0
            last[number] = samples
            regions.append(region(base + number * REGION, REGION, samples, ages[number]))
        windows.append(window(index, regions))
    return windows


def record(target_id: int | str | None = 0, **changes: Any) -> dict[str, Any]:
    """One record, of 40 windows unless ``snapshots`` are given."""
    index = target_id if isinstance(target_id, int) else 0
    whole = {
        "kdamond_idx": None,
        "context_idx": None,
        "intervals": INTERVALS,
        "scheme_idx": None,
        "target_id": target_id,
        "scheme_filters": [],
        "data_source": "unknown",
    }
    whole |= changes
    whole.setdefault("snapshots", moving_band(index, 40))
    return whole


def write(path: Path, *records: Any, pack: Callable[[bytes], bytes] = zlib.compress) -> Path:
    """A file of such records, json_compressed as damo writes it."""
    path.write_bytes(pack(json.dumps(list(records), indent=4).encode()))
    return path


def perf_script(path: Path, records: dict[int, list[dict[str, Any]]]) -> Path:
    """Windows by target as the text of perf script."""
    lines = []
    for target, windows in records.items():
        for one in windows:
            seconds = int(one["end_time"]) / 1e9
            for each in one["regions"]:
                start, end = (each[name].replace(",", "") for name in ("start", "end"))
                lines.append(
                    f"kdamond.0  4452 [000] {seconds:.6f}: damon:damon_aggregated: "
                    f"target_id={target} nr_regions={len(one['regions'])} {start}-{end}: "
                    f"{each['nr_accesses']['samples']} {each['age']['aggr_intervals']}\n"
                )
    path.write_text("".join(lines))
    return path
