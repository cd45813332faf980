"""CPU time and memory of the reports of a long recording, against a list of objects per region.

    python bench/record_reader.py [--regions 1000] [--snapshots 6000] [--larger 10] [--damo 600]

Prints a JSON line for each report: CPU seconds and peak memory of a process of its own, and the
ratio to the same report from Python objects, one per region, over ``--objects`` snapshots of it.
``--larger N``: memory for a recording N times as long too.  ``--damo N``: damo 3.4.3 and we on the
first N snapshots, the same content in both formats; it takes 50 ms of CPU time and 1.3 MiB each.
Then how long the command line takes to start, and until a long report says its first word.
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
from contextlib import suppress
from pathlib import Path

from attrs import define

MAX_CPU_S = 3.0
MAX_RSS_MIB = 300.0
MAX_START_S = 0.35


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


KINDS = ("wss", "heatmap", "record_info", "nr_regions", "footprint", "holistic", "diff")


def run_report(kind: str, path: str) -> None:
    """One report, as the command line makes it."""
    from click.testing import CliRunner

    from damon_core.cli.report import report

    paths = [path, path] if kind == "diff" else [path]
    result = CliRunner().invoke(report, [kind, *paths])
    if result.exit_code:
        raise SystemExit(result.output)


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
    for kind in KINDS:
        cpu_s, rss_mib = measure("--child", kind, path)
        line: dict[str, object] = {
            "bench": f"record_reader.{kind}",
            "regions": nr_regions,
            "snapshots": nr_snapshots,
            "file_mib": round(Path(path).stat().st_size / 2**20, 1),
            "cpu_s": round(cpu_s, 2),
            "rss_mib": round(rss_mib),
        }
        if kind in ("wss", "heatmap"):
            line["within_budget"] = cpu_s <= MAX_CPU_S and rss_mib <= MAX_RSS_MIB
            objects_s, objects_mib = measure("--child", kind, path, "--objects", nr_objects)
            objects_s *= nr_snapshots / nr_objects
            line["objects_cpu_s"] = round(objects_s, 2)
            line["objects_rss_mib"] = round(objects_mib)
            line["objects_snapshots"] = nr_objects
            line["ratio"] = round(objects_s / cpu_s, 1)
        print(json.dumps(line), flush=True)


def compare_damo(folder: Path, nr_regions: int, nr_snapshots: int) -> None:
    """damo and we, one after the other, on the same content."""
    from _damo import VERSION, Damo, write_for_damo

    from damon_core.record import open_record

    damo = Damo.installed(folder)
    ours, theirs = folder / "same.damon", folder / "same.data"
    write_recording(str(ours), nr_regions, nr_snapshots)
    write_for_damo(theirs, open_record(ours))
    for kind, args in (("wss", ["--exclude_samples", "0"]), ("heatmap", ["--resol", "20", "64"])):
        cpu_s, rss_mib = measure("--child", kind, ours)
        cost = damo.report(kind, theirs, *args)
        line = {
            "bench": f"record_reader.damo.{kind}",
            "damo": VERSION,
            "regions": nr_regions,
            "snapshots": nr_snapshots,
            "file_mib": round(ours.stat().st_size / 2**20, 1),
            "damo_file_mib": round(theirs.stat().st_size / 2**20, 1),
            "cpu_s": round(cpu_s, 2),
            "rss_mib": round(rss_mib),
            "damo_cpu_s": round(cost.cpu_s, 2),
            "damo_rss_mib": round(cost.rss_mib),
            "ratio": round(cost.cpu_s / cpu_s, 1),
        }
        print(json.dumps(line), flush=True)


def larger(folder: Path, nr_regions: int, nr_snapshots: int) -> None:
    """Memory of a recording that many times as long."""
    path = f"{folder}/larger.damon"
    write_recording(path, nr_regions, nr_snapshots)
    for kind in ("wss", "heatmap", "holistic"):
        cpu_s, rss_mib = measure("--child", kind, path)
        line = {
            "bench": f"record_reader.larger.{kind}",
            "regions": nr_regions,
            "snapshots": nr_snapshots,
            "file_mib": round(Path(path).stat().st_size / 2**20, 1),
            "cpu_s": round(cpu_s, 2),
            "rss_mib": round(rss_mib),
            "within_budget": rss_mib <= MAX_RSS_MIB,
        }
        print(json.dumps(line), flush=True)
    os.unlink(path)


def start(folder: Path, long: str) -> None:
    """Wall seconds of the command line: to show a small recording, and to say a first word."""
    path = f"{folder}/small.damon"
    write_recording(path, 50, 20)
    command = [sys.executable, "-m", "damon_core", "report"]
    times, cpu_times = [], []
    for _ in range(7):
        began_s, cpu_s = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*command, "access", path], check=True, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - began_s)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_times.append(used.ru_utime + used.ru_stime - cpu_s.ru_utime - cpu_s.ru_stime)
    line: dict[str, object] = {"bench": "record_reader.start", "access_s": round(min(times), 3)}
    line["access_cpu_s"] = round(min(cpu_times), 3)
    line["within_budget"] = min(times) <= MAX_START_S
    terminal, end = os.openpty()
    began_s = time.monotonic()
    with subprocess.Popen([*command, "wss", long], stdout=end, stderr=end) as process:
        os.close(end)
        os.read(terminal, 1)
        line["first_word_s"] = round(time.monotonic() - began_s, 3)
        with suppress(OSError):  # its end, as Linux tells it of a terminal
            while os.read(terminal, 4096):
                pass
        process.wait()
    os.close(terminal)
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--regions", type=int, default=1000)
    parser.add_argument("--snapshots", type=int, default=6000)
    parser.add_argument("--objects", type=int, default=0, help="snapshots kept as objects")
    parser.add_argument("--larger", type=int, default=0, help="memory of one so much longer, too")
    parser.add_argument("--damo", type=int, default=0, help="snapshots to compare damo on")
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
        start(Path(folder), path)
        if args.damo:
            compare_damo(Path(folder), args.regions, args.damo)
        if args.larger:
            larger(Path(folder), args.regions, args.snapshots * args.larger)


if __name__ == "__main__":
    main()
