"""CPU time, memory and size of pictures of a long recording, against a page of all its regions.

    python bench/pictures.py [--regions 1000] [--snapshots 6000]

Prints a JSON line for each picture, made by the command line in a process of its own: CPU seconds,
peak memory, size of the file.  The named alternative is what many tools embed: every region of
every snapshot as JSON, without anything drawn; made of a tenth of the snapshots, times ten.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from record_reader import MAX_CPU_S, MAX_RSS_MIB, write_recording

MAX_SIZE_MIB = 4.0
PICTURES = (
    ("heatmap", "html"),
    ("heatmap", "png"),
    ("heatmap", "svg"),
    ("holistic", "html"),
    ("holistic", "png"),
    ("footprint", "png"),
)
_BUDGETED = ("heatmap",)


def draw(report: str, recording: str, picture: str) -> None:
    """As a user does."""
    from damon_core.cli import main

    if main(["report", report, recording, "-o", picture]):
        raise SystemExit(1)


def write_all_regions(recording: str, path: str, nr_snapshots: int) -> None:
    """The named alternative."""
    from damon_core.record import open_record

    snapshots = []
    for snapshot in islice(open_record(recording), nr_snapshots):
        columns = snapshot.regions
        regions = [columns.start, columns.end, columns.nr_accesses, columns.hits[0]]
        snapshots.append([snapshot.end_ns, *(column.tolist() for column in regions)])
    Path(path).write_text(json.dumps(snapshots, separators=(",", ":")))


def measure(*args: object) -> tuple[float, float]:
    """CPU seconds and peak MiB of this program with ``args``, in a process of its own."""
    command = [sys.executable, __file__, "--child", *map(str, args)]
    ended = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    cpu_s, rss_mib = json.loads(ended.stdout)
    return cpu_s, rss_mib


def child(kind: str, recording: str, path: str, *more: str) -> None:
    """Make one file, and say what it took."""
    if kind == "all_regions":
        write_all_regions(recording, path, int(more[0]))
    else:
        draw(kind, recording, path)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([time.process_time(), usage.ru_maxrss / 1024]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--regions", type=int, default=1000)
    parser.add_argument("--snapshots", type=int, default=6000)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(*args.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        recording = f"{folder}/long.damon"
        write_recording(recording, args.regions, args.snapshots)
        nr = max(1, args.snapshots // 10)
        regions_s, _ = measure("all_regions", recording, f"{folder}/all.json", nr)
        times = args.snapshots / nr
        regions_mib = Path(folder, "all.json").stat().st_size / 2**20 * times
        for report, suffix in PICTURES:
            picture = Path(folder, f"{report}.{suffix}")
            cpu_s, rss_mib = measure(report, recording, picture)
            size_mib = picture.stat().st_size / 2**20
            line: dict[str, object] = {
                "bench": f"pictures.{report}.{suffix}",
                "regions": args.regions,
                "snapshots": args.snapshots,
                "cpu_s": round(cpu_s, 2),
                "rss_mib": round(rss_mib),
                "file_mib": round(size_mib, 2),
                "all_regions_cpu_s": round(regions_s * times, 2),
                "all_regions_mib": round(regions_mib, 1),
                "ratio": round(regions_mib / size_mib, 1),
            }
            if report in _BUDGETED:
                within = cpu_s <= MAX_CPU_S and rss_mib <= MAX_RSS_MIB and size_mib <= MAX_SIZE_MIB
                line["within_budget"] = within
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
