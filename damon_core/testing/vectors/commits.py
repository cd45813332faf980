"""Vectors of commits: what a running context takes over, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs

from ...config import ConfigFile
from ...model import AddrRange, Intervals, Ops, SampleFilter
from ...primitive import PrimitiveContext
from ...snapshot import Snapshot
from ...spec import ContextSpec
from ...target import Target
from ...target_table import TargetTable
from ...vaddr import FixedVaddr
from ..scripted import ScriptedPrimitives
from . import kernel_rules
from .rows import ranged
from .runs import NO_PID, START, Areas, monitor
from .vector import Vector, cases, evaluates, refusal, same

_OPS = ("vaddr", "fvaddr", "paddr")
_SPEC = ContextSpec(
    ops=Ops.FVADDR, intervals=Intervals(), ranges=(AddrRange(START, START + 2**22),), seed=1
)


def _refuse_key(key: str) -> None:
    """Mismatch unless a configuration with this key is refused."""
    text = f"ops: paddr\n{key}: true\nsample: {{primitives: [accessed_bit]}}\n"
    same(
        f"key {key!r} of a configuration",
        refusal(lambda: ConfigFile.parse(text.encode(), "vector")),
        "EINVAL",
    )


@evaluates("damon_commit_ctx", inputs=("pause",))
def _commit_pause(vector: Vector) -> None:
    """Difference: a monitor is not paused, but ended and started again."""
    vector.expect("err", 0)
    vector.expect("pause", vector.inputs["pause"])
    _refuse_key("pause")


@evaluates("damos_commit_quota_goal", inputs=("dst", "src"))
def _commit_quota_goal(vector: Vector) -> None:
    """Difference: there are no schemes, so no quotas either; the key is refused."""
    dst, src = vector.inputs["dst"], vector.inputs["src"]
    user_input = src["metric"] == "user_input"
    vector.expect("metric", src["metric"])
    vector.expect("target", src["target"])
    vector.expect("current", (src if user_input else dst)["current"])
    _refuse_key("schemes")


@evaluates("sysfs commit", names=("commit_no_op",))
def _commit_no_op(vector: Vector) -> None:
    """A run with the same parameters committed in the middle, and one without."""
    vector.expect("state_unchanged", _run(commit=True) == _run(commit=False))


def _run(commit: bool) -> list[list[Any]]:
    seen: list[list[Any]] = []
    areas = Areas(4, 2**20)

    def script(ctx: PrimitiveContext, tick: int) -> None:
        areas.script(ctx, tick)
        if commit and tick == 50:
            run.commit(attrs.evolve(_SPEC))

    def on_snapshot(snapshot: Snapshot) -> None:
        regions = snapshot.regions
        columns = (regions.start, regions.end, regions.nr_accesses, regions.age)
        seen.append([snapshot.end_ns, *(each.tolist() for each in columns)])

    run = monitor(spec=_SPEC, primitives=ScriptedPrimitives(script), on_snapshot=on_snapshot)
    run.run(duration_us=500_000)
    return seen


@evaluates("damon_commit_targets", inputs=("cases",))
def _commit_targets(vector: Vector) -> None:
    """Difference: targets come and go by themselves; one that has ended is dropped."""
    vector.expect("result", [_committed_targets(case) for case in cases(vector.inputs)])
    for case in cases(vector.inputs):
        same("targets after one has ended", _without_last(case["dst"]), case["dst"][:-1])


def _committed_targets(case: Mapping[str, Any]) -> list[str] | str:
    """As kernels do: by position; obsolete removes what stands there, which must exist."""
    dst, src = case["dst"], case["src"]
    if any(each.get("obsolete") and i >= len(dst) for i, each in enumerate(src)):
        return "EINVAL"
    return [each["pid"] for each in src if not each.get("obsolete")]


def _without_last(names: list[str]) -> list[str]:
    table = TargetTable(ranged([]), FixedVaddr())
    try:
        for name in names:
            table.add(Target(pid=NO_PID, comm=name))
        table.ended.add(table.targets[-1].index)
        table.drop_ended()
        return [target.comm for target in table.targets]
    finally:
        table.close()


@evaluates(names=("commit_lists",))
def _commit_lists(vector: Vector) -> None:
    """Difference in the way, not in the result: lists are replaced as whole immutable tuples."""
    results = [_committed_filters(case["src"]) for case in cases(vector.inputs)]
    for name in vector.expected:
        vector.expect(name, results if "cases" in vector.inputs else results[0])


def _committed_filters(src: list[Any]) -> list[Any]:
    """The list that a run ends with which had another one; each entry is a filter."""
    filters = tuple(SampleFilter("threads", tids=[i]) for i, _ in enumerate(src))
    run = monitor(spec=attrs.evolve(_SPEC, filters=(SampleFilter("write"),)))
    run.commit(attrs.evolve(_SPEC, filters=filters))
    run.run(duration_us=10_000)
    return [src[next(iter(each.tids))] for each in run.spec.filters]


@evaluates("damon_commit_perf_events")
def _commit_perf_events(vector: Vector) -> None:
    """Difference: primitives stay as they are for a run; a commit neither stops nor starts one."""
    vector.expect("order", list(kernel_rules.SEED_COMMIT_ORDER))

    def script(ctx: PrimitiveContext, tick: int) -> None:
        if tick == 50:
            run.commit(attrs.evolve(_SPEC, intervals=Intervals(10_000, 200_000)))

    primitives = ScriptedPrimitives(script)
    run = monitor(spec=_SPEC, primitives=primitives)
    run.run(duration_us=1_000_000)
    same("intervals after the commit", run.intervals.sample_us, 10_000)
    same("calls of init", primitives.calls.count("init"), 1)
    same("calls of cleanup", primitives.calls.count("cleanup"), 1)
    same("last call", primitives.calls[-1], "cleanup")


@evaluates("kdamond_need_stop", names=("need_stop",))
def _need_stop(vector: Vector) -> None:
    """By request, or for processes once none is alive; ``cases`` name both."""
    stops = []
    for case in cases(vector.inputs):
        asked = any(bool(value) for name, value in case.items() if "stop" in name)
        alive = next((value for value in case.values() if isinstance(value, list)), None)
        by_request = case.get("ops") == "paddr" or any(
            value is False for name, value in case.items() if "target_valid" in name
        )
        stops.append(asked or (not by_request and alive is not None and not _any_alive(alive)))
    for name in vector.expected:
        vector.expect(name, stops if "cases" in vector.inputs else stops[0])


def _any_alive(alive: list[bool]) -> bool:
    table = TargetTable(ranged([]), FixedVaddr())
    try:
        for _ in alive:
            table.add(Target(pid=NO_PID))
        table.ended.update(i for i, lives in enumerate(alive) if not lives)
        return table.any_alive
    finally:
        table.close()


@evaluates(names=("ops_registration",))
def _ops_registration(vector: Vector) -> None:
    """Difference: there are three, built in; a name is one of them or refused."""
    names = next((each for each in vector.inputs.values() if isinstance(each, list)), [])
    for column in vector.expected:
        vector.expect(column, kernel_rules.ops_registration(names))
    for name in names:
        same(f"operations set {name}", refusal(partial(Ops, name)), 0 if name in _OPS else "EINVAL")
