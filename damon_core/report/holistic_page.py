"""The page of HTML with everything: below the heatmap sizes over time, and the hottest mappings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..units import about_size
from .footprint import IN_USE, RSS
from .overview import Overview
from .page import Page, page_data, page_with
from .plates import Plates
from .text import about_time, target_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..record_format import RecordHeader
    from ..record_names import TargetNames
    from .mappings import Mapping
    from .outline import Snapshots, TimeRows
    from .series import Series

_MAX_MAPPINGS = 12
# The number of the colour each kind of line has on the page.
_LINES = {IN_USE: ("working set", 0), RSS: ("resident (RSS)", 1)}


def holistic_page(
    header: RecordHeader,
    snapshots: Snapshots,
    names: Sequence[TargetNames] = (),
    *,
    title: str = "Recording",
) -> Page:
    """The page of a recording that has snapshots; LookupError if none has a region."""
    plates = Plates.of(snapshots, names)
    overview = Overview(header, snapshots, names, nr_rows=0, also=plates.add)
    info = overview.info
    about = [
        header.machine,
        f"{info.nr_snapshots} snapshots in {about_time(info.length_us)}",
        f"the monitor took {info.cpu_share:.2%} of one CPU",
    ]
    data = page_data(plates, title, " · ".join(filter(None, about)))
    series = {one.target.index: one for one in overview.footprint.series.shown() if one.target}
    hottest = overview.mappings.hottest()
    for target in data["targets"]:
        index = target["index"]
        if index in series:
            target["series"] = list(_lines(series[index], plates.rows))
        mine = [one for one in hottest if one.target == index]
        target["tables"] = [_mappings(mine)] if mine else []
    if len(data["targets"]) > 1:
        data["tables"] = [_targets(list(series.values()))]
    return page_with(data)


def _lines(series: Series, rows: TimeRows) -> Iterator[dict[str, Any]]:
    """Sizes by row of time, in bytes: means, null where nothing is known."""
    ends = np.array(series.ends_ns, np.int64)
    for kind, (label, color) in _LINES.items():
        sizes = by_row(rows, ends, series.of(kind))
        texts = [round(size) if math.isfinite(size) else None for size in sizes.tolist()]
        yield {"label": label, "color": color, "sizes": texts}


def by_row(rows: TimeRows, ends_ns: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Mean of the numbers of windows that end in a row; float64[rows], NaN where nothing is known.

    A row in which none ends has the number of the window that it lies in.
    """
    # As float64, for times of any size; those of today are exact to a microsecond.
    ends = np.sort(ends_ns).astype(np.float64) - float(rows.start_ns)
    numbers = numbers[np.argsort(ends_ns, kind="stable")]
    at = np.clip(np.ceil(ends / rows.row_ns) - 1, 0, rows.nr - 1).astype(np.intp)
    known = np.isfinite(numbers)
    nr = np.bincount(at[known], minlength=rows.nr)
    sums = np.bincount(at[known], weights=numbers[known], minlength=rows.nr)
    means = np.full(rows.nr, np.nan)
    np.divide(sums, nr, out=means, where=nr > 0)
    if len(ends) > 1:
        row_ends = (np.arange(rows.nr) + 1.0) * rows.row_ns
        after = np.minimum(np.searchsorted(ends, row_ends), len(ends) - 1)
        inside = (nr == 0) & (ends[after] - row_ends < np.median(np.diff(ends)))
        means[inside] = numbers[after[inside]]
    return means


def _mappings(hottest: list[Mapping]) -> dict[str, Any]:
    everything = sum(one.in_use for one in hottest)
    rows = [
        [
            one.name,
            about_size(one.in_use),
            f"{100 * one.in_use / everything:.1f} %",
            about_size(one.size),
        ]
        for one in hottest[:_MAX_MAPPINGS]
    ]
    return {
        "title": "Hottest mappings",
        "head": ["mapping", "in use, mean", "share", "mapped at the end"],
        "rows": rows,
    }


def _targets(series: list[Series]) -> dict[str, Any]:
    rows = []
    for one in series:
        if one.target:
            sizes = [one.mean(kind) for kind in _LINES]
            texts = [about_size(size) if np.isfinite(size) else "unknown" for size in sizes]
            rows.append([target_text(one.target), *texts])
    return {"title": "Targets", "head": ["target", "working set, mean", "RSS, mean"], "rows": rows}
