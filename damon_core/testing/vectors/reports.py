"""Vectors of access reports: which region gets them, how often, and what is counted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...access import REPORT_DTYPE, AccessReport
from ...matcher import Matcher
from ...model import Intervals, Match
from ...reports import ReportBuffer
from ...snapshot import SourceCounters
from ...target import PAGE_SIZE, Target
from ...target_table import TargetTable
from ...vaddr import FixedVaddr
from . import kernel_rules
from .crediting import tick
from .rows import column, loaded, ranged, row
from .vector import Vector, evaluates, holds, same


def _pid(given: Any) -> int:
    """Vectors name processes by letters, or by smaller numbers."""
    return 70_000 + sum(given.encode()) if isinstance(given, str) else int(given)


def _report(given: Mapping[str, Any]) -> AccessReport:
    return AccessReport(
        vaddr=given.get("vaddr"),
        paddr=given.get("paddr"),
        size=given.get("size", 1),
        pid=_pid(given.get("tgid", given.get("pid", 0))),
        tid=_pid(given["tid"]) if "tid" in given else None,
    )


@evaluates("kdamond_apply_access_report", names=("report_containment",), inputs=("regions",))
def _which_regions(vector: Vector) -> None:
    """Difference: a report credits all regions that it overlaps; one of size 0 is no report."""
    inputs = vector.inputs
    given = [inputs["report"]] if "report" in inputs else inputs["reports"]
    reports = [each if isinstance(each, list) else [each["addr"], each["size"]] for each in given]
    contained, overlapped = [], []
    for addr, size in reports:
        region_map = ranged(inputs["regions"])
        after = tick(region_map, [AccessReport(paddr=addr, size=size)])
        credited = [i for i, hits in enumerate(after.regions["hits"][:, 0].tolist()) if hits]
        pairs = list(enumerate(inputs["regions"]))
        contained.append([i for i, (s, e) in pairs if s <= addr and addr + size <= e])
        overlapped.append([i for i, (s, e) in pairs if size and s < addr + size and addr < e])
        same(f"regions of {size} bytes at {addr:#x}", credited, overlapped[-1])
        same("reports without address", after.counters.no_address, int(size == 0))
    for name in vector.expected:
        wanted = vector.wanted(name)
        if name == "recommended":
            holds(wanted != "reject" or not any(overlapped), "what is to be rejected has no region")
            continue
        listed = [wanted] if "report" in inputs else wanted
        same(name, contained, [_as_list(each) for each in listed])


def _as_list(indexes: Any) -> list[int]:
    """Regions, however a vector writes them: a list, one index, or none."""
    if isinstance(indexes, list):
        return indexes
    return [] if indexes in (None, -1, "none") else [int(indexes)]


@evaluates("kdamond_check_reported_accesses", inputs=("regions", "nr_accesses", "reports"))
def _one_update_per_tick(vector: Vector) -> None:
    inputs = vector.inputs
    pairs = zip(inputs["regions"], inputs["nr_accesses"], strict=True)
    region_map = loaded([row(start, end, nr) for (start, end), nr in pairs])
    after = tick(region_map, [AccessReport(paddr=a, size=size) for a, size in inputs["reports"]])
    vector.expect("nr_accesses", column(after.regions, "nr_accesses"))
    vector.expect("returned_max", after.highest)
    vector.expect("flags", [bool(flag) for flag in column(after.regions, "accessed")])


@evaluates("kdamond_check_reported_accesses", inputs=("now", "sample_us", "report_times"))
def _staleness(vector: Vector) -> None:
    """The previous drain was one sampling interval ago."""
    inputs = vector.inputs
    drained_ns = (inputs["now"] - inputs["sample_us"]) * 1000
    applied = []
    for time_us in inputs["report_times"]:
        report = AccessReport(paddr=0, time_ns=time_us * 1000)
        counters = tick(ranged([[0, 1]]), [report], not_before_ns=drained_ns).counters
        same("stale or credited", counters.stale + counters.credited, 1)
        applied.append(counters.credited == 1)
    vector.expect("applied", applied)


@evaluates("report drain", inputs=("region", "report"))
def _report_drain(vector: Vector) -> None:
    inputs = vector.inputs
    physical = "target" not in inputs
    pid = 0 if physical else _pid(inputs["target"])
    region_map = loaded([row(*inputs["region"])], pids=[pid])
    after = tick(region_map, [_report(inputs["report"])], physical=physical)
    vector.expect("credited", after.counters.credited)
    same("updates", column(after.regions, "nr_accesses"), [after.counters.credited])
    if vector.expects("samples_no_region_increment"):
        missed = after.counters.no_region + after.counters.no_target
        vector.expect("samples_no_region_increment", missed)


@evaluates("report drain", inputs=("a", "b"))
def _context_isolation(vector: Vector) -> None:
    contexts = [vector.inputs["a"], vector.inputs["b"]]
    after = [
        tick(ranged([each["region"]]), [AccessReport(paddr=each["paddr"])]) for each in contexts
    ]
    vector.expect("credited", [each.counters.credited for each in after])


@evaluates("damon_report_access (RFC v3 array)", inputs=("cap", "stores"))
def _array_reset(vector: Vector) -> None:
    """Difference: nothing stored is forgotten, and what a full ring refuses is counted."""
    inputs = vector.inputs
    lengths = [kernel_rules.rfc_v3_array_length(inputs["cap"], nr) for nr in inputs["stores"]]
    vector.expect("visible", lengths)
    for nr in inputs["stores"]:
        counted = _buffered(inputs["cap"], nr)
        same(f"reports seen or lost of {nr}", counted.credited + counted.lost, nr)
        holds(counted.credited >= min(nr, inputs["cap"]), "as many as the array holds are seen")


@evaluates(names=("report_ring_capacity",))
def _ring_capacity(vector: Vector) -> None:
    """Difference: every slot of our ring is usable; the kernel's leaves one free."""
    numbers = dict(vector.inputs)
    cap = next((numbers.pop(n) for n in ("cap", "size", "slots", "ring") if n in numbers), 256)
    stores = next(iter(numbers.values()), [cap - 1, cap, cap + 1])
    stored = stores if isinstance(stores, list) else [stores]
    accepted = [min(nr, cap - 1) for nr in stored]
    refused = [nr - kept for nr, kept in zip(stored, accepted, strict=True)]
    for name in vector.expected:
        if name in ("usable", "capacity"):
            vector.expect(name, cap - 1)
            continue
        found = refused if any(word in name for word in ("lost", "drop", "refuse")) else accepted
        vector.expect(name, found if isinstance(stores, list) else found[0])
    for nr in stored:
        counted = _buffered(cap, nr)
        same(f"reports seen or lost of {nr}", counted.credited + counted.lost, nr)
        holds(counted.credited >= min(nr, cap), f"{cap} of {nr} are seen")


