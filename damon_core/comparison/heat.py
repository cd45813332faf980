"""How often each page was touched, in truth and as it was seen, and whether the order agrees."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..model import AddrRange
from ..snapshot import Snapshot
from ..touching import Touching
from ..truth_log import TruthLog


def true_heat(log: TruthLog, pages: np.ndarray, start_ns: int, end_ns: int) -> np.ndarray:
    """float64[P]: touches of the pages at these addresses (uint64[P], ascending).

    Records that are only partly between the times count with that part; pages drawn at random
    with the mean of what was drawn.
    """
    heat = np.zeros(len(pages))
    for touching in log.touchings:
        common = min(end_ns, touching.t1) - max(start_ns, touching.t0)
        if common > 0:
            share = common / max(1, touching.t1 - touching.t0)
            _add(heat, pages, log.page_size, touching, share)
    return heat


def seen_heat(snapshots: Iterable[Snapshot], pid: int, pages: np.ndarray) -> np.ndarray:
    """float64[P]: mean share of the samples in which the page's region was accessed."""
    heat = np.zeros(len(pages))
    nr = 0
    for snapshot in snapshots:
        nr += 1
        regions = snapshot.regions
        mine = regions.pid == pid
        starts, ends = regions.start[mine], regions.end[mine]
        if not len(starts):
            continue
        rates = regions.nr_accesses[mine] / snapshot.nr_samples
        at = np.searchsorted(starts, pages, side="right") - 1
        inside = (at >= 0) & (pages < ends[np.maximum(at, 0)])
        heat[inside] += rates[at[inside]]
    return heat / max(1, nr)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Spearman's coefficient, ties ranked by their mean; None if either is the same everywhere."""
    ranks = [_ranks(values) for values in (one, other)]
    deviations = [rank - rank.mean() for rank in ranks] if len(one) else []
    spread = np.sqrt(np.prod([(deviation**2).sum() for deviation in deviations]))
    if not deviations or spread == 0:
        return None
    return float((deviations[0] * deviations[1]).sum() / spread)


def pages_of(ranges: Iterable[AddrRange], page_size: int) -> np.ndarray:
    """uint64[P]: the addresses of all pages of the ranges, ascending."""
    parts = [np.arange(one.start, one.end, page_size, dtype=np.uint64) for one in ranges]
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.uint64)


def _add(
    heat: np.ndarray, pages: np.ndarray, page_size: int, touching: Touching, share: float
) -> None:
    start, end = touching.range.start, touching.range.end
    first, last = np.searchsorted(pages, [start - start % page_size, end])
    if first == last:
        return
    times = touching.nr * share
    if touching.permille is not None:
        heat[first:last] += times * touching.permille / 1000
    elif touching.first is not None:
        heat[first:last] += times / (last - first)
    elif touching.stride <= page_size:
        heat[first:last] += times * page_size / touching.stride
    else:
        places = np.arange(start, end, touching.stride, dtype=np.uint64)
        at = np.searchsorted(pages, places, side="right") - 1
        np.add.at(heat, at, times)


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    means = np.cumsum(counts) - (counts - 1) / 2
    ranks: np.ndarray = means[inverse]
    return ranks
