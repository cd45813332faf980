"""The simulated sampler draws what it says, and the monitor sees more of it in shorter periods."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.access import ReportFlag
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.primitive import PrimitiveContext
from damon_core.score import Score, score_spans
from damon_core.spans import Spans
from damon_core.target import Target
from damon_core.testing import RecordedReports, ScriptedPrimitives
from damon_core.testing.simulated import Heat, SimulatedSampler, rank_correlation
from damon_core.truth import Touches
from tests.scripted_context import PAGE, RANGE, SPEC, scripted

HOT = AddrRange(RANGE.start + 96 * PAGE, RANGE.start + 128 * PAGE)
HEAT = Heat.zipf(RANGE, HOT, page_size=PAGE, rate=1e6, cold_share=0.01, exponent=0.5)
HOT_RATE = 1000.0
PERIODS = (10, 1_000, 100_000)
NR_WINDOWS = 30


def sampler(period: int, seed: int = 1, heat: Heat = HEAT) -> SimulatedSampler:
    return SimulatedSampler(heat, period, os.getpid(), seed)


def test_heat_is_dealt_out_as_asked():
    hot = HEAT.rates[96:128]
    assert HEAT.rates.sum() == pytest.approx(1e6)
    assert hot.sum() == pytest.approx(0.99e6)
    assert hot[0] / hot[3] == pytest.approx(2)
    assert np.ptp(np.delete(HEAT.rates, range(96, 128))) == 0
    assert HEAT.range == RANGE


def test_a_report_is_in_its_page_and_stands_for_a_period_of_accesses():
    reports = RecordedReports()
    ctx = PrimitiveContext("made up", Ops.FVADDR, Intervals(), PAGE, reports)  # type: ignore[arg-type]
    one = sampler(100)
    one(ctx, 0)
    rows = reports.rows()
    assert (rows["weight"] == 100).all()
    assert (rows["flags"] == ReportFlag.HAS_VADDR).all()
    assert (rows["pid"] == os.getpid()).all()
    numbers = (rows["vaddr"].astype(int) - RANGE.start) // PAGE
    assert np.bincount(numbers, minlength=256).tolist() == one.nr_samples.tolist()


def test_samples_times_period_are_the_accesses():
    one = sampler(50)
    for _ in range(100):
        one.draw(0.01)
    # Poisson: the deviation is the root of the number of samples, 20,000 and 140 here.
    assert one.nr_samples.sum() * 50 == pytest.approx(1e6, abs=5 * 50 * 20_000**0.5)


@pytest.mark.parametrize("mean", [0.1, 1.0, 3.0])
def test_a_page_has_a_sample_with_the_chance_that_the_formula_says(mean: float):
    nr_pages, period, seconds = 20_000, 7, 0.25
    heat = Heat(0, PAGE, np.full(nr_pages, mean * period / seconds))
    one = sampler(period, heat=heat)
    one.draw(seconds)
    chance = 1 - np.exp(-mean)
    assert heat.chance_of_a_sample(seconds, period) == pytest.approx(np.full(nr_pages, chance))
    deviation = (chance * (1 - chance) / nr_pages) ** 0.5
    assert (one.nr_samples > 0).mean() == pytest.approx(chance, abs=5 * deviation)
    if mean == 3.0:
        assert chance >= 0.95


def test_a_seed_gives_the_same_samples_again():
    one, same, other = sampler(100, 5), sampler(100, 5), sampler(100, 6)
    drawn = [s.draw(0.1).tolist() for s in (one, same, other)]
    assert drawn[0] == drawn[1] != drawn[2]


numbers = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=30)


@given(numbers)
def test_rank_correlation_is_that_of_another_library(pairs: list[tuple[int, int]]):
    one, other = (np.array(column) for column in zip(*pairs, strict=True))
    ranks = pd.Series(one).rank(), pd.Series(other).rank()
    if any(rank.nunique() == 1 for rank in ranks):
        assert rank_correlation(one, other) == 0
    else:
        assert rank_correlation(one, other) == pytest.approx(ranks[0].corr(ranks[1]))


def monitored(period: int) -> tuple[float, float, float]:
    """Precision, recall and rank correlation of the hot set, means over windows."""
    run = scripted(ScriptedPrimitives(sampler(period)), [Target.open(os.getpid())])
    run.monitor.run(2 * NR_WINDOWS * SPEC.intervals.aggr_us)  # type: ignore[union-attr]
    hot = HEAT.rates > HOT_RATE
    truth = Touches(Spans.of([(HOT.start, HOT.end)]), Spans.of(()))
    scores: list[Score] = []
    ranks: list[float] = []
    for snapshot in run.snapshots[NR_WINDOWS:]:
        told = HEAT.estimated(snapshot.regions, 0.1, period)
        pages = np.flatnonzero(told > HOT_RATE) + RANGE.start // PAGE
        scores.append(score_spans(Spans.of_pages(pages, PAGE), truth))
        ranks.append(rank_correlation(told[hot], HEAT.rates[hot]))
    return (
        float(np.mean([score.precision for score in scores])),
        float(np.mean([score.recall for score in scores])),
        float(np.mean(ranks)),
    )


def test_a_shorter_period_finds_more_of_the_hot_set():
    short, middle, long = (monitored(period) for period in PERIODS)
    assert short[0] >= 0.9
    assert short[1] >= 0.99
    assert short[1] >= middle[1] > long[1]
    assert long[1] < 0.5
    # Not higher and higher: where every region is accessed in each sample, all look the same.
    assert min(short[2], middle[2]) > 2 * long[2]


def test_a_shorter_period_tells_the_order_of_pages_better():
    found = []
    for period in PERIODS:
        one = sampler(period)
        one.draw(1.0)
        hot = HEAT.rates > HOT_RATE
        found.append(rank_correlation(one.nr_samples[hot], HEAT.rates[hot]))
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.95
    assert found[-1] < 0.5


def test_reports_are_credited_whatever_the_period():
    for period in PERIODS:
        one = sampler(period)
        run = scripted(ScriptedPrimitives(one), [Target.open(os.getpid())])
        run.monitor.run(3 * SPEC.intervals.aggr_us)  # type: ignore[union-attr]
        counters = [snapshot.sources[0].counters for snapshot in run.snapshots]
        assert sum(c.credited for c in counters) == one.nr_samples.sum()
        assert sum(c.total for c in counters) == one.nr_samples.sum()