def _buffered(cap: int, nr: int) -> SourceCounters:
    """Where ``nr`` reports end that are put into a ring of ``cap`` before it is drained."""
    region_map = ranged([[0, 1]])
    buffer = ReportBuffer(Matcher(physical=True), 1, cap, cap)
    reports = np.repeat(AccessReport(paddr=0).to_array(), nr)
    buffer.sources[0].report_access(np.ascontiguousarray(reports, REPORT_DTYPE))
    buffer.begin_tick(region_map, 0)
    buffer.end_tick()
    region_map.end_tick()
    return buffer.take_counters()[0]


@evaluates("access check semantics", inputs=("pages", "hot_pages", "ticks"))
def _sampled_or_any_page(vector: Vector) -> None:
    """Every page in turn is the sampled one: the mean is exact."""
    pages, hot, ticks = (vector.inputs[name] for name in ("pages", "hot_pages", "ticks"))
    reports = [AccessReport(paddr=page * PAGE_SIZE) for page in range(hot)]
    nr_sampled = 0
    for page in range(pages):
        region_map = ranged([[0, pages * PAGE_SIZE]])
        rows = region_map.regions(0)
        rows["sampling_addr"] = page * PAGE_SIZE
        region_map.load(0, rows)
        nr_sampled += tick(region_map, reports, match=Match.SAMPLED).highest
    vector.expect("sampled_page_mean_nr_accesses", nr_sampled * ticks / pages)
    region_map = ranged([[0, pages * PAGE_SIZE]])
    nr_any = [tick(region_map, reports).highest for _ in range(ticks)][-1]
    vector.expect("any_page_nr_accesses", nr_any)


@evaluates("damon_va_check_accesses", inputs=("nr_accesses", "mm_gone"))
def _dead_target(vector: Vector) -> None:
    """A target that nobody can report of, next to a living one."""
    counts = vector.inputs["nr_accesses"]
    dead = [row(2 * i, 2 * i + 2, nr) for i, nr in enumerate(counts)]
    region_map = loaded(dead, [row(0, 2)], pids=[_pid("P"), _pid("Q")])
    after = tick(region_map, [AccessReport(vaddr=0, pid=_pid("Q"))], physical=False)
    vector.expect("nr_accesses", column(after.regions, "nr_accesses"))
    vector.expect("stop", not _any_alive(dead=1, alive=1))
    same("stop of the dead alone", not _any_alive(dead=1, alive=0), True)


def _any_alive(dead: int, alive: int) -> bool:
    table = TargetTable(ranged([]), FixedVaddr())
    try:
        for index in range(dead + alive):
            # Readable, as the pidfd of a process that has ended is, or not.
            pidfd = os.eventfd(1 if index < dead else 0)
            table.add(Target(pid=_pid("P"), pidfd=pidfd))
        table.note_ended()
        return table.any_alive
    finally:
        table.close()
        for target in table.targets:
            target.close()


@evaluates(names=("seed_multi_event_or",))
def _several_sources(vector: Vector) -> None:
    """One update however many events saw a region; ``events``: by event, what it saw."""
    inputs = vector.inputs
    events: Sequence[Sequence[bool]] = inputs.get("events") or inputs["accessed"]
    nr = len(events[0])
    before = inputs.get("nr_accesses", [0] * nr)
    region_map = loaded([row(i, i + 1, count) for i, count in enumerate(before)])
    sources = [[AccessReport(paddr=i) for i in range(nr) if event[i]] for event in events]
    after = tick(region_map, *sources)
    found = {
        "nr_accesses": column(after.regions, "nr_accesses"),
        "returned_max": after.highest,
        "accessed": [
            now > was for now, was in zip(column(after.regions, "nr_accesses"), before, strict=True)
        ],
    }
    for name in vector.expected:
        vector.expect(name, found[name])


@evaluates("damon_valid_probe_params", inputs=("cases",))
def _probe_params(vector: Vector) -> None:
    """Difference: hits are counted in 64 bits, so no window is too long for them."""
    vector.expect(
        "valid", [kernel_rules.probe_weights_valid(**case) for case in vector.inputs["cases"]]
    )
    for case in vector.inputs["cases"]:
        nr_samples = Intervals(case["sample"], case["aggr"]).nr_samples
        hits = nr_samples * max(1, sum(case["weights"]))
        after = tick(loaded([row(0, 1, hits=hits)]), [AccessReport(paddr=0)])
        same("hits", int(after.regions["hits"][0, 0]), hits + 1)
