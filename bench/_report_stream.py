"""Made-up streams of access reports, some with the ``nr_accesses`` that they amount to."""

from __future__ import annotations

import numpy as np
from attrs import field, frozen

from damon_core.access import REPORT_DTYPE, ReportFlag

PAGE = 4096
BASE = 0x7F00_0000_0000
SPREAD = 0.02


def draw_borders(rng: np.random.Generator, nr_regions: int, span: int) -> np.ndarray:
    """Borders of regions of whole pages that fill ``span`` bytes: uint64, one more than regions."""
    cuts = np.sort(rng.choice(span // PAGE - 1, nr_regions - 1, replace=False) + 1)
    return BASE + np.concatenate([[0], cuts, [span // PAGE]]).astype(np.uint64) * PAGE


def reports_at(addresses: np.ndarray, pid: int) -> np.ndarray:
    """One report of a byte each: REPORT_DTYPE rows."""
    reports = np.zeros(len(addresses), REPORT_DTYPE)
    reports["vaddr"] = addresses
    reports["size"] = 1
    reports["pid"] = pid
    reports["flags"] = ReportFlag.HAS_VADDR
    return reports


@frozen(eq=False)
class ScriptedStream:
    """Sampling intervals; every region is accessed in a known number of them.

    ``nr_accesses``: that number, a few hot regions and many cold ones.  An interval has
    ``nr_reports`` within 2 %; each region that is accessed has one of them, and the others fall on
    these by their heat.  ``runs``: the reports come region by region, else in any order.
    """

    borders: np.ndarray
    nr_ticks: int
    nr_reports: int
    pid: int
    runs: bool = False
    nr_accesses: np.ndarray = field(init=False)
    _accessed: np.ndarray = field(init=False)

    def __attrs_post_init__(self) -> None:
        rng = np.random.default_rng(len(self.borders))
        heat = rng.random(len(self.borders) - 1) ** 3
        nr = np.minimum((heat * (self.nr_ticks + 1)).astype(np.uint32), self.nr_ticks)
        in_order = np.arange(self.nr_ticks)[:, None] < nr
        object.__setattr__(self, "nr_accesses", nr)
        object.__setattr__(self, "_accessed", rng.permuted(in_order, axis=0))
        busiest = int(self._accessed.sum(axis=1).max())
        if busiest > self.nr_reports * (1 - SPREAD):
            raise ValueError(
                f"{self.nr_reports} reports cannot tell of {busiest} regions: ask for more reports"
            )

    def reports(self, tick: int) -> np.ndarray:
        """The same for the same tick: REPORT_DTYPE rows."""
        rng = np.random.default_rng((self.nr_reports, tick))
        accessed = np.flatnonzero(self._accessed[tick])
        heat = self.nr_accesses[accessed].astype(float)
        low, high = (round(self.nr_reports * (1 + part)) for part in (-SPREAD, SPREAD))
        nr_more = int(rng.integers(low, high, endpoint=True)) - len(accessed)
        region = np.concatenate((accessed, rng.choice(accessed, nr_more, p=heat / heat.sum())))
        if self.runs:
            region.sort()
        else:
            rng.shuffle(region)
        starts, sizes = self.borders[region], np.diff(self.borders)[region]
        return reports_at(starts + rng.integers(0, sizes, dtype=np.uint64), self.pid)
