"""Regions as vectors write them, in a region map of the engine, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import numpy as np

from ..._native import lib
from ...model import AddrRange
from ...regions import REGION_DTYPE, RegionMap

Range = Sequence[int]


def row(
    start: int, end: int, nr: int = 0, last: int = 0, age: int = 0, hits: int = 0
) -> np.ndarray:
    """One region; ``hits`` of the first source."""
    region = np.zeros(1, REGION_DTYPE)
    region["start"], region["end"] = start, end
    region["nr_accesses"], region["last_nr_accesses"], region["age"] = nr, last, age
    region["hits"][0, 0] = hits
    return region


def loaded(
    *targets: Iterable[np.ndarray],
    min_region_sz: int = 1,
    seed: int = 1,
    pids: Iterable[int] | None = None,
) -> RegionMap:
    """A region map with these regions, one iterable of rows per target."""
    region_map = RegionMap(seed, min_region_sz)
    for pid, rows in zip(pids or count(1), targets, strict=False):
        target = region_map.add_target(pid, min_region_sz)
        region_map.load(target, np.concatenate([np.empty(0, REGION_DTYPE), *rows]))
    return region_map


def ranged(ranges: Iterable[Range], min_region_sz: int = 1, seed: int = 1) -> RegionMap:
    """A region map with one target whose regions are these, new."""
    return loaded([row(*each) for each in ranges], min_region_sz=min_region_sz, seed=seed)


def addr_ranges(ranges: Iterable[Range]) -> list[AddrRange]:
    """Pairs of a vector as the engine takes them."""
    return [AddrRange(start, end) for start, end in ranges]


def borders(region_map: RegionMap, target: int = 0) -> list[list[int]]:
    """[start, end] of each region."""
    rows = region_map.regions(target)
    return [list(pair) for pair in zip(column(rows, "start"), column(rows, "end"), strict=True)]


def column(rows: np.ndarray, name: str) -> list[Any]:
    """One field of all rows, as plain numbers."""
    values: list[Any] = rows[name].tolist()
    return values


def merge_pass(region_map: RegionMap, threshold: int, sz_limit: int, count_age: bool) -> None:
    """One pass of merging over the first target."""
    lib.damon_merge_regions_of(region_map.c.targets, threshold, sz_limit, count_age)
