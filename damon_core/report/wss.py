"""The working set size: how many bytes were in use, by target, over the snapshots."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

import numpy as np
from attrs import define, field

from ..units import about_size
from .text import columns_text, target_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..snapshot import Snapshot, SnapshotRegions, TargetState

QUARTILES = (0, 25, 50, 75, 100)
_BAR = 40


@define
class _Sizes:
    """Working set of one target (None: of all) in each snapshot that has it, in bytes."""

    target: TargetState | None
    sizes: list[float] = field(factory=list)


class WorkingSet:
    """Percentiles of the working set size.

    A region counts with its accessed bytes (mean over the sampling intervals of the window) where a
    primitive can tell them, else with its whole size if it was accessed in at least
    ``acc_thres`` samples.  ``by_region`` takes the second rule for all, as damo does.
    ``by_time``: the sizes in the order of time instead of size.
    """

    def __init__(
        self,
        snapshots: Iterable[Snapshot],
        *,
        percentiles: Sequence[int] = QUARTILES,
        by_region: bool = False,
        acc_thres: int = 1,
        by_time: bool = False,
    ) -> None:
        self.percentiles = tuple(percentiles)
        self.by_region = by_region
        self.acc_thres = acc_thres
        self.by_time = by_time
        self.nr_snapshots = 0
        self._total = _Sizes(None)
        self._targets: dict[int, _Sizes] = {}
        self._bytes_told = 0.0
        self._bytes = 0.0
        for snapshot in snapshots:
            self._add(snapshot)

    @property
    def share_told(self) -> float:
        """Share of the monitored bytes whose accessed bytes a primitive could tell."""
        return self._bytes_told / self._bytes if self._bytes else 0.0

    def median(self) -> float:
        """Median of the whole working set, in bytes; 0 without snapshots."""
        return self._at(self._total, 50) if self.nr_snapshots else 0.0

    def render(self, file: IO[str]) -> None:
        """Write a table of percentiles for each target, and for all where there are several."""
        print(f"working set size in {self.nr_snapshots} snapshots", file=file)
        for line in self._rule():
            print(f"  {line}", file=file)
        for series in self._shown():
            whose = target_text(series.target) if series.target else "all targets"
            print(f"{whose}, {len(series.sizes)} snapshots", file=file)
            rows = [("time" if self.by_time else "percentile", "size")]
            rows += [(f"{p} %", about_size(self._at(series, p))) for p in self.percentiles]
            rows.append(("mean", about_size(float(np.mean(series.sizes)))))
            lines = columns_text(rows, left=0)
            largest = max((self._at(series, p) for p in self.percentiles), default=0) or 1
            bars = ["#" * round(_BAR * self._at(series, p) / largest) for p in self.percentiles]
            for line, bar in zip(lines, ["", *bars, ""], strict=True):
                print(f"{line}  {bar}".rstrip(), file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object; sizes are bytes, ``sizes`` those of each snapshot in order."""
        json.dump(
            {
                "nr_snapshots": self.nr_snapshots,
                "rule": "regions" if self.by_region else "accessed_bytes",
                "acc_thres": self.acc_thres,
                "share_told": 0.0 if self.by_region else self.share_told,
                "targets": [
                    {
                        "target": series.target.index if series.target else None,
                        "pid": series.target.pid if series.target else None,
                        "percentiles": {str(p): self._at(series, p) for p in self.percentiles},
                        "mean": float(np.mean(series.sizes)),
                        "sizes": series.sizes,
                    }
                    for series in self._shown()
                ],
            },
            file,
        )
        file.write("\n")

    def _add(self, snapshot: Snapshot) -> None:
        regions = snapshot.regions
        sizes = self._sizes_of(regions)
        # Regions are sorted by target, whose indices may be any number.
        borders = np.flatnonzero(np.diff(regions.target)) + 1
        known = {target.index: target for target in snapshot.targets}
        sums = {
            int(part[0]): float(mine.sum())
            for part, mine in zip(
                np.split(regions.target, borders), np.split(sizes, borders), strict=True
            )
            if len(part)
        }
        for index, target in known.items():
            series = self._targets.setdefault(index, _Sizes(target))
            series.target = target
            series.sizes.append(sums.get(index, 0.0))
        self._total.sizes.append(float(sizes.sum()))
        self.nr_snapshots += 1

    def _sizes_of(self, regions: SnapshotRegions) -> np.ndarray:
        whole = (regions.end - regions.start).astype(np.float64)
        used = np.where(regions.nr_accesses >= self.acc_thres, whole, 0.0)
        if self.by_region:
            return used
        told = ~np.isnan(regions.accessed_bytes)
        self._bytes += float(whole.sum())
        self._bytes_told += float(whole[told].sum())
        return np.where(told, regions.accessed_bytes, used)

    def _shown(self) -> list[_Sizes]:
        series = [self._targets[index] for index in sorted(self._targets)]
        several = len(series) > 1 and self.nr_snapshots
        return [*series, self._total] if several else series

    def _at(self, series: _Sizes, percentile: int) -> float:
        sizes = series.sizes if self.by_time else sorted(series.sizes)
        return sizes[min(len(sizes) * percentile // 100, len(sizes) - 1)]

    def _rule(self) -> list[str]:
        whole = f"whole size of regions accessed in {self.acc_thres} samples or more"
        if self.by_region or not self.share_told:
            return [whole]
        exact = "bytes accessed in a sampling interval, mean of each window"
        if self.share_told > 0.9995:
            return [exact]
        return [exact, f"where known ({self.share_told:.1%} of the memory); elsewhere", whole]
