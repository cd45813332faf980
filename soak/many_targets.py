"""A thousand processes in one context: who is in which row, and what does it cost?

    python soak/many_targets.py [--targets 1000] [--seconds 60] [--seed 1] [--primitive NAME]...

Each child of crowd.c has memory at the same address, of a size that tells them apart; a tenth of
them is killed meanwhile, at random.  Prints JSON lines: the claims, with the time to start, CPU
time and RSS.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _claims import Claims
from _target import ALONE, build

from damon_core.record import Record, open_record

SOURCE = Path(__file__).with_name("crowd.c")
PAGE = 4096
AT = 0x2000_0000_0000
"""Where each child has its memory, as crowd.c says; child i has ``size_of(i)`` bytes."""


def size_of(number: int) -> int:
    return 16 * (number % 8 + 1) * PAGE


class Crowd:
    """The parent and its children; ``numbers`` by pid."""

    def __init__(self, folder: Path, nr: int, seconds: float) -> None:
        self._process = subprocess.Popen(
            [build(folder, SOURCE), str(nr), str(int(seconds))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ALONE,
        )
        assert self._process.stdout is not None
        self.pid = self._process.pid
        self.numbers: dict[int, int] = {}
        for line in self._process.stdout:
            if line == "ready\n":
                return
            self.numbers[int(line)] = len(self.numbers)
        raise RuntimeError("the crowd did not start: raise the limit of processes (ulimit -u)")

    def end(self) -> None:
        self._process.communicate()


def rss_of(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * PAGE


def record(
    crowd: Crowd, path: Path, options: argparse.Namespace, claims: Claims
) -> tuple[subprocess.Popen[str], set[int]]:
    """The monitor, which has ended, and the children that were killed meanwhile."""
    primitives = [f"--primitive={name}" for name in options.primitive]
    began = time.monotonic()
    monitor = subprocess.Popen(
        [
            *(sys.executable, "-m", "damon_core", "record", *primitives, "--children"),
            *(f"--pid={crowd.pid}", f"--duration={options.seconds}s", f"--seed={options.seed}"),
            *(f"--output={path}", "--quiet"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not path.exists() and monitor.poll() is None:
        time.sleep(0.01)
    start_s, begun = time.monotonic() - began, time.monotonic()
    draw = random.Random(options.seed)
    to_end = draw.sample(sorted(crowd.numbers), len(crowd.numbers) // 10)
    ended, rss = set[int](), 0
    for pid in to_end:
        while time.monotonic() < begun + options.seconds / 2 * len(ended) / len(to_end):
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        ended.add(pid)
        rss = max(rss, rss_of(monitor.pid)) if monitor.poll() is None else rss
    _, said = monitor.communicate()
    claims.check("the monitor ended well", monitor.returncode == 0, said=said)
    claims.tell(
        start_s=round(start_s, 2),
        whole_s=round(time.monotonic() - began, 1),
        rss_mib=round(rss / 2**20, 1),
    )
    return monitor, ended


def check_rows(recording: Record, crowd: Crowd, ended: set[int], claims: Claims) -> None:
    nr_alive, wrong, seen, cpu_ns, span_ns = [], 0, set[int](), 0, 0
    for snapshot in recording:
        rows = snapshot.regions
        pid_of = {target.index: target.pid for target in snapshot.targets}
        wrong += sum(
            pid_of.get(int(t)) != int(p) for t, p in zip(rows.target, rows.pid, strict=True)
        )
        nr_alive.append(sum(target.alive for target in snapshot.targets) - 1)
        hit = (rows.nr_accesses > 0) & (rows.end > AT) & (rows.start < AT + size_of(7))
        for pid, end in zip(rows.pid[hit].tolist(), rows.end[hit].tolist(), strict=True):
            seen.add(pid)
            wrong += int(end > AT + size_of(crowd.numbers[pid]))
        cpu_ns += snapshot.cpu_ns
        span_ns += snapshot.end_ns - snapshot.start_ns
    last = {target.pid for target in recording[-1].targets if target.alive}
    living = set(crowd.numbers) - ended
    claims.check("each row is of its target, and within its memory", not wrong, nr_wrong=wrong)
    claims.check(
        "each living target is seen where it touches memory",
        living <= seen,
        nr_seen=len(seen),
        nr_living=len(living),
    )
    claims.check(
        "those that have ended leave, and no other",
        last - {crowd.pid} == living,
        nr_at_first=nr_alive[0],
        nr_at_last=nr_alive[-1],
        nr_killed=len(ended),
    )
    claims.tell(
        nr_snapshots=len(recording),
        cpu_share=round(cpu_ns / max(1, span_ns), 4),
        regions_median=float(np.median([len(s.regions) for s in recording])),
        sample_ms=recording[-1].intervals.sample_us / 1000,
    )


def check_limit(crowd: Crowd, path: Path, primitives: Sequence[str], claims: Claims) -> None:
    """With too few files it says so, and which limit to raise."""
    command = [sys.executable, "-m", "damon_core", "record", "--children", f"--pid={crowd.pid}"]
    command += [f"--output={path}", *(f"--primitive={name}" for name in primitives)]
    run = subprocess.run(
        ["sh", "-c", 'ulimit -n 100 && exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    claims.check(
        "too few files are an error in one line",
        run.returncode == 2 and "ulimit -n" in run.stderr and run.stderr.count("\n") == 1,
        status=run.returncode,
        said=run.stderr,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--primitive", action="append", default=[])
    options = parser.parse_args()
    claims = Claims("many_targets")
    claims.tell(targets=options.targets, seconds=options.seconds, primitives=options.primitive)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crowd = Crowd(folder, options.targets, options.seconds + 600)
        try:
            check_limit(crowd, folder / "refused.damon", options.primitive, claims)
            path = folder / "crowd.damon"
            _, ended = record(crowd, path, options, claims)
            check_rows(open_record(path), crowd, ended, claims)
        finally:
            crowd.end()
    return claims.exit_code


if __name__ == "__main__":
    sys.exit(main())
