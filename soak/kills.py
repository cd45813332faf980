"""Monitors killed at random moments, with all primitives at once: what they watch stays whole.

    python soak/kills.py [--kills 500] [--seed 1] [--longest 4] [--primitive NAME]...

Each is a ``damon record`` that gets SIGKILL between 0 and ``--longest`` seconds after its start,
at intervals so short that most are hit in the midst of monitoring.
The target checks its memory all the time.  Prints JSON lines; the last ones are the claims.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from _claims import Claims
from _monitors import ALL_PRIMITIVES, Monitors
from _target import Restless, build

from damon_core.errors import RecordError
from damon_core.record import open_record

PR_SET_CHILD_SUBREAPER = 36
SHORT = ("--sample=20ms", "--aggr=100ms", "--cpu-quota=400 %")
PATIENCE_S = 40.0
"""Longer than what an injector allows itself."""
SYSCTLS = (
    *("kernel/numa_balancing", "kernel/perf_event_paranoid", "kernel/perf_event_mlock_kb"),
    *("kernel/unprivileged_bpf_disabled", "kernel/yama/ptrace_scope", "kernel/ftrace_enabled"),
    *("vm/unprivileged_userfaultfd", "vm/nr_hugepages", "vm/compact_unevictable_allowed"),
)


def kill_monitors(
    monitors: Monitors, nr: int, longest_s: float, draw: random.Random, claims: Claims
) -> None:
    endings: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for number in range(1, nr + 1):
        run = monitors.run(draw.uniform(0, longest_s), "--children", *SHORT)
        if run.status is not None:
            print(f"kills: ended with {run.status}: {run.said}", file=sys.stderr)
        endings["killed" if run.status is None else str(run.status)] += 1
        count_recording(run.recording, files)
        if number % 50 == 0 or number == nr:
            claims.tell(nr_killed=endings["killed"], **files)
    by_themselves = {ending: count for ending, count in endings.items() if ending != "killed"}
    claims.check("each monitor was killed, none ended by itself", not by_themselves, **endings)
    claims.check("what they recorded is readable", not files["damaged"], **files)
    if nr >= 50:
        claims.check("some were killed while monitoring", files["nr_snapshots"] > 0)


def count_recording(path: Path, files: Counter[str]) -> None:
    if not path.exists():
        files["killed_before_recording"] += 1
        return
    try:
        files["nr_snapshots"] += sum(1 for _ in open_record(path))
        files["recordings"] += 1
    except RecordError as error:
        # killed after the file was made, before its first byte
        kind = "damaged" if path.stat().st_size else "empty"
        if kind == "damaged":
            print(f"kills: {error}", file=sys.stderr)
        files[kind] += 1
    path.unlink()


def check_next(monitors: Monitors, primitives: Sequence[str], claims: Claims) -> None:
    """A monitor after all of these sees as if they had never been."""
    run = monitors.run(60, "--duration=8s", "--cpu-quota=400 %", "--children")
    seen: Counter[str] = Counter({name.partition(":")[0]: 0 for name in primitives})
    if run.recording.exists():
        for snapshot in open_record(run.recording):
            for source in snapshot.sources:
                seen[source.name] += source.counters.credited
    claims.check("the next monitor sees", run.status == 0 and all(seen.values()), **seen)


def sysctls() -> dict[str, str]:
    """Those that concern monitoring and can be read here."""
    paths = ((name, Path("/proc/sys", name)) for name in SYSCTLS)
    return {name: path.read_text().strip() for name, path in paths if path.exists()}


def orphans(ours: set[int]) -> set[int]:
    """What the killed have left running; those that have ended are waited for."""
    left = set()
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    for pid in {int(word) for word in text.split()} - ours:
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if not ended:
            left.add(pid)
    return left


def wait_until_alone(target: Restless) -> tuple[set[int], set[str]]:
    """What still runs, and what is still on the target, once injectors had time to notice."""
    end = time.monotonic() + PATIENCE_S
    while True:
        running, flags = orphans({target.pid}), target.vm_flags() & {"uw", "um", "ui"}
        if (not running and not flags) or time.monotonic() > end:
            return running, flags
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=4.0)
    parser.add_argument("--primitive", action="append", default=[])
    options = parser.parse_args()
    primitives = options.primitive or ALL_PRIMITIVES
    claims = Claims("kills")
    claims.tell(kills=options.kills, seed=options.seed, primitives=primitives)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before, begin = sysctls(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        life_s = 600 + options.kills * (options.longest + 5)
        with Restless(program, life_s, options.seed) as target:
            monitors = Monitors(primitives, target.pid, Path(folder))
            draw = random.Random(options.seed)
            kill_monitors(monitors, options.kills, options.longest, draw, claims)
            check_next(monitors, primitives, claims)
            monitors.close()
            claims.check("the target lives", target.runs)
            running, flags = wait_until_alone(target)
            claims.check("nothing is left running", not running, pids=sorted(running))
            claims.check("no mapping is left watched", not flags, vm_flags=sorted(flags))
            fds = {name for name in target.fds() if "userfaultfd" in name}
            claims.check("no file is left in the target", not fds, files=sorted(fds))
            ended = target.end()
    claims.check("sysctls are as before", sysctls() == before, compared=sorted(before))
    claims.check(
        "the target is unharmed",
        ended.unharmed,
        nr_steps=ended.nr_steps,
        nr_wrong=ended.nr_wrong,
        seconds=round(time.monotonic() - begin),
    )
    return claims.exit_code


if __name__ == "__main__":
    sys.exit(main())
