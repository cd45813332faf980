"""Does a monitor grow?  Watches a restless target and its children, at default settings.

    python soak/soak.py [--seconds 3600] [--seed 1] [--primitive NAME:OPTION=VALUE]... [--short]

Prints JSON lines: how the monitor stands from time to time, then each claim.  What grows is told
from what swings by the median slope (Theil and Sen) over the last half of the run.  With --short,
for runs of seconds, what swings with the machine is told and not judged.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _claims import Claims, last_half, slope
from _monitors import ALL_PRIMITIVES
from _target import Ended, Restless, build
from attrs import define, field

from damon_core.record import open_record

NR_LOOKS = 400
NR_TOLD = 60
MIB = 1 << 20


@define
class Looks:
    """The monitor as /proc shows it, time after time; ``at`` seconds since its start.

    ``work_ms``: CPU time of work that is always the same, which tells how dear the machine is.
    """

    at: list[float] = field(factory=list)
    work_ms: list[float] = field(factory=list)
    rss: list[float] = field(factory=list)
    fds: list[float] = field(factory=list)
    threads: list[float] = field(factory=list)

    def look(self, pid: int, at: float) -> None:
        fields = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
        nr_fds = len(os.listdir(f"/proc/{pid}/fd"))
        self.at.append(at)
        self.work_ms.append(work_ms())
        self.rss.append(int(fields["VmRSS"].split()[0]) * 1024)
        self.fds.append(nr_fds)
        self.threads.append(int(fields["Threads"]))


def work_ms() -> float:
    """CPU time now of walking our own page tables, which is what a sample of a monitor does."""
    began = time.thread_time()
    for _ in range(2):
        Path("/proc/self/smaps").read_bytes()
    return (time.thread_time() - began) * 1e3


def least(values: Sequence[float]) -> list[float]:
    """The least of every ten: what comes and goes with processes is gone in one of them."""
    return [min(values[first : first + 10]) for first in range(0, len(values), 10)]


def watch(monitor: subprocess.Popen[bytes], path: Path, seconds: float, claims: Claims) -> Looks:
    """Look at the monitor until it ends, but not while it starts and stops."""
    while not path.exists() and monitor.poll() is None:
        time.sleep(0.01)
    looks, begin, told = Looks(), time.monotonic(), 0.0
    every = max(0.25, seconds / NR_LOOKS)
    while True:
        try:
            monitor.wait(every)
            return looks
        except subprocess.TimeoutExpired:
            at = time.monotonic() - begin
            if 3 < at < seconds:
                looks.look(monitor.pid, at)
            if looks.at and at - told >= max(2.0, seconds / NR_TOLD):
                told = at
                claims.tell(
                    at_s=round(at, 1),
                    rss_mib=round(looks.rss[-1] / MIB, 1),
                    fds=looks.fds[-1],
                    threads=looks.threads[-1],
                )


def check_growth(
    claims: Claims,
    what: str,
    at: Sequence[float],
    values: Sequence[float],
    allowed: float,
    *,
    judged: bool = True,
) -> None:
    """Claim that over the last half of the run ``values`` grew by no more than ``allowed``."""
    at, values = last_half(at), last_half(values)
    if len(at) < 2:  # a run of seconds on a machine that is busy otherwise
        claims.tell(what=what, nr_points=len(at))
        return
    per_second = slope(at, values)
    growth = per_second * (at[-1] - at[0])
    figures = {
        "median": round(float(np.median(values)), 4),
        "largest": round(float(np.max(values)), 4),
        "growth_in_last_half": round(growth, 4),
        "growth_per_hour": round(per_second * 3600, 4),
        "allowed_in_last_half": round(allowed, 4),
        "nr_points": len(values),
    }
    if judged:
        claims.check(f"{what} does not grow", growth <= allowed, **figures)
    else:
        claims.tell(what=what, **figures)


def check_recording(claims: Claims, path: Path, looks: Looks, judged: bool) -> None:
    record = open_record(path)
    starts, ends, late, regions, targets, lengths = [], [], [], [], [], []
    pids: set[int] = set()
    failures: set[str] = set()
    for snapshot in record:
        starts.append(snapshot.start_ns)
        ends.append(snapshot.end_ns)
        late.append(snapshot.nr_late / max(1, snapshot.nr_samples))
        lengths.append((snapshot.end_ns - snapshot.start_ns) / 1e9)
        regions.append(len(snapshot.regions))
        targets.append(len(snapshot.targets))
        pids.update(target.pid for target in snapshot.targets)
        failures.update(str(source.failure) for source in snapshot.sources if source.failure)
    at = [(end - starts[0]) / 1e9 for end in ends]
    gaps_ms = [max(0, start - end) / 1e6 for start, end in zip(starts[1:], ends, strict=False)]
    check_growth(claims, "share of late samples", at, late, 0.05, judged=judged)
    check_growth(claims, "gap between snapshots (ms)", at[1:], gaps_ms, 10, judged=judged)
    check_growth(claims, "length of a window (s)", at, lengths, 0.0, judged=False)
    check_growth(claims, "work of always the same (ms)", looks.at, looks.work_ms, 0.0, judged=False)
    # The quota gives as much time as a sample takes, and that follows what else the machine does.
    work = np.interp(at, looks.at, looks.work_ms) if looks.at else np.ones(len(at))
    ratios = (np.asarray(lengths) / work).tolist()
    longer = 0.1 * float(np.median(ratios))
    check_growth(claims, "length of a window over that work", at, ratios, longer, judged=judged)
    claims.check("no primitive was stopped", not failures, failures=sorted(failures))
    claims.check("the recording is whole", not record.truncated, nr_snapshots=len(record))
    claims.tell(
        nr_snapshots=len(record),
        nr_processes_seen=len(pids),
        targets_at_once=max(targets),
        regions_median=float(np.median(regions)),
        late_share=round(float(np.mean(late)), 4),
        gap_ms_median=round(float(np.median(gaps_ms)), 3),
        gap_ms_largest=round(float(np.max(gaps_ms)), 1),
        window_s_median=round(float(np.median(lengths)), 3),
        size_mib=round(path.stat().st_size / MIB, 1),
    )


def soak(options: argparse.Namespace, primitives: Sequence[str], claims: Claims) -> Ended:
    seconds, seed, judged = options.seconds, options.seed, not options.short
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "soak.damon"
        arguments = [f"--primitive={name}" for name in primitives]
        with Restless(build(folder), seconds + 600, seed, exec_every=7) as target:
            monitor = subprocess.Popen(
                [
                    *(sys.executable, "-m", "damon_core", "record", *arguments, "--children"),
                    *(f"--pid={target.pid}", f"--duration={seconds}s", f"--seed={seed}"),
                    *(f"--output={path}", "--quiet"),
                ]
            )
            try:
                looks = watch(monitor, path, seconds, claims)
            finally:
                monitor.kill()
                monitor.wait()
            ended = target.end()
        claims.check("the monitor ended well", monitor.returncode == 0, status=monitor.returncode)
        # rings are mapped for the first processes, and filled for the first time, in seconds
        check_growth(claims, "RSS (bytes)", looks.at, looks.rss, (2 if judged else 8) * MIB)
        check_growth(claims, "least fds", looks.at[::10], least(looks.fds), 1, judged=judged)
        check_growth(claims, "number of threads", looks.at, looks.threads, 0.5)
        check_recording(claims, path, looks, judged)
    return ended


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--primitive", action="append", default=[])
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    claims = Claims("soak")
    primitives = options.primitive or ALL_PRIMITIVES
    claims.tell(seconds=options.seconds, seed=options.seed, primitives=primitives)
    ended = soak(options, primitives, claims)
    claims.check(
        "the target is unharmed",
        ended.unharmed,
        nr_steps=ended.nr_steps,
        nr_wrong=ended.nr_wrong,
        status=ended.status,
    )
    return claims.exit_code


if __name__ == "__main__":
    sys.exit(main())
