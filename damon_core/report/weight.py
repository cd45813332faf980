"""Memory by idle time, or by temperature: how many bytes, as a histogram or percentiles."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

import numpy as np
from attrs import frozen

from .. import metrics
from ..units import about_size
from .head import head_lines
from .order import temperature_of
from .text import about_time, bar, columns_text, wrapped

if TYPE_CHECKING:
    from ..snapshot import Snapshot

PERCENTILES = (0, 1, 25, 50, 75, 99, 100)
_NR_BINS = 10
_BAR = 20

_MEANING = {
    "recency": "idle: time since the last access, 0 for what was accessed in the window",
    "temperature": (
        "temperature, damo's: 100 x percent of the samples with an access + 100 x microseconds at "
        "a similar rate; negative for what was not accessed in the window"
    ),
}


@frozen(eq=False)
class _Weighed:
    """Values of regions, ascending, with their bytes."""

    values: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, snapshot: Snapshot, key: str) -> _Weighed:
        regions = snapshot.regions
        if key == "recency":
            aggr_us = snapshot.intervals.aggr_us
            values = metrics.idle_us(regions.nr_accesses, regions.age, aggr_us)
        else:
            values = temperature_of(snapshot)
        order = np.argsort(values, kind="stable")
        sizes = (regions.end - regions.start)[order].astype(np.float64)
        return cls(values[order].astype(np.float64), sizes)


class SizeHistogram:
    """Bytes in ten equal steps of "recency" (idle time) or "temperature", as damo has them."""

    def __init__(self, snapshot: Snapshot, key: str, *, width: int = 80) -> None:
        self.snapshot, self.key, self.width = snapshot, key, width
        weighed = _Weighed.of(snapshot, key)
        low, high = weighed.values[[0, -1]].tolist() if len(weighed.values) else (0.0, 0.0)
        nr_bins = _NR_BINS if high > low else 1
        self.edges = np.linspace(low, max(high, low + 1), nr_bins + 1)
        at = np.clip(np.searchsorted(self.edges, weighed.values, side="right") - 1, 0, nr_bins - 1)
        self.sizes = np.bincount(at, weights=weighed.sizes, minlength=nr_bins)

    def render(self, file: IO[str]) -> None:
        """Write a line a step, with a bar."""
        for line in head_lines(self.snapshot, self.width):
            print(line, file=file)
        head = ("idle" if self.key == "recency" else self.key, "", "size")
        edges = [_value_text(self.key, edge) for edge in self.edges]
        rows = [
            head,
            *zip(edges, (f"to {edge}" for edge in edges[1:]), self._sizes(), strict=False),
        ]
        top = float(self.sizes.max()) or 1.0
        bars = ["", *(bar(size / top, _bar_width(self.width)) for size in self.sizes)]
        for line, mark in zip(columns_text(rows, left=0), bars, strict=True):
            print(f"{line} {mark}".rstrip(), file=file)
        for line in wrapped(_MEANING[self.key], self.width):
            print(line, file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object; microseconds of idle time or degrees, bytes."""
        table = {
            "snapshot": self.snapshot.index,
            "by": self.key,
            "steps": [
                {"from": float(low), "to": float(high), "bytes": float(size)}
                for low, high, size in zip(self.edges, self.edges[1:], self.sizes, strict=False)
            ],
        }
        json.dump(table, file)
        file.write("\n")

    def _sizes(self) -> list[str]:
        return [about_size(float(size)) for size in self.sizes]


class RegionPercentiles:
    """Idle times or temperatures that so many percent of the bytes do not exceed."""

    def __init__(self, snapshot: Snapshot, key: str, *, width: int = 80) -> None:
        self.snapshot, self.key, self.width = snapshot, key, width
        weighed = _Weighed.of(snapshot, key)
        reach = np.cumsum(weighed.sizes)
        self.values: dict[int, float] = {}
        if len(reach):
            wanted = np.array(PERCENTILES) / 100 * reach[-1]
            at = np.clip(np.searchsorted(reach, wanted, side="left"), 0, len(reach) - 1)
            self.values = dict(zip(PERCENTILES, weighed.values[at].tolist(), strict=True))

    def render(self, file: IO[str]) -> None:
        """Write a line a percentile."""
        for line in head_lines(self.snapshot, self.width):
            print(line, file=file)
        if not self.values:
            print("no region to show", file=file)
            return
        low, high = min(self.values.values()), max(self.values.values())
        rows = [("memory", "idle" if self.key == "recency" else self.key)]
        rows += [(f"{p} %", _value_text(self.key, value)) for p, value in self.values.items()]
        shares = [(value - low) / (high - low or 1) for value in self.values.values()]
        bars = ["", *(bar(share, _bar_width(self.width)) for share in shares)]
        for line, mark in zip(columns_text(rows, left=0), bars, strict=True):
            print(f"{line} {mark}".rstrip(), file=file)
        meaning = f"memory: so much of it has at most that value; {_MEANING[self.key]}"
        for line in wrapped(meaning, self.width):
            print(line, file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object; microseconds of idle time or degrees."""
        values = {str(percent): value for percent, value in self.values.items()}
        json.dump(
            {"snapshot": self.snapshot.index, "by": self.key, "percentiles": values},
            file,
        )
        file.write("\n")


def _value_text(key: str, value: float) -> str:
    return about_time(value) if key == "recency" else f"{value:,.0f}"


def _bar_width(width: int) -> int:
    return max(4, min(_BAR, width - 36))
