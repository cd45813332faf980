"""The monitoring loop, with scripted accesses, a manual clock, and real processes as targets."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
from attrs import evolve

from damon_core.clock import ManualClock
from damon_core.engine import Ending
from damon_core.errors import ConfigError, PrimitiveError, RunError
from damon_core.model import AddrRange, Intervals, Match, NrRegions, Ops, SampleFilter
from damon_core.primitive import Provides
from damon_core.spec import ContextSpec
from damon_core.target import Target
from damon_core.testing.scripted import ScriptedPrimitives
from damon_core.vaddr import FixedVaddr
from tests.scripted_context import PAGE, RANGE, SPEC, Scripted, scripted, touch

HOT = RANGE.start + 17 * PAGE


@pytest.fixture
def target(bystander: subprocess.Popen[bytes]) -> Iterator[Target]:
    target = Target.open(bystander.pid)
    yield target
    target.close()


def always(target: Target, *addrs: int) -> ScriptedPrimitives:
    """One primitive that sees the same addresses in every tick."""
    return ScriptedPrimitives(lambda ctx, tick: ctx.reports.extend(touch(target.pid, *addrs)))


def hot_ranges(run: Scripted) -> list[tuple[int, int]]:
    regions = run.snapshots[-1].regions
    hot = regions.nr_accesses > 0
    return list(zip(regions.start[hot].tolist(), regions.end[hot].tolist(), strict=True))


def test_the_hooks_are_called_in_order_once_per_interval(target: Target) -> None:
    primitives = ScriptedPrimitives([])
    scripted(primitives, [target]).monitor.run(15_000)
    assert primitives.calls == [
        "init", "update_targets",
        "prepare", "check", "prepare", "check", "prepare", "check",
        "prepare", "cleanup",
    ]  # fmt: skip


def test_a_window_ends_after_its_ticks_and_a_snapshot_says_its_real_length(target: Target) -> None:
    run = scripted(always(target, HOT), [target])
    assert run.monitor.run(250_000) is Ending.DURATION
    first, second, rest = run.snapshots
    assert (first.nr_samples, first.intervals.aggr_us) == (20, 100_000)
    assert (second.nr_samples, second.intervals.sample_us) == (20, 5_000)
    assert rest.nr_samples == 10
    assert first.regions.nr_accesses.max() == 20


def test_regions_close_in_on_the_page_that_is_accessed(target: Target) -> None:
    run = scripted(always(target, HOT), [target])
    run.monitor.run(4_000_000)
    ((start, end),) = hot_ranges(run)
    assert start <= HOT < end
    assert end - start <= 2 * PAGE


def test_ticks_keep_their_deadlines_however_long_a_check_takes(target: Target) -> None:
    clock = ManualClock()

    def slow(ctx: object, tick: int) -> None:
        clock.ns += 3_000_000

    run = scripted(ScriptedPrimitives(slow), [target], clock=clock)
    start = clock.ns
    run.monitor.run(50_000)
    assert clock.deadlines[:5] == [start + 5_000_000 * n for n in range(1, 6)]


def test_a_tick_that_overruns_its_interval_is_counted_late_and_not_made_up_for(
    target: Target,
) -> None:
    clock = ManualClock()

    def very_slow(ctx: object, tick: int) -> None:
        if tick == 3:
            clock.ns += 22_000_000

    run = scripted(ScriptedPrimitives(very_slow), [target], clock=clock)
    run.monitor.run(150_000)
    first = run.snapshots[0]
    assert first.nr_late == 1
    assert first.nr_samples == 20
    assert first.intervals.aggr_us == 122_000


def test_age_counts_the_windows_a_rate_has_stayed(target: Target) -> None:
    run = scripted(always(target, HOT), [target], nr_regions=NrRegions(3, 3))
    run.monitor.run(600_000)
    assert [int(s.regions.age.max()) for s in run.snapshots[:6]] == [1, 2, 3, 4, 5, 6]


def test_two_sources_give_one_update_per_tick_and_hits_of_their_own(target: Target) -> None:
    primitives = ScriptedPrimitives(
        lambda ctx, tick: ctx.reports.extend(touch(target.pid, HOT, HOT)),
        lambda ctx, tick: ctx.reports.extend(touch(target.pid, HOT)),
        names=["one", "two"],
    )
    run = scripted(primitives, [target])
    run.monitor.run(100_000)
    regions = run.snapshots[0].regions
    assert regions.nr_accesses.max() == 20
    assert regions.hits.sum(axis=1).tolist() == [40, 20]


def test_accessed_bytes_are_the_mean_of_what_a_page_granular_source_saw(target: Target) -> None:
    def pages(ctx: object, tick: int) -> None:
        words = np.array([0b111 if tick % 2 else 0b1], np.uint64)
        ctx.reports.extend_bitmap(ctx.targets[0], HOT, PAGE, words)  # type: ignore[attr-defined]

    run = scripted(ScriptedPrimitives(pages, provides=Provides(granularity="page")), [target])
    run.monitor.run(100_000)
    assert run.snapshots[0].regions.accessed_bytes.sum() == 2 * PAGE


def test_accessed_bytes_are_unknown_when_no_source_sees_every_page(target: Target) -> None:
    run = scripted(always(target, HOT), [target])
    run.monitor.run(100_000)
    assert np.isnan(run.snapshots[0].regions.accessed_bytes).all()


def test_every_report_ends_in_one_counter(target: Target) -> None:
    outside, stranger = RANGE.end + PAGE, touch(1, HOT)
    no_address = touch(target.pid, HOT)
    no_address["flags"] = 0
    stale = touch(target.pid, HOT, flags=1 << 6, time_ns=5)

    def mixed(ctx: object, tick: int) -> None:
        for rows in (touch(target.pid, HOT, outside), stranger, no_address, stale):
            ctx.reports.extend(rows)  # type: ignore[attr-defined]
        ctx.reports.lose(3)  # type: ignore[attr-defined]

    run = scripted(ScriptedPrimitives(mixed), [target])
    run.monitor.run(100_000)
    counters = run.snapshots[0].sources[0].counters
    assert counters.total == 20 * 8
    assert (counters.credited, counters.no_region, counters.no_target) == (20, 20, 20)
    assert (counters.no_address, counters.stale, counters.lost) == (20, 20, 60)


def test_a_report_in_no_sampled_page_is_filtered_under_match_sampled(target: Target) -> None:
    run = scripted(always(target, HOT), [target], match=Match.SAMPLED, nr_regions=NrRegions(3, 3))
    run.monitor.run(1_000_000)
    counters = [s.sources[0].counters for s in run.snapshots]
    assert sum(c.credited + c.filtered for c in counters) == 200
    assert 0 < sum(c.credited for c in counters) < 40  # one page of about 85 in each region


def test_intervals_that_exceed_the_quota_are_lengthened_and_the_user_told_once(
    target: Target,
) -> None:
    clock = ManualClock(tick_cpu_ns=2_000_000)
    run = scripted(always(target, HOT), [target], clock=clock, cpu_quota=0.05)
    run.monitor.run(20_000_000)
    notes = [note for s in run.snapshots for note in s.notes]
    assert len(notes) == 1
    assert "as asked" in notes[0]
    assert "cpu_quota" in notes[0]
    last = run.snapshots[-2]
    assert last.cpu_ns <= 0.05 * last.intervals.aggr_us * 1000
    assert last.nr_samples == 20


def test_automatic_intervals_are_the_shortest_within_the_quota(target: Target) -> None:
    clock = ManualClock(tick_cpu_ns=2_000_000)
    provides = Provides(granularity="page")
    primitives = ScriptedPrimitives([], provides=provides)
    run = scripted(primitives, [target], clock=clock, intervals=None)
    run.monitor.run(5_000_000)
    assert run.snapshots[0].nr_samples == 5
    assert 40_000 <= run.monitor.intervals.sample_us <= 50_000
    cheap = scripted(
        ScriptedPrimitives([], provides=provides), [Target.open(target.pid)], intervals=None
    )
    cheap.monitor.run(100_000)
    assert cheap.monitor.intervals.sample_us == 5_000


def test_what_a_primitive_charges_lengthens_intervals_and_is_kept_with_it(target: Target) -> None:
    """Each of 10000 pages that are written all the time costs 700 ns in each interval."""
    primitives = ScriptedPrimitives(
        lambda ctx, tick: ctx.charge(7_000_000), [], provides=Provides(granularity="page")
    )
    run = scripted(primitives, [target], intervals=None)
    run.monitor.run(5_000_000)
    last = run.snapshots[-2]
    assert run.monitor.intervals.sample_us == 170_000
    assert [one.target_cpu_ns for one in last.sources] == [5 * 7_000_000, 0]
    assert last.target_cpu_ns <= 0.05 * last.intervals.aggr_us * 1000
    notes = [note for s in run.snapshots for note in s.notes]
    assert any("7 ms in the targets" in note for note in notes)


def test_what_longer_intervals_would_not_lessen_is_kept_and_changes_none(target: Target) -> None:
    run = scripted(
        ScriptedPrimitives(lambda ctx, tick: ctx.charge(7_000_000, paced=False)), [target]
    )
    run.monitor.run(200_000)
    assert [s.target_cpu_ns for s in run.snapshots] == [20 * 7_000_000] * 2
    assert run.monitor.intervals.sample_us == 5_000


def test_where_looks_are_charged_the_first_interval_is_a_long_one(target: Target) -> None:
    clock = ManualClock()
    primitives = ScriptedPrimitives([], provides=Provides(granularity="page", charges=True))
    run = scripted(primitives, [target], clock=clock, intervals=None)
    start = clock.ns
    run.monitor.run(1_000_000)
    assert clock.deadlines[0] == start + 100_000_000
    assert run.monitor.intervals.sample_us == 5_000  # nothing was charged


def test_a_charge_below_nothing_is_refused(target: Target) -> None:
    run = scripted(ScriptedPrimitives(lambda ctx, tick: ctx.charge(-1)), [target])
    with pytest.raises(ValueError, match="charge of -1 ns"):
        run.monitor.run(200_000)


def test_ranges_are_followed_when_the_pace_changes_however_long_intervals_get(
    target: Target,
) -> None:
    class Growing(FixedVaddr):
        def ranges(self, target: Target) -> tuple[AddrRange, ...] | None:
            grown.append(RANGE.end + len(grown) * 64 * PAGE)
            return (AddrRange(RANGE.start, grown[-1]),)

    grown: list[int] = []
    clock = ManualClock(tick_cpu_ns=40_000_000)
    run = scripted(ScriptedPrimitives([]), [target], clock=clock, intervals=None)
    run.monitor._table.space = Growing((RANGE,))
    run.monitor.run(15_000)
    assert len(grown) == 2  # at the start, and after three ticks
    assert run.monitor.intervals.sample_us >= 800_000


def test_the_run_ends_with_the_last_target_and_its_last_snapshot_stays(
    bystander: subprocess.Popen[bytes],
) -> None:
    target = Target.open(bystander.pid)

    def kill_at_30(ctx: object, tick: int) -> None:
        if tick == 30:
            bystander.kill()
            bystander.wait()

    run = scripted(ScriptedPrimitives(kill_at_30), [target])
    assert run.monitor.run() is Ending.TARGETS_ENDED
    last = run.monitor.last_snapshot
    assert last is run.snapshots[-1]
    assert [t.alive for t in last.targets] == [False]
    assert (last.nr_samples, len(last.regions) > 0) == (11, True)


def test_a_target_that_ends_among_others_is_shown_once_more_and_then_dropped(
    running: object, target: Target
) -> None:
    other = running("print('ready', flush=True); input()")  # type: ignore[operator]
    doomed = Target.open(other.pid)

    def kill_at_5(ctx: object, tick: int) -> None:
        if tick == 5:
            other.kill()
            other.wait()

    run = scripted(ScriptedPrimitives(kill_at_5), [target, doomed])
    assert run.monitor.run(300_000) is Ending.DURATION
    shown = [[(t.pid, t.alive) for t in s.targets] for s in run.snapshots]
    assert shown[0] == [(target.pid, True), (other.pid, False)]
    assert shown[1] == [(target.pid, True)]
    assert set(run.snapshots[1].regions.target.tolist()) == {0}


def test_targets_found_while_running_are_monitored(running: object, target: Target) -> None:
    later = running("print('ready', flush=True); input()")  # type: ignore[operator]
    run = scripted(ScriptedPrimitives([]), [target], [Target.open(later.pid)])
    run.monitor.run(1_500_000)
    assert [t.pid for t in run.snapshots[-1].targets] == [target.pid, later.pid]


def test_a_failed_primitive_is_noted_and_the_others_go_on(target: Target) -> None:
    primitives = ScriptedPrimitives(
        lambda ctx, tick: primitives.fail("bad", "it broke") if tick == 3 else None,
        lambda ctx, tick: ctx.reports.extend(touch(target.pid, HOT)),
        names=["bad", "good"],
    )
    run = scripted(primitives, [target])
    run.monitor.run(100_000)
    assert run.snapshots[0].sources[0].failure == "it broke"
    assert "primitive bad has been stopped: it broke" in run.snapshots[0].notes
    assert run.snapshots[0].regions.nr_accesses.max() == 20


def test_the_run_fails_when_no_primitive_works_any_more(target: Target) -> None:
    primitives = ScriptedPrimitives(
        lambda ctx, tick: primitives.fail("only", "it broke") if tick == 3 else None, names=["only"]
    )
    run = scripted(primitives, [target])
    with pytest.raises(RunError, match=r"every primitive has failed.*only: it broke"):
        run.monitor.run(100_000)
    assert run.snapshots[-1].nr_samples == 4
    assert primitives.calls[-1] == "cleanup"
    assert run.source.closed


def test_everything_is_closed_when_a_primitive_does_not_start(target: Target) -> None:
    class Refusing(ScriptedPrimitives):
        def init(self, ctxs: object) -> None:
            raise PrimitiveError("not here")

    primitives = Refusing([])
    run = scripted(primitives, [target])
    with pytest.raises(PrimitiveError, match="not here"):
        run.monitor.run()
    assert primitives.calls == ["cleanup"]
    assert run.source.closed
    assert not target.alive()


def test_what_a_snapshot_taker_raises_ends_the_run_cleanly(target: Target) -> None:
    primitives = ScriptedPrimitives([])
    run = scripted(primitives, [target])
    run.monitor._on_snapshot = lambda snapshot: (_ for _ in ()).throw(RunError("disk full"))
    with pytest.raises(RunError, match="disk full"):
        run.monitor.run()
    assert primitives.calls[-1] == "cleanup"


def test_stop_ends_the_wait_and_what_was_seen_is_handed_out(target: Target) -> None:
    run = scripted(
        ScriptedPrimitives(lambda ctx, tick: run.monitor.stop() if tick == 2 else None), [target]
    )
    assert run.monitor.run() is Ending.STOPPED
    assert [s.nr_samples for s in run.snapshots] == [3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ops": Ops.PADDR}, "ops cannot change while monitoring"),
        ({"seed": 8}, "seed cannot change"),
        ({"min_region_sz": 8192}, "min_region_sz cannot change"),
    ],
)
def test_a_commit_of_what_cannot_change_is_refused_and_changes_nothing(
    target: Target, change: dict[str, object], message: str
) -> None:
    run = scripted(always(target, HOT), [target])
    with pytest.raises(ConfigError, match=message):
        run.monitor.commit(evolve(SPEC, **change))
    run.monitor.run(100_000)
    assert run.snapshots[0].nr_samples == 20


def commit_at(target: Target, tick: int, spec: ContextSpec, **kept: object) -> Scripted:
    def commit(ctx: object, now: int) -> None:
        if now == tick:
            run.monitor.commit(spec, **kept)  # type: ignore[arg-type]
        ctx.reports.extend(touch(target.pid, HOT))  # type: ignore[attr-defined]

    run = scripted(ScriptedPrimitives(commit), [target])
    return run


def test_a_commit_of_equal_attributes_changes_nothing(bystander: subprocess.Popen[bytes]) -> None:
    target = Target.open(bystander.pid)
    untouched = scripted(always(target, HOT), [target])
    untouched.monitor.run(500_000)
    run = commit_at(Target.open(bystander.pid), 7, SPEC)
    run.monitor.run(500_000)
    for ours, theirs in zip(run.snapshots, untouched.snapshots, strict=True):
        assert (ours.regions.start == theirs.regions.start).all()
        assert (ours.regions.age == theirs.regions.age).all()


def test_committed_intervals_take_effect_at_once_and_keep_what_was_seen(target: Target) -> None:
    run = commit_at(target, 9, evolve(SPEC, intervals=Intervals(10_000, 100_000, 1_000_000)))
    run.monitor.run(350_000)
    assert [s.nr_samples for s in run.snapshots[:3]] == [10, 10, 10]
    assert run.snapshots[1].intervals.sample_us == 10_000


def test_a_committed_quota_that_the_intervals_keep_does_not_end_the_window(target: Target) -> None:
    run = commit_at(target, 9, evolve(SPEC, cpu_quota=0.5))
    run.monitor.run(350_000)
    assert [s.nr_samples for s in run.snapshots[:3]] == [20, 20, 20]


def test_primitives_are_told_their_share_of_the_quota_also_of_a_committed_one(
    target: Target,
) -> None:
    shares: list[float] = []

    def commit(ctx: object, now: int) -> None:
        shares.append(ctx.cpu_quota)  # type: ignore[attr-defined]
        if now == 3:
            run.monitor.commit(evolve(SPEC, cpu_quota=0.5))

    run = scripted(ScriptedPrimitives(commit, []), [target], cpu_quota=0.1)
    run.monitor.run(100_000)
    assert shares == [0.05] * 4 + [0.25] * 16


def test_a_committed_region_limit_holds_after_one_window(target: Target) -> None:
    run = commit_at(target, 500, evolve(SPEC, nr_regions=NrRegions(3, 4)))
    run.monitor.run(3_500_000)
    assert len(run.snapshots[20].regions) > 7
    assert all(len(s.regions) <= 4 for s in run.snapshots[26:])


def test_committed_filters_are_used_from_the_next_tick(target: Target) -> None:
    only_writes = (SampleFilter("write"),)
    run = commit_at(target, 19, evolve(SPEC, filters=only_writes))
    run.monitor.run(200_000)
    assert [s.sources[0].counters.filtered for s in run.snapshots[:2]] == [0, 20]


def test_committed_ranges_replace_the_old(target: Target) -> None:
    ranges = (AddrRange(RANGE.start, RANGE.start + 64 * PAGE),)
    run = commit_at(target, 3, evolve(SPEC, ranges=ranges), space=FixedVaddr(ranges))
    run.monitor.run(100_000)
    assert int(run.snapshots[0].regions.end[-1]) == ranges[0].end


def test_no_more_than_eight_primitives_share_a_context(target: Target) -> None:
    with pytest.raises(ConfigError, match="9 primitives in one context: 1 to 8"):
        scripted(ScriptedPrimitives(*[[]] * 9), [target])
