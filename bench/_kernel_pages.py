"""What a look at every page costs the kernel's DAMON and accessed_bit; in a VM."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

from _frames import Frames, biggest_ram
from _kernel_damon import CheckTrace, KernelDamon
from _looks import PAGE, LookCost, Looker, missing
from _vm import progress

from damon_core.model import AddrRange, Intervals, NrRegions, Ops
from damon_core.target import Target
from damon_core.truth import Truth
from damon_core.workload.masim import parse_masim
from damon_core.workload.toucher import Toucher

LOOK_S = 1.0
NR_LOOKS = 8
GIB = 1 << 30
SERIES_MS_PER_GIB = (7000 + 5000) / (100e9 / GIB)

STRIDING = """\
#damon memory anon_4k
#damon populate yes
a, {mib} MiB

striding
86400000
#damon pause 100 ms
a, 0, 4096, 1, wo
"""


def pages(ops: Ops, folder: Path, mib: int) -> None:
    """Both look at each page of the same process, one after the other."""
    log = folder / "truth"
    with Toucher(parse_masim(STRIDING.format(mib=mib)), log) as toucher:
        area = Truth.read(log).areas[0].range
        progress(f"pages, {ops}: kernel")
        kernel = kernel_pages(ops, toucher.pid, area, mib)
        print(json.dumps(kernel), flush=True)
        for mechanism in ("bpf", "page_idle"):
            if lack := missing(mechanism, ops):
                progress(f"pages, {ops}: {mechanism}: {lack}")
                continue
            progress(f"pages, {ops}: {mechanism}")
            tell_looks(ops, mechanism, own_pages(ops, mechanism, toucher.pid, area), mib, kernel)


def kernel_pages(ops: Ops, pid: int, area: AddrRange, mib: int) -> dict[str, object]:
    look_us = round(LOOK_S * 1e6)
    # no aggregation on the way: it would merge the regions
    slow = Intervals(look_us, look_us * 1000, look_us * 1000)
    nr_pages = area.size // PAGE
    # more than enough regions: every page of the areas gets one of its own
    limits = NrRegions(2 * nr_pages, 2 * nr_pages)
    ranges: list[AddrRange] = []
    if ops is Ops.PADDR:
        frames = sorted(Frames.of(pid, (area,)).physical.tolist())
        ranges = [AddrRange(frame, frame + PAGE) for frame in frames]
    with CheckTrace(ops) as trace, KernelDamon(pid, slow, limits, ranges) as damon:
        time.sleep(1.5 * LOOK_S)
        before, nr_before = damon.cpu_s(), trace.nr_checks()
        time.sleep(NR_LOOKS * LOOK_S)
        cpu_ms = (damon.cpu_s() - before) * 1000 / (trace.nr_checks() - nr_before)
        prepare_ms, check_ms = trace.median_ms()
    scale = 1024 / mib
    return {
        "bench": "kernel_damon",
        "case": "pages",
        "ops": str(ops),
        "who": "kernel",
        "mib": mib,
        "prepare_clock_ms_per_gib": round(prepare_ms * scale, 1),
        "check_clock_ms_per_gib": round(check_ms * scale, 1),
        "ms_per_gib": round(cpu_ms * scale, 1),
        "of_series": round((prepare_ms + check_ms) * scale / SERIES_MS_PER_GIB, 2),
    }


def own_pages(ops: Ops, mechanism: str, pid: int, area: AddrRange) -> list[LookCost]:
    with Target.physical() if ops is Ops.PADDR else Target.open(pid) as target:
        target.ranges = (biggest_ram() if ops is Ops.PADDR else area,)
        frames = Frames.of(pid, (area,))
        target.sampling_addrs = frames.physical if ops is Ops.PADDR else frames.virtual
        with Looker(mechanism, target, ops) as looker:
            costs = [looker.look(lambda: time.sleep(LOOK_S / 2)) for _ in range(NR_LOOKS)]
            if not len(looker.found(ops)) >= 0.9 * area.size // PAGE:
                raise SystemExit(f"{mechanism} found {len(looker.found(ops))} pages of {area}")
    return costs[1:]


def tell_looks(
    ops: Ops, mechanism: str, costs: list[LookCost], mib: int, kernel: dict[str, object]
) -> None:
    whole = ops is Ops.PADDR and mechanism == "bpf"
    seen_mib = resident_mib() if whole else mib
    scale = 1024 / seen_mib
    ms_per_gib = statistics.median(cost.ms for cost in costs) * scale
    line = {
        "bench": "kernel_damon",
        "case": "pages",
        "ops": str(ops),
        "who": f"accessed_bit:{mechanism}",
        "mib": round(seen_mib),
        "prepare_ms_per_gib": round(statistics.median(c.prepare_ms for c in costs) * scale, 1),
        "check_ms_per_gib": round(statistics.median(c.check_ms for c in costs) * scale, 1),
        "ms_per_gib": round(ms_per_gib, 1),
        "kernel_times_this": round(float(str(kernel["ms_per_gib"])) / ms_per_gib, 2),
    }
    print(json.dumps(line), flush=True)


def resident_mib() -> float:
    """What all processes have resident, shared pages counted by each, as bpf walks them."""
    pages = 0
    for path in Path("/proc").glob("[0-9]*/statm"):
        try:
            pages += int(path.read_text().split()[1])
        except (OSError, IndexError):
            continue
    return pages * PAGE / (1 << 20)
