"""CPU time and memory of reading a recording of damo, against parsing it as one JSON value.

    python bench/convert.py [--regions 1000] [--snapshots 300]

Prints a JSON line for each way, and for the conversions of the result: CPU seconds and peak memory
of a process of its own.  Whoever reads such a file whole, as damo does, needs at least what
``json.loads`` of its text needs; reading it piece by piece must not need more memory.
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
import zlib
from pathlib import Path

FORMATS = ("damo", "csv", "parquet", "perfetto")


def write_recording(path: str, nr_regions: int, nr_snapshots: int) -> None:
    """As damo writes it: numbers of regions as texts with commas, indented."""
    intervals = {"sample_us": "5000", "aggr_us": "100000", "ops_update_us": "1000000"}
    packer = zlib.compressobj()
    with open(path, "wb") as file:

        def put(text: str) -> None:
            file.write(packer.compress(text.encode()))

        head = {"intervals": intervals, "scheme_idx": None, "target_id": 0}
        put("[\n" + json.dumps(head, indent=4)[:-2] + ',\n"snapshots": [\n')
        for window in range(nr_snapshots):
            regions = [
                {
                    "start": f"{0x7F0000000000 + (number << 20):,}",
                    "end": f"{0x7F0000000000 + (number + 1 << 20):,}",
                    "nr_accesses": {"samples": (number * window) % 21, "percent": None},
                    "age": {"usec": None, "aggr_intervals": str(window)},
                    "probe_hits": [],
                    "sz_filter_passed": "0 B",
                }
                for number in range(nr_regions)
            ]
            start_ns = (window + 1) * 100_000_000
            times = {"start_time": str(start_ns), "end_time": str(start_ns + 100_000_000)}
            put(",\n" * bool(window) + json.dumps({**times, "regions": regions}, indent=4))
        put("\n]}\n]\n")
        file.write(packer.flush())


def run_way(way: str, folder: str) -> None:
    """One way, in this process."""
    theirs, ours = f"{folder}/damon.data", f"{folder}/rec.damon"
    if way == "json.loads":
        assert json.loads(zlib.decompress(Path(theirs).read_bytes()))
        return
    from damon_core.cli import main

    record, to = (theirs, "damon") if way == "damon" else (ours, way)
    out = ours if way == "damon" else f"{folder}/out"
    with open(os.devnull, "w") as quiet:
        sys.stderr = quiet
        assert main(["convert", record, "--to", to, "-o", out, "--force"]) == 0


def measure(way: str, folder: str) -> dict[str, float]:
    """CPU seconds and MiB at most, of a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--folder", folder]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


def main() -> int:
    """1 if reading a file piece by piece needs more memory than its JSON as a whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=1000)
    parser.add_argument("--snapshots", type=int, default=300)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        begin = time.process_time()
        run_way(args.way, args.folder)
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"cpu_s": time.process_time() - begin, "peak_mib": peak_mib}))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write_recording(f"{folder}/damon.data", args.regions, args.snapshots)
        whole = measure("json.loads", folder)
        missed = False
        for way in ("damon", *FORMATS):
            result = measure(way, folder)
            if way == "damon":
                result["memory_of_json.loads"] = result["peak_mib"] / whole["peak_mib"]
                result["cpu_of_json.loads"] = result["cpu_s"] / whole["cpu_s"]
                missed = result["memory_of_json.loads"] > 1
            shown = {name: round(value, 3) for name, value in result.items()}
            line = {"bench": "convert", "to": way, **shown}
            print(json.dumps(line | {"regions": args.regions, "snapshots": args.snapshots}))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
