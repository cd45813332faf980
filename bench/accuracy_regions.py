"""The borders of adaptive regions, and the working set, against what was touched.

"moving": 16 MiB hot of 128 MiB, moved every 6 s, sampled every 20 ms, aggregated every 200 ms; from
the 10th window after each move on.  "steady": 64 MiB hot of 512 MiB at default settings, likewise.
Wanted of both, in the median window: precision >= 0.9 and recall >= 0.95 of the bytes.
"stairs" and "zigzag": the shapes that users of masim know, at default settings; wanted is a median
working set within 10 % of the truth.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _recorded import Recorded, record_workload

from damon_core.model import Intervals
from damon_core.report.wss import WorkingSet
from damon_core.score import score_snapshot, touches_of
from damon_core.snapshot import Snapshot
from damon_core.spec import ContextSpec
from damon_core.truth import Truth
from damon_core.workload.masim import parse_masim
from damon_core.workload.plan import Workload

ADAPTED_AFTER = 10
MOVING_SPEC = ContextSpec(intervals=Intervals(20_000, 200_000, 1_000_000), cpu_quota=1.0)

MOVING = """\
#damon memory anon_4k
#damon populate yes
a, 134217728

moving
24000
#damon pause 2 ms
#damon window 16 MiB every 6 s step 32 MiB
a, 0, 4096, 1, wo
"""

STEADY = """\
#damon memory anon_4k
#damon populate yes
a, 536870912

steady
60000
#damon pause 2 ms
#damon window 64 MiB every 600 s step 64 MiB
a, 0, 4096, 1, wo
"""


def stairs() -> str:
    """Ten areas of 10 MB: all of them, then one after the other."""
    names = [f"s{number}" for number in range(10)]
    regions = "".join(f"{name}, 10000000\n" for name in names)
    all_of_them = "".join(f"{name}, 0, 4096, 1\n" for name in names)
    steps = "".join(f"\nstep {name}\n3000\n{name}, 0, 4096, 1\n" for name in names)
    return f"{regions}\nall\n5000\n{all_of_them}{steps}"


def zigzag() -> str:
    """Two areas of 100 MB: both, then one and the other in turn."""
    turns = "".join(f"\n{name}\n5000\n{name}, 0, 4096, 1\n" for name in "abab")
    return f"a, 100000000\nb, 100000000\n\nboth\n5000\na, 0, 4096, 1\nb, 0, 4096, 1\n{turns}"


def median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 4)


def borders(case: str, text: str, spec: ContextSpec, folder: Path) -> None:
    """The scores of the regions that were said to be accessed, in each place."""
    run = record_workload(parse_masim(text), spec, folder)
    for place, windows in enumerate(run.windows_of_phases()):
        adapted = windows[ADAPTED_AFTER - 1 :]
        scores = [score_snapshot(snapshot, run.truth) for snapshot in adapted]
        line = common(case, run) | {"place": place, "windows": len(scores)}
        if scores:
            precisions = [one.precision for one in scores]
            recalls = [one.recall for one in scores]
            line |= {
                "precision": {"median": median(precisions), "worst": round(min(precisions), 4)},
                "recall": {"median": median(recalls), "worst": round(min(recalls), 4)},
                "regions": int(statistics.median(len(one.regions) for one in adapted)),
                "ok": median(precisions) >= 0.9 and median(recalls) >= 0.95,
            }
        print(json.dumps(line), flush=True)


def working_set(case: str, text: str, folder: Path) -> None:
    """The median working set of all windows, as `damon report wss` tells it."""
    workload: Workload = parse_masim(text)
    run = record_workload(workload, ContextSpec(), folder)
    truths = [true_bytes(snapshot, run.truth) for snapshot in run.record]
    seen, true = WorkingSet(run.record).median(), statistics.median(truths)
    line = common(case, run) | {
        "windows": len(run.record),
        "wss_bytes": round(seen),
        "true_bytes": round(true),
        "ratio": round(seen / true, 4),
        "ok": abs(seen / true - 1) <= 0.1,
    }
    print(json.dumps(line), flush=True)


def true_bytes(snapshot: Snapshot, truth: Truth) -> int:
    return touches_of(snapshot, truth).sure.size


def common(case: str, run: Recorded) -> dict[str, object]:
    """What every line says."""
    snapshots = list(run.record)
    return {
        "bench": "accuracy_regions",
        "case": case,
        "sample_ms": median([one.intervals.sample_us / 1000 for one in snapshots]),
        "aggr_ms": median([one.intervals.aggr_us / 1000 for one in snapshots]),
        "cpu_share": round(run.context.cpu_share, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=["moving", "steady", "stairs", "zigzag"])
    with tempfile.TemporaryDirectory() as folder:
        for case in parser.parse_args().cases:
            if case == "moving":
                borders(case, MOVING, MOVING_SPEC, Path(folder))
            elif case == "steady":
                borders(case, STEADY, ContextSpec(), Path(folder))
            else:
                working_set(case, stairs() if case == "stairs" else zigzag(), Path(folder))


if __name__ == "__main__":
    main()
