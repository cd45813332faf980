"""The C engine and the plain-Python reference live through the same random histories."""

from __future__ import annotations

import random
from collections.abc import Iterator

import attrs
import numpy as np
import pytest

from damon_core.access import AccessReport, ReportFlag
from damon_core.clock import ManualClock
from damon_core.engine import Monitor
from damon_core.matcher import Counters as CCounters
from damon_core.matcher import Matcher as CMatcher
from damon_core.model import AddrRange, Intervals, Match, NrRegions, Ops, SampleFilter
from damon_core.primitive import PrimitiveContext
from damon_core.regions import RegionMap
from damon_core.snapshot import Snapshot
from damon_core.spec import ContextSpec
from damon_core.target import Target as EngineTarget
from damon_core.testing.reference.context import Context
from damon_core.testing.reference.regions import Region
from damon_core.testing.reference.reports import Bitmap
from damon_core.testing.scripted import Script, ScriptedPrimitives
from damon_core.testing.vectors.runs import GivenTargets
from damon_core.vaddr import FixedVaddr

PAGE = 4096
PIDS = (100, 200, 300)
STRANGER = 999


class Engine:
    """The C parts, driven by the same calls as the reference context."""

    def __init__(self, ref: Context) -> None:
        self.ref = ref
        self.map = RegionMap(ref.seed, ref.min_region_sz)
        self.matcher = CMatcher(physical=ref.physical)
        self.matcher.set_filters(ref.filters)
        self.matcher.set_match(ref.match, PAGE)
        self.counters = [CCounters() for _ in range(ref.nr_sources)]
        self.sz_limit = 0

    def start(self) -> None:
        self.sz_limit = self.map.apply_min_nr_regions(self.ref.nr_regions.min)

    def check(self, accesses: list[tuple[int, AccessReport | Bitmap]], since_ns: int) -> None:
        self.matcher.begin_tick(self.map, since_ns)
        for source in range(self.ref.nr_sources):
            rows = [a for s, a in accesses if s == source and isinstance(a, AccessReport)]
            if rows:
                array = np.concatenate([row.to_array() for row in rows])
                self.matcher.credit(array, self.counters[source])
            for bitmap in (a for s, a in accesses if s == source and isinstance(a, Bitmap)):
                words = np.packbits(bitmap.bits, bitorder="little").view(np.uint64)
                self.matcher.credit_bitmap(
                    bitmap.target, bitmap.start, bitmap.page_size, words, int(bitmap.flags),
                    self.counters[source],
                )  # fmt: skip
            self.matcher.fold(self.map, source)
        self.map.end_tick()

    def window_ended(self) -> list[np.ndarray]:
        self.map.merge(self.ref.intervals.nr_samples, self.ref.nr_regions.max, self.sz_limit)
        self.sz_limit = self.map.apply_min_nr_regions(self.ref.nr_regions.min)
        snapshot = [self.map.regions(i) for i in range(self.map.nr_targets)]
        self.map.reset_aggregated()
        self.map.split(self.ref.nr_regions.max)
        return snapshot


def assert_same(rows: np.ndarray, regions: list[Region], nr_sources: int) -> None:
    got = [(*row[:5], row[8], *row[9][:nr_sources]) for row in rows.tolist()]
    wanted = [
        (
            r.start,
            r.end,
            r.sampling_addr,
            r.nr_accesses,
            r.last_nr_accesses,
            r.accessed_bytes,
            *r.hits,
        )
        for r in regions
    ]
    assert got == wanted
    assert rows["age"].tolist() == [r.age for r in regions]


