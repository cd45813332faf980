"""A sampler of memory accesses that is made up, over pages whose heat is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from ..access import REPORT_DTYPE, ReportFlag
from ..model import AddrRange

if TYPE_CHECKING:
    from ..primitive import PrimitiveContext
    from ..snapshot import SnapshotRegions


@frozen(eq=False)
class Heat:
    """Accesses per second to each page from ``start`` (bytes) on: float64, one number a page."""

    start: int
    page_size: int
    rates: np.ndarray

    @classmethod
    def zipf(
        cls,
        area: AddrRange,
        hot: AddrRange,
        *,
        page_size: int,
        rate: float,
        cold_share: float,
        exponent: float,
    ) -> Heat:
        """``rate`` accesses per second, of which ``cold_share`` go evenly to what is not ``hot``.

        Within ``hot`` the page of rank r, counted from its start, gets a share as r**-exponent.
        """
        rates = np.empty(area.size // page_size)
        first, end = ((edge - area.start) // page_size for edge in (hot.start, hot.end))
        rates[:] = rate * cold_share / (len(rates) - (end - first))
        shares = np.arange(1, end - first + 1) ** -exponent
        rates[first:end] = rate * (1 - cold_share) * shares / shares.sum()
        return cls(area.start, page_size, rates)

    @property
    def range(self) -> AddrRange:
        """All pages."""
        return AddrRange(self.start, self.start + len(self.rates) * self.page_size)

    def chance_of_a_sample(self, seconds: float, period: float) -> np.ndarray:
        """For each page, that one of its accesses is sampled in that time: 1 - exp(-h t / P)."""
        return -np.expm1(-self.rates * seconds / period)

    def estimated(self, regions: SnapshotRegions, seconds: float, period: float) -> np.ndarray:
        """Accesses per second to each page, as a snapshot tells: even within a region.

        ``seconds``: the length of its window; of its sources, only the first is looked at.
        """
        rates = np.zeros(len(self.rates))
        for start, end, hits in zip(
            regions.start.tolist(), regions.end.tolist(), regions.hits[0].tolist(), strict=True
        ):
            first, last = ((edge - self.start) // self.page_size for edge in (start, end))
            rates[first:last] = hits * period / seconds / max(1, last - first)
        return rates


@define(eq=False)
class SimulatedSampler:
    """One of every ``period`` accesses, as a PMU would sample them: a script for one primitive.

    For :class:`ScriptedPrimitives`.  The accesses of each sampling interval are drawn anew: of a
    page with heat h as a Poisson number with the mean h x interval / period.  Reports carry the
    period as their weight.  ``nr_samples``: how often each page was sampled so far.
    """

    heat: Heat
    period: int
    pid: int
    seed: int = 0
    nr_samples: np.ndarray = field(init=False)
    _random: np.random.Generator = field(init=False)
    _shares: np.ndarray = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._shares = np.cumsum(self.heat.rates) / self.heat.rates.sum()
        self._shares[-1] = 1.0  # whatever the sum was rounded to
        self.nr_samples = np.zeros(len(self.heat.rates), np.int64)

    def __call__(self, ctx: PrimitiveContext, tick: int) -> None:
        """Report what is sampled in one interval."""
        pages = self.draw(ctx.intervals.sample_us / 1e6)
        rows = np.zeros(len(pages), REPORT_DTYPE)
        rows["vaddr"] = self.heat.start + pages * self.heat.page_size
        rows["size"] = 1
        rows["pid"] = self.pid
        rows["weight"] = min(self.period, 2**32 - 1)
        rows["flags"] = ReportFlag.HAS_VADDR
        ctx.reports.extend(rows)

    def draw(self, seconds: float) -> np.ndarray:
        """Page numbers of the samples of so many seconds, in no order."""
        # Poisson numbers that are independent page by page are one of all, dealt out by share.
        nr = self._random.poisson(self.heat.rates.sum() * seconds / self.period)
        pages: np.ndarray = np.searchsorted(self._shares, self._random.random(nr), side="right")
        self.nr_samples += np.bincount(pages, minlength=len(self.nr_samples))
        return pages


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's: 1 if both put the same in the same order, 0 if one tells nothing of the other."""
    ranks = _ranks(one), _ranks(other)
    if any(np.ptp(rank) == 0 for rank in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """From 1 up; equal ones share the mean of theirs."""
    _, group, nr = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(nr)
    ranks: np.ndarray = (last - (nr - 1) / 2)[group]
    return ranks
