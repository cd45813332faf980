"""Resident memory beside the working set: what is held, and what of it is in use."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

from ..units import about_size
from .series import Places, SeriesOfTargets, sums_by_target
from .text import wrapped
from .use_rule import KnownBytes, UseRule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..snapshot import Snapshot

RSS, IN_USE, SHARE = "rss", "wss", "share"

_LEGEND = (
    "RSS: resident memory at the end of a window, - where unknown; share: of the RSS that is in "
    "use; in use: "
)


class Footprint:
    """Percentiles of the RSS, of the working set, and of the share of the RSS that is in use.

    The RSS of all targets together is the sum over their processes, of those that are known: pages
    that processes share count for each.
    """

    def __init__(
        self,
        snapshots: Iterable[Snapshot] = (),
        *,
        rule: UseRule | None = None,
        places: Places | None = None,
        width: int = 80,
    ) -> None:
        self.rule = rule or UseRule()
        self.places = places or Places()
        self.width = width
        self.series = SeriesOfTargets()
        self.known = KnownBytes()
        for snapshot in snapshots:
            self.add(snapshot)

    def add(self, snapshot: Snapshot) -> None:
        """Take in one snapshot."""
        self.known.add(snapshot.regions)
        in_use = sums_by_target(snapshot.regions, self.rule.sizes(snapshot.regions))
        rss = {one.index: one.rss for one in snapshot.targets if one.rss is not None}
        by_target = {
            target.index: _numbers(rss.get(target.index), in_use.get(target.index, 0.0))
            for target in snapshot.targets
        }
        held = {one.pid: one.rss for one in snapshot.targets if one.rss is not None}
        everything = sum(held.values()) if held else None
        self.series.add(snapshot, by_target, _numbers(everything, sum(in_use.values())))

    def render(self, file: IO[str]) -> None:
        """Write a table for each target, and for all where there are several."""
        for line in wrapped(f"footprint in {self.series.nr_snapshots} snapshots", self.width):
            print(line, file=file)
        heads = {
            RSS: ("RSS", about_size),
            IN_USE: ("in use", about_size),
            SHARE: ("share", "{:.3g} %".format),
        }
        for series in self.series.shown():
            for line in self.series.lines(series, self.places, heads, self.width):
                print(line, file=file)
        legend = _LEGEND + ", ".join(self.rule.texts(self.known.share))
        if not self.places.by_time:
            legend += "; each column is sorted by itself"
        for line in wrapped(legend, self.width):
            print(line, file=file)

    def render_json(self, file: IO[str]) -> None:
        """Write one object; bytes, percent; null where the RSS is unknown."""
        json.dump(
            {
                "nr_snapshots": self.series.nr_snapshots,
                "by_time": self.places.by_time,
                "targets": [
                    {
                        **series.whose(),
                        **{
                            kind: series.json_of(kind, self.places, "values")
                            for kind in (RSS, IN_USE, SHARE)
                        },
                    }
                    for series in self.series.shown()
                ],
            },
            file,
        )
        file.write("\n")


def _numbers(rss: int | None, in_use: float) -> dict[str, float]:
    known = float("nan") if rss is None else float(rss)
    share = 100 * in_use / known if known else float("nan")
    return {RSS: known, IN_USE: in_use, SHARE: share}
