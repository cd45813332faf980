"""CPU time and memory of ``damon import``, against ``perf script`` on the same file.

    python bench/import_perf.py [--samples 10000000] [--events 2] [--cpus 8] [--script 500000]

Makes a perf.data file as perf writes it: rounds, in each the ring of every processor by itself.
Prints a JSON line: CPU seconds and peak memory of the import, and the ratio to those of perf
script for as many samples, from a file of ``--script`` samples, where perf is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from damon_core.perf_attr import SampleType

MAX_CPU_S = 5.0
MAX_RSS_MIB = 300.0
ROUND_SAMPLES = 1 << 16
PIDS, LOAD, STORE = (4321, 4322), 0x68100142, 0x5080144
PERIOD = 2003
T = SampleType
FIELDS = (T.IDENTIFIER, T.IP, T.TID, T.TIME, T.ADDR, T.CPU, T.PERIOD, T.DATA_SRC)
RECORD_BYTES = 8 * (1 + len(FIELDS))


def attr(config: int) -> bytes:
    fields = (4, 128, config, PERIOD, sum(FIELDS), 4, 1 << 18)
    return struct.pack("<IIQQQQQ", *fields).ljust(128, b"\0")


def write_file(path: str, nr_samples: int, nr_events: int, nr_cpus: int) -> None:
    """Samples of two processes, hot and cold places, every 100 ns or so over all processors."""
    random = np.random.default_rng(1)
    ids = np.arange(1, nr_events * nr_cpus + 1, dtype=np.uint64).reshape(nr_events, nr_cpus)
    attrs_at = 104 + ids.nbytes
    entries = b"".join(
        attr(0x1CD + event * 0x100) + struct.pack("<QQ", 104 + event * nr_cpus * 8, nr_cpus * 8)
        for event in range(nr_events)
    )
    data_at = attrs_at + len(entries)
    nr_rounds = -(-nr_samples // ROUND_SAMPLES)
    data_size = nr_samples * RECORD_BYTES + nr_rounds * 8
    sections = (128 + 16, attrs_at, len(entries), data_at, data_size, 0, 0)
    with open(path, "wb") as file:
        file.write(struct.pack("<8sQ7Q32x", b"PERFILE2", 104, *sections))
        file.write(ids.tobytes() + entries)
        now_ns = 10**9
        for first in range(0, nr_samples, ROUND_SAMPLES):
            nr = min(ROUND_SAMPLES, nr_samples - first)
            # what a round has seen of one processor, another one's next round may have seen too
            times = now_ns + np.sort(random.integers(0, nr * 110, nr))
            now_ns += nr * 100
            cpus = np.sort(random.integers(0, nr_cpus, nr))
            order = np.lexsort((times, cpus))
            file.write(round_of(random, times[order], cpus[order], ids).tobytes())
            file.write(struct.pack("<IHH", 68, 0, 8))


def round_of(
    random: np.random.Generator, times: np.ndarray, cpus: np.ndarray, ids: np.ndarray
) -> np.ndarray:
    nr = len(times)
    rows = np.zeros((nr, 1 + len(FIELDS)), np.uint64)
    events = random.integers(0, len(ids), nr)
    pids = np.where(random.random(nr) < 0.9, *PIDS)
    hot = random.random(nr) < 0.8
    pages = np.where(hot, random.integers(0, 1 << 12, nr), random.integers(0, 1 << 20, nr))
    rows[:, 0] = 9 | RECORD_BYTES << 48
    rows[:, 1] = ids[events, cpus]
    rows[:, 2] = 0x401000
    rows[:, 3] = pids | pids << 32
    rows[:, 4] = times
    rows[:, 5] = 0x7F0000000000 + pages * 4096 + random.integers(0, 512, nr) * 8
    rows[:, 6] = cpus
    rows[:, 7] = PERIOD
    rows[:, 8] = np.where(events % 2, STORE, LOAD)
    return rows


def measure(command: list[str], out: str) -> tuple[float, float]:
    """CPU seconds and peak MiB of a command."""
    with open(out, "wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed: {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def record_info(path: str) -> dict[str, int]:
    """The counters of the import: each sample must be in exactly one of them."""
    info = subprocess.run(
        [sys.executable, "-m", "damon_core", "report", "record_info", path, "--json"],
        check=True,
        capture_output=True,
    )
    (source,) = json.loads(info.stdout)["primitives"]
    return {**source["own"], "reports": sum(source["counters"].values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--events", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=8)
    parser.add_argument("--script", type=int, default=500_000, help="samples for perf script")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, short = Path(folder, "perf.data"), Path(folder, "short.perf.data")
        write_file(str(path), args.samples, args.events, args.cpus)
        record = str(Path(folder, "out.damon"))
        command = [sys.executable, "-m", "damon_core", "import", str(path), "-o", record]
        cpu_s, rss_mib = measure(command, os.devnull)
        counted = record_info(record)
        assert counted["samples"] == args.samples
        assert counted["reports"] + counted.get("other_process", 0) == args.samples
        line: dict[str, object] = {
            "bench": "import_perf",
            "samples": args.samples,
            "events": args.events,
            "cpus": args.cpus,
            "file_mib": round(path.stat().st_size / 2**20),
            "cpu_s": round(cpu_s, 2),
            "ns_per_sample": round(cpu_s / args.samples * 1e9),
            "rss_mib": round(rss_mib),
            "within_budget": cpu_s <= MAX_CPU_S and rss_mib <= MAX_RSS_MIB,
        }
        perf = shutil.which("perf")
        if perf:
            nr_script = min(args.script, args.samples)
            write_file(str(short), nr_script, args.events, args.cpus)
            fields = "pid,tid,cpu,time,addr,data_src,period"
            command = [perf, "script", "-f", "-i", str(short), "-F", fields, "--ns"]
            perf_s, perf_mib = measure(command, str(Path(folder, "text")))
            perf_s *= args.samples / nr_script
            line["perf_script_cpu_s"] = round(perf_s, 2)
            line["perf_script_rss_mib"] = round(perf_mib)
            line["perf_script_samples"] = nr_script
            line["ratio"] = round(perf_s / cpu_s, 1)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
