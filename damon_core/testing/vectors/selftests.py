"""Vectors of the kernel's selftests: whole runs, whose snapshots must keep the limits."""

from __future__ import annotations

from statistics import median

import attrs

from ...model import Intervals, Match, NrRegions, Ops
from ...primitive import PrimitiveContext
from ...snapshot import Snapshot
from ...spec import ContextSpec
from ..scripted import ScriptedPrimitives
from .runs import Areas, monitor
from .vector import Vector, evaluates, holds, same

_MIB = 2**20
_AGGR_US = 100_000


def _spec(areas: Areas, nr_regions: NrRegions) -> ContextSpec:
    """As the selftests: defaults, and a page sampled in each region."""
    return ContextSpec(
        ops=Ops.FVADDR,
        intervals=Intervals(),
        ranges=(areas.range,),
        nr_regions=nr_regions,
        match=Match.SAMPLED,
        seed=1,
    )


def _nr_regions(areas: Areas, limits: NrRegions, nr_windows: int) -> list[int]:
    """The number of regions in each snapshot of a run."""
    seen: list[int] = []
    run = monitor(
        spec=_spec(areas, limits),
        primitives=ScriptedPrimitives(areas.script),
        on_snapshot=lambda snapshot: seen.append(len(snapshot.regions)),
    )
    run.run(duration_us=nr_windows * _AGGR_US)
    return seen


@evaluates("damon_nr_regions", inputs=("real", "min_nr", "max_nr", "snapshots"))
def _nr_regions_min(vector: Vector) -> None:
    inputs = vector.inputs
    areas = Areas(inputs["real"], inputs["region_mib"] * _MIB)
    seen = _nr_regions(areas, NrRegions(inputs["min_nr"], inputs["max_nr"]), inputs["snapshots"])
    same("snapshots", len(seen), inputs["snapshots"])
    least, most = vector.wanted("min_seen_ge"), vector.wanted("max_seen_le")
    holds(min(seen) >= least, f"the fewest regions, {min(seen)}, are at least {least}")
    holds(max(seen) <= most, f"the most regions, {max(seen)}, are at most {most}")


@evaluates("damon_nr_regions", inputs=("real", "commit", "wait_s"))
def _nr_regions_online(vector: Vector) -> None:
    """Three seconds with the defaults, then the commit, seen after the wait."""
    inputs, new = vector.inputs, vector.inputs["commit"]
    areas = Areas(inputs["real"], inputs.get("region_mib", 10) * _MIB)
    spec = _spec(areas, NrRegions())
    snapshots: list[Snapshot] = []
    ticks_before = 3_000_000 // Intervals().sample_us

    def script(ctx: PrimitiveContext, tick: int) -> None:
        areas.script(ctx, tick)
        if tick == ticks_before:
            nr_regions = NrRegions(new["min_nr"], new["max_nr"])
            intervals = attrs.evolve(Intervals(), ops_update_us=new["update_us"])
            run.commit(attrs.evolve(spec, nr_regions=nr_regions, intervals=intervals))

    run = monitor(spec=spec, primitives=ScriptedPrimitives(script), on_snapshot=snapshots.append)
    run.run(duration_us=3_000_000 + int(inputs["wait_s"] * 1_000_000) + Intervals().sample_us)
    nr, most = len(snapshots[-1].regions), vector.wanted("nr_regions_le")
    holds(nr <= most, f"{nr} regions after the commit are at most {most}")


@evaluates("damos_tried_regions", inputs=("real", "region_mib", "snapshots"))
def _tried_regions(vector: Vector) -> None:
    inputs = vector.inputs
    areas = Areas(inputs["real"], inputs["region_mib"] * _MIB)
    # The selftest looks once the monitor has had time to find the areas.
    seen = _nr_regions(areas, NrRegions(), 20 + inputs["snapshots"])[20:]
    least = vector.wanted("nr_regions_ge")
    holds(median(seen) >= least, f"the median of regions, {median(seen)}, is at least {least}")


@evaluates("damos_apply_interval", inputs=("apply_interval_us", "aggr_us"))
def _apply_interval(vector: Vector) -> None:
    """Difference: without schemes there is one snapshot a window, so a window gives the pace."""
    inputs = vector.inputs
    windows = [
        Intervals(5_000, apply_us or inputs["aggr_us"]) for apply_us in inputs["apply_interval_us"]
    ]
    areas = Areas(2, _MIB)
    nr_snapshots = []
    for intervals in windows:
        seen: list[Snapshot] = []
        spec = attrs.evolve(_spec(areas, NrRegions()), intervals=intervals)
        run = monitor(
            spec=spec, primitives=ScriptedPrimitives(areas.script), on_snapshot=seen.append
        )
        run.run(duration_us=10 * inputs["aggr_us"])
        nr_snapshots.append(len(seen))
    ratio, least = nr_snapshots[-1] / nr_snapshots[0], vector.wanted("ratio_ge")
    holds(ratio >= least, f"{nr_snapshots} snapshots: a ratio of {ratio:g} is at least {least}")
