"""Every sample that is not reported is in a counter, once, under a name that says why."""

from __future__ import annotations

from attrs import evolve

from damon_core import PrimitiveContext
from damon_core.model import Intervals, Ops
from damon_core.perf_decoding import PerfCounts
from damon_core.perf_sampling import PerfTotals
from damon_core.testing import RecordedReports
from damon_perf_pmu.tally import Tally

COUNTS = PerfCounts(
    samples=1000,
    reports=100,
    other_process=200,
    kernel=150,
    no_address=40,
    prefetches=60,
    no_access=440,
    malformed=10,
    lost=5,
    lost_samples=7,
    throttled=3,
    others=9,
    corrupt=1,
)
TOTALS = PerfTotals(
    nr_events=5000,
    nr_lost=30,
    nr_grown=2,
    ring_bytes=1 << 18,
    counts=COUNTS,
    enabled_ns=9_000_000,
    running_ns=6_500_000,
)


def context() -> tuple[PrimitiveContext, RecordedReports]:
    reports = RecordedReports()
    ctx = PrimitiveContext(
        "perf_pmu",
        Ops.VADDR,
        Intervals(),
        4096,
        reports,  # type: ignore[arg-type]  # as much of it as is used
    )
    return ctx, reports


def test_every_total_becomes_a_counter_and_hardware_loss_a_loss_of_reports() -> None:
    ctx, reports = context()
    assert Tally(is_physical=False, is_of_machine=True).add(ctx, TOTALS) == 1030
    assert ctx.counters == {
        "samples": 1000,
        "other_process": 200,
        "kernel_address": 150,
        "no_address": 40,
        "prefetches": 60,
        "no_operation": 440,
        "malformed": 10,
        "lost_in_ring": 30,
        "lost_in_hardware": 7,
        "throttled": 3,
        "multiplexed_us": 2500,
        "rings_grown": 2,
        "corrupt_rings": 1,
    }
    assert reports.nr_lost == 7  # those of the ring were lost where it was read


def test_only_what_is_new_is_added() -> None:
    ctx, reports = context()
    tally = Tally(is_physical=False, is_of_machine=True)
    tally.add(ctx, TOTALS)
    before = dict(ctx.counters)
    assert tally.add(ctx, TOTALS) == 0
    assert ctx.counters == before
    later = evolve(TOTALS, nr_lost=31, counts=evolve(COUNTS, samples=1004, kernel=153))
    assert tally.add(ctx, later) == 5
    assert ctx.counters == {
        **before,
        "samples": 1004,
        "kernel_address": 153,
        "lost_in_ring": 31,
    }
    assert reports.nr_lost == 7


def test_events_of_threads_are_not_called_multiplexed_while_these_run_elsewhere() -> None:
    ctx, _ = context()
    Tally(is_physical=False, is_of_machine=False).add(ctx, TOTALS)
    assert "multiplexed_us" not in ctx.counters


def test_of_physical_memory_it_is_the_physical_address_that_is_missing() -> None:
    ctx, _ = context()
    Tally(is_physical=True, is_of_machine=True).add(ctx, TOTALS)
    assert ctx.counters["no_physical_address"] == 40
    assert "no_address" not in ctx.counters


def test_counters_that_stay_0_are_left_out_but_for_the_samples() -> None:
    ctx, _ = context()
    nothing = PerfTotals(nr_events=0, nr_lost=0, nr_grown=0, ring_bytes=0, counts=PerfCounts())
    Tally(is_physical=False, is_of_machine=True).add(ctx, nothing)
    assert ctx.counters == {"samples": 0}
