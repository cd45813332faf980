"""What must hold of the C engine whatever it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from damon_core.access import REPORT_DTYPE, AccessReport, ReportFlag
from damon_core.matcher import Matcher
from damon_core.model import AddrRange, Intervals, Match, SampleFilter
from damon_core.regions import RegionMap
from damon_core.reports import ReportBuffer
from damon_core.target import PAGE_SIZE, Target

PIDS = (101, 102, 103)
NR_SAMPLES = 6
NR_SOURCES = 2
TOP = 600 * PAGE_SIZE


@st.composite
def ranges(draw: st.DrawFn) -> list[AddrRange]:
    """Sorted ranges with holes or without, on page borders."""
    at, found = draw(st.integers(0, 50)), []
    for size, hole in draw(
        st.lists(st.tuples(st.integers(1, 120), st.integers(0, 60)), min_size=1, max_size=4)
    ):
        found.append(AddrRange(at * PAGE_SIZE, (at + size) * PAGE_SIZE))
        at += size + hole
    return found


@st.composite
def reports(draw: st.DrawFn) -> AccessReport:
    addr = st.none() | st.integers(0, TOP)
    return AccessReport(
        vaddr=draw(addr),
        paddr=draw(addr),
        size=draw(st.sampled_from([0, 1, 8, 64, PAGE_SIZE, 10 * PAGE_SIZE])),
        pid=draw(st.sampled_from([*PIDS, 7])),
        tid=draw(st.sampled_from([None, 1, 2])),
        cpu=draw(st.sampled_from([None, 0, 1])),
        is_write=draw(st.sampled_from([None, False, True])),
        time_ns=draw(st.sampled_from([None, 1, 1000])),
    )


filters = st.lists(
    st.builds(
        SampleFilter,
        st.sampled_from(["cpumask", "threads", "write"]),
        st.booleans(),
        st.booleans(),
        cpus=st.frozensets(st.integers(0, 2)),
        tids=st.frozensets(st.integers(1, 3)),
    ),
    max_size=3,
)


def as_rows(given_reports: list[AccessReport]) -> np.ndarray:
    return np.concatenate([np.empty(0, REPORT_DTYPE), *(r.to_array() for r in given_reports)])


class Context(RuleBasedStateMachine):
    """Targets, ticks and windows in any order; what may not change is looked at after each."""

    @initialize(
        seed=st.integers(0, 2**64 - 1),
        unit=st.sampled_from([PAGE_SIZE, 4 * PAGE_SIZE]),
        match=st.sampled_from(Match),
        chosen=filters,
        limits=st.sampled_from([(3, 3), (3, 12), (10, 20), (10, 1000)]),
        first=ranges(),
    )
    def start(
        self,
        seed: int,
        unit: int,
        match: Match,
        chosen: list[SampleFilter],
        limits: tuple[int, int],
        first: list[AddrRange],
    ) -> None:
        self.unit, (self.least, self.most) = unit, limits
        self.map = RegionMap(seed, unit)
        matcher = Matcher()
        matcher.set_filters(chosen)
        matcher.set_match(match, PAGE_SIZE)
        self.buffer = ReportBuffer(matcher, NR_SOURCES, 4, 4)
        self.targets: list[Target] = []
        self.produced = [0] * NR_SOURCES
        self.ticks = 0
        self.add(first, PAGE_SIZE)
        self.limit = self.map.apply_min_nr_regions(self.least)

    def rows(self, target: int) -> np.ndarray:
        return self.map.regions(target)

    def minimum(self, target: int) -> int:
        return max(self.unit, self.targets[target].min_region_sz)

    @precondition(lambda self: len(self.targets) < len(PIDS))
    @rule(wanted=ranges(), least=st.sampled_from([PAGE_SIZE, 8 * PAGE_SIZE]))
    def add(self, wanted: list[AddrRange], least: int) -> None:
        index = len(self.targets)
        self.targets.append(Target(index=index, pid=PIDS[index], min_region_sz=least))
        self.map.add_target(PIDS[index], least)
        self.buffer.set_slots({target.index: target.index for target in self.targets})
        self.change(index, wanted)

    @rule(which=st.integers(0, 2), wanted=ranges())
    def change_ranges(self, which: int, wanted: list[AddrRange]) -> None:
        self.change(which % len(self.targets), wanted)

    def change(self, target: int, wanted: list[AddrRange]) -> None:
        before = self.rows(target)
        least = self.targets[target].min_region_sz
        try:
            self.map.set_ranges(target, wanted, least)
        except ValueError:
            assert np.array_equal(before, self.rows(target))
            return
        rows = self.rows(target)
        covered = covered_ranges(rows)
        assert covered == joined(wanted, self.minimum(target))
        self.map.set_ranges(target, wanted, least)
        assert np.array_equal(rows, self.rows(target)), "setting equal ranges changes nothing"

    @precondition(lambda self: self.ticks < NR_SAMPLES)
    @rule(
        direct=st.lists(st.lists(reports(), max_size=12), min_size=NR_SOURCES, max_size=NR_SOURCES),
        from_threads=st.lists(reports(), max_size=9),
        lost=st.integers(0, 2),
        words=st.lists(st.integers(0, 2**64 - 1), max_size=4),
        start=st.integers(0, 200),
        page_size=st.sampled_from([PAGE_SIZE, 8 * PAGE_SIZE]),
        flags=st.sampled_from([0, ReportFlag.READ, ReportFlag.WRITE]),
        source=st.integers(0, NR_SOURCES - 1),
    )
    def tick(
        self,
        direct: list[list[AccessReport]],
        from_threads: list[AccessReport],
        lost: int,
        words: list[int],
        start: int,
        page_size: int,
        flags: int,
        source: int,
    ) -> None:
        before = [self.rows(t) for t in range(len(self.targets))]
        self.map.prepare()
        self.buffer.begin_tick(self.map, not_before_ns=10)
        writer = self.buffer.sources[source]
        for each, some in zip(self.buffer.sources, direct, strict=True):
            each.extend(as_rows(some))
        for report in from_threads:
            writer.report_access(report)
        writer.lose(lost)
        bitmap = np.array(words, np.uint64)
        writer.extend_bitmap(self.targets[0], start * page_size, page_size, bitmap, flags)
        self.buffer.end_tick()
        highest = self.map.end_tick()
        self.ticks += 1
        self.produced = [n + len(some) for n, some in zip(self.produced, direct, strict=True)]
        nr_bits = sum(word.bit_count() for word in words)
        self.produced[source] += len(from_threads) + lost + nr_bits
        self.check_updates(before, highest)

    def check_updates(self, before: list[np.ndarray], highest: int) -> None:
        """Each region has had exactly one update, and its bytes are those of a region."""
        after = [self.rows(t) for t in range(len(self.targets))]
        for was, now in zip(before, after, strict=True):
            hit = (now["hits"] > was["hits"]).any(axis=1)
            assert np.array_equal(now["nr_accesses"] - was["nr_accesses"], hit)
            size = now["end"] - now["start"]
            assert (now["accessed_bytes"] - was["accessed_bytes"] <= size).all()
            inside = (now["start"] <= now["sampling_addr"]) & (now["sampling_addr"] < now["end"])
            assert inside.all()
        assert highest == max(int(rows["nr_accesses"].max(initial=0)) for rows in after)

    @precondition(lambda self: self.ticks)
    @rule()
    def end_window(self) -> None:
        before = [self.rows(t) for t in range(len(self.targets))]
        total = self.map.total_size
        self.map.merge(NR_SAMPLES, self.most, self.limit)
        merged = [self.rows(t) for t in range(len(self.targets))]
        assert self.map.nr_regions <= self.most or not any(
            self.some_could_merge(t, rows) for t, rows in enumerate(merged)
        )
        self.limit = self.map.apply_min_nr_regions(self.least)
        for target, rows in enumerate(before):
            self.check_window(target, rows, self.rows(target))
        self.map.reset_aggregated()
        for target in range(len(self.targets)):
            rows = self.rows(target)
            assert not rows["nr_accesses"].any()
            assert not rows["hits"].any()
        nr = self.map.nr_regions
        self.map.split(self.most)
        assert nr <= self.map.nr_regions <= max(nr, self.most)
        assert self.map.total_size == total
        self.ticks = 0

    def some_could_merge(self, target: int, rows: np.ndarray) -> bool:
        limit = max(self.limit, self.minimum(target))
        touch = rows["end"][:-1] == rows["start"][1:]
        return bool((touch & (rows["end"][1:] - rows["start"][:-1] <= limit)).any())

    def check_window(self, target: int, before: np.ndarray, after: np.ndarray) -> None:
        """Sums are kept, ages grow by one at most, and no region is above the size limit."""
        assert covered_ranges(before) == covered_ranges(after)
        assert np.array_equal(before["hits"].sum(axis=0), after["hits"].sum(axis=0))
        assert before["accessed_bytes"].sum() == after["accessed_bytes"].sum()
        oldest = before["age"].max(initial=0)
        assert (after["age"] <= oldest + 1).all()
        assert after["nr_accesses"].max(initial=0) <= before["nr_accesses"].max(initial=0)
        unit = self.minimum(target)
        limit = -(-max(self.limit, unit) // unit) * unit
        assert (after["end"] - after["start"] <= limit).all()

    @rule(drop=st.just(True))
    def take_counters(self, drop: bool) -> None:
        for counters, nr in zip(self.buffer.take_counters(), self.produced, strict=True):
            assert counters.total == nr, "each report ends in exactly one counter"
        self.produced = [0] * NR_SOURCES

    @rule(sample_us=st.integers(1, 50), nr=st.integers(1, 50), aggregating=st.booleans())
    def change_intervals(self, sample_us: int, nr: int, aggregating: bool) -> None:
        if aggregating:
            self.ticks = 0
        else:
            nr = NR_SAMPLES
        old, new = Intervals(10, 10 * NR_SAMPLES), Intervals(sample_us, sample_us * nr)
        self.map.update_results(old, new, aggregating)
        back = Intervals(10, 10 * NR_SAMPLES)
        self.map.update_results(new, back, aggregating)

    @invariant()
    def regions_are_sorted_apart_and_aligned(self) -> None:
        for target in range(len(self.targets)):
            rows = self.rows(target)
            assert (rows["start"] < rows["end"]).all()
            assert (rows["end"][:-1] <= rows["start"][1:]).all()
            unit = self.minimum(target)
            assert not (rows["start"] % unit).any()
            assert not (rows["end"] % unit).any()

    @invariant()
    def rates_are_at_most_the_number_of_samples(self) -> None:
        for target in range(len(self.targets)):
            rows = self.rows(target)
            assert (rows["nr_accesses"] <= self.ticks).all()
            assert (rows["last_nr_accesses"] <= NR_SAMPLES).all()
            assert not rows["accessed"].any()


def covered_ranges(rows: np.ndarray) -> list[tuple[int, int]]:
    return joined([AddrRange(s, e) for s, e in rows[["start", "end"]].tolist()], 1)


def joined(given_ranges: list[AddrRange], unit: int) -> list[tuple[int, int]]:
    """The addresses in these ranges, grown to whole units."""
    result: list[tuple[int, int]] = []
    for each in given_ranges:
        start, end = each.start // unit * unit, -(-each.end // unit) * unit
        if result and result[-1][1] == start:
            start = result.pop()[0]
        result.append((start, end))
    return result


Context.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestInvariants: Any = Context.TestCase
