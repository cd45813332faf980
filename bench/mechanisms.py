"""What a look at every page costs by each mechanism of accessed_bit: same memory, same run.

Usage: mechanisms.py [--kernel NAME] [--mib N].  With --kernel it boots a kernel of .vm and runs
there: "lab" has page_idle, which distributions' kernels lack; there only ratios mean something.

The baselines are ``smaps`` (clear_refs, then Referenced in smaps, as wss does) and ``page_idle``
(the idle bitmap), beside ``bpf`` and ``cold``.  In turns; one JSON line a mechanism: milliseconds
of CPU per GiB to prepare and to check, times ``bpf``, and the share of the touched pages that it
found.  One that cannot be used here says what it lacks.  ``cold`` and ``page_idle`` look at one
page a region: ``pages`` is a region a page; ``regions`` is 1000 of them, whose cost is of a look,
as it does not grow with memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from _looks import PAGE, LookCost, Looker, missing
from _vm import in_guest, progress, run_in_guest
from attrs import define, field

from damon_core.model import AddrRange, Ops
from damon_core.target import Target
from damon_core.truth import Truth
from damon_core.workload.plan import MemoryKind, Mode, Workload, WorkloadRegion
from damon_core.workload.toucher import Toucher

EVERY_PAGE = ("bpf", "smaps")
SAMPLED = ("page_idle", "cold")
GIB = 1 << 30
NR_REGIONS = 1000
PERMILLE = 500


@define
class Contestant:
    """One mechanism on one set of sampling addresses."""

    mechanism: str
    sampled: str
    target: Target
    looker: Looker
    costs: list[LookCost] = field(factory=list)
    found: list[float] = field(factory=list)

    def median(self, name: str) -> float:
        return statistics.median(getattr(cost, name) for cost in self.costs)


def target_of(pid: int, memory: AddrRange, nr_samples: int, stack: ExitStack) -> Target:
    """Its sampling addresses are ``nr_samples`` pages, evenly; 0 for none."""
    target = stack.enter_context(Target.open(pid))
    target.ranges = (memory,)
    if nr_samples:
        pages = np.linspace(0, memory.size // PAGE, nr_samples, endpoint=False).astype(np.uint64)
        target.sampling_addrs = np.uint64(memory.start) + pages * np.uint64(PAGE)
    return target


def contestants(pid: int, memory: AddrRange, stack: ExitStack) -> list[Contestant]:
    found = []
    nr_pages = memory.size // PAGE
    for mechanism, sampled, nr in (
        *((name, "all", 0) for name in EVERY_PAGE),
        *((name, "pages", nr_pages) for name in SAMPLED),
        *((name, "regions", NR_REGIONS) for name in SAMPLED),
    ):
        if lack := missing(mechanism, Ops.FVADDR):
            line = {"bench": "mechanisms", "mechanism": mechanism, "looks_at": sampled}
            print(json.dumps(line | {"skipped": lack}), flush=True)
            continue
        target = target_of(pid, memory, nr, stack)
        looker = stack.enter_context(Looker(mechanism, target, Ops.FVADDR))
        found.append(Contestant(mechanism, sampled, target, looker))
    return found


def measure(mib: int, rounds: int, folder: Path) -> None:
    log = folder / "truth"
    region = WorkloadRegion("a", mib << 20, MemoryKind.ANON_4K, populate=True)
    with ExitStack() as stack:
        toucher = stack.enter_context(Toucher(Workload((region,)), log, control=True))
        memory = Truth.read(log).areas[0].range
        all_of_them = contestants(toucher.pid, memory, stack)
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}")
            for one in all_of_them[:: 1 - number % 2 * 2]:
                toucher.touch(1, 1000, Mode.READ)  # every look finds all bits set, and must clear
                touched: list[int] = []
                one.costs.append(
                    one.looker.look(
                        lambda: touched.append(toucher.touch(2, PERMILLE, Mode.READ).nr)  # noqa: B023
                    )
                )
                one.found.append(len(one.looker.found(Ops.FVADDR)) / touched[0])
        tell(all_of_them, mib)


def tell(all_of_them: list[Contestant], mib: int) -> None:
    base = next((one for one in all_of_them if one.mechanism == "bpf"), None)
    for one in all_of_them:
        scale = 1 if one.sampled == "regions" else GIB / (mib << 20)
        unit = "ms_a_look" if one.sampled == "regions" else "ms_per_gib"
        line: dict[str, object] = {
            "bench": "mechanisms",
            "mechanism": one.mechanism,
            "looks_at": one.sampled,
            "mib": mib,
            f"prepare_{unit}": round(one.median("prepare_ms") * scale, 3),
            f"check_{unit}": round(one.median("check_ms") * scale, 3),
            unit: round(one.median("ms") * scale, 3),
        }
        if base is not None and one.sampled != "regions":
            line["times_bpf"] = round(one.median("ms") / base.median("ms"), 2)
        if one.mechanism != "smaps" and one.sampled != "regions":
            line["found_of_touched"] = round(statistics.median(one.found), 4)
        print(json.dumps(line), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", help="run in a VM with this kernel of .vm")
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    if args.kernel and not in_guest():
        arguments = ["--mib", str(args.mib), "--rounds", str(args.rounds)]
        return run_in_guest(__file__, args.kernel, arguments)
    with tempfile.TemporaryDirectory() as folder:
        measure(args.mib, args.rounds, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