def random_ranges(rng: random.Random, unit: int) -> list[tuple[int, int]]:
    """One to three ranges, aligned or not, sometimes touching, sometimes far apart."""
    at, ranges = rng.randrange(0, 64) * unit, []
    for _ in range(rng.randint(1, 3)):
        start = at + (rng.randrange(unit) if rng.random() < 0.2 else 0)
        end = start + rng.randint(1, 400) * unit
        ranges.append((start, end))
        at = -(-end // unit) * unit + rng.choice([0, unit, 50 * unit, 2**36])
    return ranges


def random_accesses(
    rng: random.Random, ref: Context, hot: list[tuple[int, int]]
) -> Iterator[tuple[int, AccessReport | Bitmap]]:
    """Mostly near a hot place of a target; also strangers, no addresses, size 0, old ones."""
    for _ in range(rng.randrange(0, 30)):
        pid, place = rng.choice(hot)
        addr = max(0, place + rng.randrange(-20 * PAGE, 20 * PAGE))
        kind = rng.random()
        yield (
            rng.randrange(ref.nr_sources),
            AccessReport(
                vaddr=None if kind < 0.05 else addr,
                paddr=None if kind < 0.05 else addr,
                size=0 if kind > 0.97 else rng.choice([1, 8, 64, PAGE, 5 * PAGE]),
                pid=STRANGER if 0.05 < kind < 0.1 else pid,
                tid=rng.choice([None, 1, 2]),
                cpu=rng.choice([None, 0, 1]),
                is_write=rng.choice([None, False, True]),
                time_ns=rng.choice([None, 5, 50]),
            ),
        )
    for _ in range(rng.randrange(0, 3)):
        target = rng.randrange(len(ref.targets))
        place = rng.choice(hot)[1]
        page_size = rng.choice([PAGE, PAGE, 8 * PAGE])
        start = max(0, place // page_size * page_size - rng.randrange(40) * page_size)
        density = rng.choice([0, 0.1, 1])
        bits = tuple(rng.random() < density for _ in range(64 * rng.randint(1, 3)))
        flags = rng.choice([ReportFlag(0), ReportFlag.READ, ReportFlag.WRITE])
        yield rng.randrange(ref.nr_sources), Bitmap(target, start, page_size, bits, flags)


FILTERS = (
    (),
    (SampleFilter("write", True, True),),
    (SampleFilter("cpumask", False, False, cpus={0}),),
    (SampleFilter("threads", True, False, tids={2}), SampleFilter("write", False, True)),
)


def random_context(rng: random.Random) -> Context:
    low = rng.choice([3, 10, 40])
    sample = rng.choice([5_000, 7_000, 100_000])
    return Context(
        seed=rng.getrandbits(64),
        intervals=Intervals(sample, rng.choice([100_000, 130_000])),
        nr_regions=NrRegions(low, rng.choice([low, 2 * low, 100]) if low < 100 else low),
        nr_sources=rng.choice([1, 2, 3]),
        min_region_sz=rng.choice([PAGE, PAGE, 4 * PAGE]),
        match=rng.choice([Match.ANY, Match.SAMPLED]),
        filters=rng.choice(FILTERS),
        physical=rng.random() < 0.2,
    )


@pytest.mark.parametrize("seed", range(60))
def test_the_engine_and_the_reference_live_through_the_same_history(seed: int) -> None:
    rng = random.Random(seed)
    ref = random_context(rng)
    engine = Engine(ref)
    hot = []
    for pid in PIDS[: 1 if ref.physical else rng.randint(1, 3)]:
        least = rng.choice([0, PAGE, 16 * PAGE])
        ranges = random_ranges(rng, PAGE)
        try:
            ref.add_target(pid, ranges, least)
        except ValueError:
            ranges = [ranges[0]]
            ref.targets.pop()
            ref.add_target(pid, ranges, least)
        engine.map.set_ranges(
            engine.map.add_target(pid, least or PAGE), [AddrRange(*r) for r in ranges],
            least or PAGE,
        )  # fmt: skip
        hot += [(pid, rng.randrange(*ranges[0])), (pid, rng.choice(ranges)[0])]
    ref.start()
    engine.start()
    for tick in range(150):
        ref.prepare()
        engine.map.prepare()
        accesses = list(random_accesses(rng, ref, hot))
        accesses.sort(key=lambda each: each[0])
        ref.check(accesses, since_ns=10)
        engine.check(accesses, since_ns=10)
        snapshot = ref.tick_ended()
        if snapshot is not None:
            for rows, regions in zip(engine.window_ended(), snapshot, strict=True):
                assert_same(rows, regions, ref.nr_sources)
        for i, target in enumerate(ref.targets):
            assert_same(engine.map.regions(i), target.regions, ref.nr_sources)
        if rng.random() < 0.03:
            i = rng.randrange(len(ref.targets))
            ranges = random_ranges(rng, PAGE)
            least = rng.choice([PAGE, 16 * PAGE])
            change_ranges(ref, engine, i, ranges, least)
        if tick % 40 == 39:
            new = Intervals(rng.choice([0, 5_000, 20_000]), rng.choice([100_000, 60_000]))
            aggregating = ref.schedule.passed < ref.schedule.next_aggregation
            engine.map.update_results(ref.intervals, new, aggregating)
            ref.change_intervals(new)
    for theirs, ours in zip(engine.counters, ref.counters, strict=True):
        counted = theirs.read()
        for name in ("credited", "filtered", "no_address", "no_target", "no_region", "stale"):
            assert getattr(counted, name) == getattr(ours, name), name


def change_ranges(
    ref: Context, engine: Engine, i: int, ranges: list[tuple[int, int]], least: int
) -> None:
    try:
        ref.set_ranges(ref.targets[i], ranges, least)
    except ValueError:
        with pytest.raises(ValueError, match="empty or overlap"):
            engine.map.set_ranges(i, [AddrRange(*r) for r in ranges], least)
    else:
        engine.map.set_ranges(i, [AddrRange(*r) for r in ranges], least)


WINDOW = 10
NR_WINDOWS = 30


def monitored(ref: Context, script: list[list[tuple[int, AccessReport]]]) -> list[Snapshot]:
    """The snapshots of a real monitor whose primitives see what is in the script."""

    def play(source: int) -> Script:
        def check(ctx: PrimitiveContext, tick: int) -> None:
            for report in (report for which, report in script[tick] if which == source):
                ctx.reports.extend(report.to_array())

        return check

    snapshots: list[Snapshot] = []
    (target,) = ref.targets
    (watched,) = target.regions
    ranges = (AddrRange(watched.start, watched.end),)
    spec = ContextSpec(
        ops=Ops.FVADDR,
        intervals=ref.intervals,
        nr_regions=ref.nr_regions,
        filters=tuple(ref.filters),
        match=ref.match,
        ranges=ranges,
        seed=ref.seed,
    )
    monitor = Monitor(
        spec,
        GivenTargets(EngineTarget(pid=target.pid)),
        ScriptedPrimitives(*(play(source) for source in range(ref.nr_sources))),
        snapshots.append,
        space=FixedVaddr(ranges),
        clock=ManualClock(),
    )
    monitor.run(duration_us=ref.intervals.sample_us * len(script))
    return snapshots


@pytest.mark.parametrize("seed", range(10))
def test_the_monitor_takes_the_snapshots_of_the_reference(seed: int) -> None:
    rng = random.Random(seed)
    ref = Context(
        seed=rng.getrandbits(64),
        intervals=Intervals(5_000, 5_000 * WINDOW),
        nr_regions=NrRegions(rng.choice([3, 10]), rng.choice([12, 60])),
        nr_sources=2,
        match=rng.choice([Match.ANY, Match.SAMPLED]),
        filters=rng.choice(FILTERS),
    )
    start = rng.randrange(100) * PAGE
    ref.add_target(PIDS[0], [(start, start + rng.randint(50, 500) * PAGE)])
    hot = [(PIDS[0], start + 20 * PAGE), (PIDS[0], start + 45 * PAGE)]
    script = [
        [(s, a) for s, a in random_accesses(rng, ref, hot) if isinstance(a, AccessReport)]
        for _ in range(WINDOW * NR_WINDOWS)
    ]
    script = [[(s, attrs.evolve(a, time_ns=None)) for s, a in tick] for tick in script]
    snapshots = monitored(ref, script)
    wanted = []
    ref.start()
    for tick in script:
        ref.prepare()
        ref.check(tick)
        if (taken := ref.tick_ended()) is not None:
            wanted.append(taken[0])
    assert len(snapshots) == len(wanted) == NR_WINDOWS
    for snapshot, regions in zip(snapshots, wanted, strict=True):
        got = snapshot.regions
        assert got.start.tolist() == [r.start for r in regions]
        assert got.end.tolist() == [r.end for r in regions]
        assert got.nr_accesses.tolist() == [r.nr_accesses for r in regions]
        assert got.age.tolist() == [r.age for r in regions]
        assert got.hits.T.tolist() == [r.hits for r in regions]
    credited = [sum(s.sources[i].counters.credited for s in snapshots) for i in range(2)]
    assert credited == [counters.credited for counters in ref.counters]
