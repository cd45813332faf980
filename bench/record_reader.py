"""CPU time and memory of the reports of a long recording, against a list of objects per region.

    python bench/record_reader.py [--regions 1000] [--snapshots 6000]

Prints a JSON line for each report: CPU seconds and peak memory of a process of its own, and the
ratio to the same report from Python objects, one per region, over ``--objects`` snapshots of it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from attrs import define

MAX_CPU_S = 3.0
MAX_RSS_MIB = 300.0


def write_recording(path: str, nr_regions: int, nr_snapshots: int) -> None:
    """Regions that drift, as those of a real target do: neighbours in time are alike."""
    import numpy as np
    from attrs import evolve

    from damon_core.model import Ops
    from damon_core.record_format import PrimitiveInfo, RecordHeader
    from damon_core.record_writer import RecordWriter
    from damon_core.testing.snapshots import INTERVALS, T0_NS, random_snapshot

    header = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)
    window_ns = INTERVALS.aggr_us * 1000
    with RecordWriter(path, header) as writer:
        for index in range(nr_snapshots):
            if index % 100 == 0:
                base = random_snapshot(index, nr_regions)
            rates = np.roll(base.regions.nr_accesses, index)
            sizes = (base.regions.end - base.regions.start).astype(float)
            regions = evolve(
                base.regions, nr_accesses=rates, accessed_bytes=sizes * rates / base.nr_samples
            )
            writer.write(
                evolve(
                    base,
                    index=index,
                    start_ns=T0_NS + index * window_ns,
                    end_ns=T0_NS + (index + 1) * window_ns,
                    regions=regions,
                )
            )


def run_report(kind: str, path: str) -> None:
    """One report, as the command line makes it."""
    from damon_core.record import open_record

    record = open_record(path)
    with open(os.devnull, "w") as out:
        if kind == "wss":
            from damon_core.report.wss import WorkingSet

            WorkingSet(record).render(out)
        elif kind == "heatmap":
            from damon_core.report.grid import heat_grid
            from damon_core.report.heatmap import Heatmap

            Heatmap(heat_grid(record)).render(out)
        else:
            from damon_core.report.record_info import RecordInfo

            RecordInfo(record.header, record).render(out)


@define
class Region:
    """A region as an object, as damo keeps it."""

    start: int
    end: int
    nr_accesses: int
    age: int


def run_objects(kind: str, path: str, nr_snapshots: int) -> None:
    """The same report, over every region of every snapshot as an object in a list."""
    from itertools import islice

    from damon_core.record import open_record

    record = open_record(path)
    snapshots = []
    for snapshot in islice(record, nr_snapshots):
        columns = snapshot.regions
        rows = zip(
            columns.start.tolist(),
            columns.end.tolist(),
            columns.nr_accesses.tolist(),
            columns.age.tolist(),
            strict=True,
        )
        snapshots.append([Region(*row) for row in rows])
    if kind == "wss":
        sorted(sum(r.end - r.start for r in regions if r.nr_accesses) for regions in snapshots)
        return
    low = min(region.start for regions in snapshots for region in regions)
    high = max(region.end for regions in snapshots for region in regions)
    width = (high - low) / 64
    grid = [[0.0] * 65 for _ in range(20)]
    for number, regions in enumerate(snapshots):
        row = grid[number * 20 // len(snapshots)]
        for region in regions:
            first, last = (int((edge - low) / width) for edge in (region.start, region.end - 1))
            for column in range(first, last + 1):
                left = max(region.start, low + column * width)
                right = min(region.end, low + (column + 1) * width)
                row[column] += (right - left) * region.nr_accesses


def measure(*args: object) -> tuple[float, float]:
    """CPU seconds and peak MiB of this program with ``args``, in a process of its own."""
    command = [sys.executable, __file__, *map(str, args)]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    cpu_s, rss_mib = json.loads(ended.stdout)
    return cpu_s, rss_mib


def say_usage() -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([time.process_time(), usage.ru_maxrss / 1024]))


def compare(path: str, nr_regions: int, nr_snapshots: int, nr_objects: int) -> None:
    for kind in ("wss", "heatmap", "record_info"):
        cpu_s, rss_mib = measure("--child", kind, path)
        line: dict[str, object] = {
            "bench": f"record_reader.{kind}",
            "regions": nr_regions,
            "snapshots": nr_snapshots,
            "file_mib": round(Path(path).stat().st_size / 2**20, 1),
            "cpu_s": round(cpu_s, 2),
            "rss_mib": round(rss_mib),
            "within_budget": cpu_s <= MAX_CPU_S and rss_mib <= MAX_RSS_MIB,
        }
        if kind != "record_info":
            objects_s, objects_mib = measure("--child", kind, path, "--objects", nr_objects)
            objects_s *= nr_snapshots / nr_objects
            line["objects_cpu_s"] = round(objects_s, 2)
            line["objects_rss_mib"] = round(objects_mib)
            line["objects_snapshots"] = nr_objects
            line["ratio"] = round(objects_s / cpu_s, 1)
        print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--regions", type=int, default=1000)
    parser.add_argument("--snapshots", type=int, default=6000)
    parser.add_argument("--objects", type=int, default=0, help="snapshots kept as objects")
    parser.add_argument("--child", nargs=2, metavar=("REPORT", "FILE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        if args.objects:
            run_objects(args.child[0], args.child[1], args.objects)
        else:
            run_report(*args.child)
        say_usage()
        return
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/long.damon"
        write_recording(path, args.regions, args.snapshots)
        compare(path, args.regions, args.snapshots, args.objects or max(1, args.snapshots // 10))


if __name__ == "__main__":
    main()
