"""What monitoring costs at default settings: the monitor's CPU, and the slow-down of the target.

"quota": targets of several sizes; the monitor's share of one CPU, the intervals it chose, and why.
"stride": a target that touches a byte in each of its pages, as fast as it can, under accessed_bit;
"writes": one that only writes them, under page_fault, whose faults the quota counts; "redis":
redis-server under redis-benchmark.  All alternate between unmonitored and monitored, in one run;
the ratio is of the medians, monitored over unmonitored, so 1 is no slow-down.  On a busy machine
the CPU time of a touch or a request tells more than how many there were in a second, and the best
rounds more than the medians.
Wanted: CPU share within the quota of 5 %; of "writes" a CPU time of a touch of at most 1.15 times.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from _recorded import record_workload

from damon_core.config import Config, ContextConfig, TargetConfig
from damon_core.host import PrimitiveChoice
from damon_core.recording import Recording
from damon_core.spec import ContextSpec
from damon_core.tally import Tally
from damon_core.truth_log import read_truth_log
from damon_core.workload.masim import parse_masim
from damon_core.workload.server import Redis, Server
from damon_core.workload.toucher import Toucher

MIB = 1 << 20
PAGE = os.sysconf("SC_PAGESIZE")
TICKS = os.sysconf("SC_CLK_TCK")
ACCESSED_BIT = PrimitiveChoice("accessed_bit")
PAGE_FAULT = PrimitiveChoice("page_fault", {"inject": True})
QUOTA = ContextSpec().cpu_quota
ROUNDS = 5
SECONDS = 3
NR_REQUESTS = 300_000


class Monitored:
    """A process is monitored at default settings inside this context, from the first sample on."""

    def __init__(self, pid: int, folder: Path, primitive: PrimitiveChoice) -> None:
        context = ContextConfig(ContextSpec(), (TargetConfig(pid=pid),), (primitive,))
        self._first = threading.Event()
        self._recording = Recording(
            Config((context,)),
            path=str(folder / "monitored.damon"),
            on_snapshot=lambda context, snapshot: self._first.set(),
        )
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._recording.run()
        finally:
            self._first.set()

    @property
    def tally(self) -> Tally:
        """Sums over what was seen."""
        return self._recording.contexts[0].tally

    def __enter__(self) -> Monitored:
        self._thread.start()
        self._first.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._recording.stop()
        self._thread.join()


def say(**line: object) -> None:
    print(json.dumps({"bench": "cost_target"} | line), flush=True)


def quota(mib: int, folder: Path) -> None:
    workload = parse_masim(
        f"#damon memory anon_4k\n#damon populate yes\na, {mib} MiB\n\nhot\n86400000\n"
        f"#damon pause 2 ms\n#damon window {mib // 8} MiB every 1 d\na, 0, 4096, 1\n"
    )
    run = record_workload(
        workload, ContextSpec(), folder, duration_us=(15 + mib // 100) * 1_000_000
    )
    snapshots = list(run.record)
    say(
        case="quota",
        target_mib=mib,
        cpu_share=round(run.context.cpu_share, 4),
        quota=QUOTA,
        sample_ms=statistics.median(one.intervals.sample_us for one in snapshots) / 1000,
        snapshot_every_s=statistics.median(one.intervals.aggr_us for one in snapshots) / 1e6,
        reasons=run.notes,
        ok=run.context.cpu_share <= QUOTA,
    )


def stride(folder: Path) -> None:
    touching("stride", "a, 0, 4096, 1, rw", ACCESSED_BIT, folder)


def writes(folder: Path) -> None:
    touching("writes", "a, 0, 4096, 1, wo", PAGE_FAULT, folder, max_ratio=1.15)


def touching(
    case: str, pattern: str, primitive: PrimitiveChoice, folder: Path, **wanted: float
) -> None:
    workload = parse_masim(
        f"#damon memory anon_4k\n#damon populate yes\na, 256 MiB\n\n{case}\n86400000\n{pattern}\n"
    )
    log = folder / "truth"
    with Toucher(workload, log) as toucher:
        pid = toucher.pid

        def measure() -> dict[str, float]:
            cpu, began = cpu_seconds(pid), time.monotonic_ns()
            time.sleep(SECONDS)
            ended, used = time.monotonic_ns(), cpu_seconds(pid) - cpu
            touches = sum(
                record.nr * record.range.size // record.stride
                for record in read_truth_log(log).touchings
                if began <= record.t0 and record.t1 <= ended
            )
            return {
                "touches_per_s": touches * 1e9 / (ended - began),
                "cpu_ns": used * 1e9 / touches,
            }

        alternate(case, pid, folder, measure, primitive, **wanted)


def redis(folder: Path) -> None:
    if lacks := Redis.missing():
        say(case="redis", skipped=lacks)
        return
    with Redis() as server:
        server.connect().close()
        _redis(server, folder)


def _redis(server: Server, folder: Path) -> None:
    command = ["redis-benchmark", "-s", str(server.socket), "--csv", "-d", "1024", "-r", "200000"]

    def benchmark(nr: int) -> dict[str, float]:
        asked = [*command, "-t", "set,get", "-n", str(nr), "-P", "8"]
        ended = subprocess.run(asked, capture_output=True, text=True, check=True)
        rows = list(csv.reader(ended.stdout.splitlines()))
        return {
            f"{row[0].lower()}_per_s": float(row[1]) for row in rows if row[0] in ("SET", "GET")
        }

    benchmark(500_000)

    def measure() -> dict[str, float]:
        cpu = cpu_seconds(server.pid)
        rates = benchmark(NR_REQUESTS)
        used = cpu_seconds(server.pid) - cpu
        return rates | {"cpu_us": used * 1e6 / (2 * NR_REQUESTS)}

    alternate("redis", server.pid, folder, measure, ACCESSED_BIT)


def alternate(
    case: str,
    pid: int,
    folder: Path,
    measure: Callable[[], dict[str, float]],
    primitive: PrimitiveChoice,
    max_ratio: float | None = None,
) -> None:
    """Measure without and with the monitor in turn; a line of the medians and their ratios."""
    without, monitored, shares = [], [], []
    for _ in range(ROUNDS):
        without.append(measure())
        with Monitored(pid, folder, primitive) as monitor:
            monitored.append(measure())
        shares.append((monitor.tally.cpu_share, monitor.tally.target_cpu_share))
    for name in without[0]:
        parts = [[one[name] for one in part] for part in (without, monitored)]
        low, high = (statistics.median(part) for part in parts)
        best = max if name.endswith("_per_s") else min
        say(
            case=case,
            what=name,
            rounds=ROUNDS,
            rss_mib=rss(pid) // MIB,
            unmonitored=round(low, 3),
            monitored=round(high, 3),
            ratio=round(high / low, 4),
            monitor_share=round(statistics.median(one for one, _ in shares), 4),
            charged_share=round(statistics.median(one for _, one in shares), 4),
            **({"ok": high / low <= max_ratio} if max_ratio and name == "cpu_ns" else {}),
            ratio_of_best=round(best(parts[1]) / best(parts[0]), 4),
            ratio_of_rounds=[
                round(after / before, 3) for before, after in zip(*parts, strict=True)
            ],
        )


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=["quota", "stride", "writes", "redis"])
    parser.add_argument("--mib", type=int, nargs="+", default=[256, 1024, 4096])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in args.cases:
            if case == "quota":
                for mib in args.mib:
                    quota(mib, folder)
            else:
                {"stride": stride, "writes": writes, "redis": redis}[case](folder)


if __name__ == "__main__":
    main()
