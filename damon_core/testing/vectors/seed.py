"""Vectors of the perf-only patches that this project started from: rings, events, minimum sizes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..._native import ffi, lib
from ...access import REPORT_DTYPE, AccessReport
from ...errors import PrimitiveError
from ...matcher import Counters, Matcher
from ...target import PAGE_SIZE, Target
from ..scripted import ScriptedPrimitives
from . import kernel_rules
from .crediting import tick
from .rows import loaded, ranged, row
from .runs import monitor
from .vector import Vector, evaluates, holds, refusal, same

_CHUNK = np.zeros(2**12, REPORT_DTYPE)


class _Ring:
    """A report ring on its own: filled, drained, grown."""

    def __init__(self, cap: int, max_cap: int) -> None:
        self.c = ffi.gc(lib.damon_ring_create(cap, max_cap), lib.damon_ring_destroy)

    @property
    def cap(self) -> int:
        return int(lib.damon_ring_cap(self.c))

    def store(self, nr: int) -> int:
        """How many of ``nr`` reports it takes."""
        rows = ffi.cast("struct damon_access_report *", _CHUNK.ctypes.data)
        stored = 0
        while nr > 0:
            batch = min(nr, len(_CHUNK))
            stored += int(lib.damon_ring_extend(self.c, rows, batch))
            nr -= batch
        return stored

    def drain(self) -> int:
        """The end of an interval; how many reports it lost."""
        matcher, counters = Matcher(), Counters()
        matcher.begin_tick(ranged([]))
        matcher.drain(self.c, counters)
        return counters.read().lost


@evaluates("damon_perf buffer", inputs=("init", "max"))
def _ring_growth(vector: Vector) -> None:
    """Difference: every slot is usable, and a ring has been full once it had to refuse."""
    ring = _Ring(vector.inputs["init"], vector.inputs["max"])
    sizes: list[int] = []
    while ring.cap not in sizes:
        sizes.append(ring.cap)
        same(f"stored in a ring of {ring.cap}", ring.store(ring.cap + 1), sizes[-1])
        same("lost", ring.drain(), 1)
    vector.expect("sizes", sizes)
    vector.expect("no_growth_at", ring.cap)
    vector.expect("usable", [size - 1 for size in sizes])
    vector.expect("grow_if_count_equals", "size-1")


@evaluates("damon_perf buffer", inputs=("cases",))
def _ring_growth_decision(vector: Vector) -> None:
    """The seed's ring is full at size - 1 reports, ours at one more than its size."""
    highest = max(vector.wanted("new_size"))
    sizes = []
    for size, count in vector.inputs["cases"]:
        ring = _Ring(size, max(highest, size))
        ring.store(size + 1 if count >= size - 1 else count)
        ring.drain()
        sizes.append(ring.cap)
    vector.expect("new_size", sizes)


@evaluates("damon_perf_init", inputs=("cases",))
def _init_errno(vector: Vector) -> None:
    """Difference: an event that fails is not dropped; its primitive keeps the run from starting."""
    found = [kernel_rules.perf_open_result(case) for case in vector.inputs["cases"]]
    vector.expect("result", [result for result, _ in found])
    vector.expect("open_cpus", [cpus for _, cpus in found])
    for result, _ in found:
        primitives = _Opening(None if result == 0 else str(result))
        run = monitor(primitives=primitives)
        refused = refusal(partial(run.run, duration_us=20_000))
        same(f"a run whose event gives {result}", refused, "EINVAL" if result else 0)
        same("samples are taken", "check" in primitives.calls, result == 0)
        same("last call", primitives.calls[-1], "cleanup")


class _Opening(ScriptedPrimitives):
    """Fails in init as an event that cannot be opened."""

    def __init__(self, error: str | None) -> None:
        super().__init__([])
        self._error = error

    def init(self, ctxs: Any) -> None:
        super().init(ctxs)
        if self._error is not None:
            raise PrimitiveError(f"event cannot be opened: {self._error}")


@evaluates("damon_vaddr_histogram", inputs=("page", "samples", "target", "regions"))
def _histogram_key(vector: Vector) -> None:
    """Our matcher counts by region and process, as the histogram would; it has no pages."""
    page, target = vector.inputs["page"], vector.inputs["target"]
    histogram: dict[str, dict[str, int]] = {}
    for pid, vaddr in vector.inputs["samples"]:
        counts = histogram.setdefault(str(pid), {})
        key = hex(vaddr // page * page)
        counts[key] = counts.get(key, 0) + 1
    vector.expect("histogram", histogram)
    region_map = loaded([row(*region) for region in vector.inputs["regions"]], pids=[target])
    samples = [AccessReport(vaddr=vaddr, pid=pid) for pid, vaddr in vector.inputs["samples"]]
    after = tick(region_map, samples, physical=False)
    vector.expect("accessed", (after.regions["nr_accesses"] > 0).tolist())
    strangers = sum(pid != target for pid, _ in vector.inputs["samples"])
    same("reports of other processes", after.counters.no_target, strangers)


@evaluates("damon_commit_target", names=("seed_target_min",), inputs=("page", "values"))
def _target_min_region_sz(vector: Vector) -> None:
    """Difference: a size that cannot be is refused; leaving it out is what means unset."""
    page, values = vector.inputs["page"], vector.inputs["values"]
    effective = [kernel_rules.seed_min_region_sz(value, page) for value in values]
    vector.expect("effective", effective)
    vector.expect("used_min", [max(page, value) for value in effective])
    same("min_region_sz if left out", Target().min_region_sz, PAGE_SIZE)
    if page != PAGE_SIZE:
        return
    for value, taken in zip(values, effective, strict=True):
        refused = refusal(partial(Target, min_region_sz=value))
        same(f"min_region_sz {value}", refused, 0 if taken else "EINVAL")
        if not refused:
            holds(Target(min_region_sz=value).min_region_sz == value, f"{value} is taken as it is")
