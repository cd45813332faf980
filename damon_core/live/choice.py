"""Which regions the live view shows, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
from attrs import frozen

from .. import metrics
from ..model import AddrRange

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..record_names import TargetNames
    from .watch import Seen

SORTS = ("rate", "size", "age", "address")


@frozen
class Choice:
    """Order and filters; the largest come first, and the lowest address, unless ``reverse``.

    ``target``: an index.  ``min_percent``: least rate.  ``name``: part of a mapping's name, in
    lower case.
    """

    sort: str = "rate"
    reverse: bool = False
    target: int | None = None
    min_percent: int = 0
    name: str = ""

    def next_sort(self, step: int = 1) -> Choice:
        """The same, in another order."""
        place = (SORTS.index(self.sort) + step) % len(SORTS)
        return attrs.evolve(self, sort=SORTS[place])

    def unfiltered(self) -> Choice:
        """The order alone."""
        return Choice(self.sort, self.reverse)

    @property
    def filters(self) -> str:
        """The filters, in words; "" if there are none."""
        words = [] if self.target is None else [f"target {self.target}"]
        words += [f"rate >= {self.min_percent} %"] if self.min_percent else []
        words += [f"name has {self.name!r}"] if self.name else []
        return ", ".join(words)

    def rows(self, seen: Seen, mapping_of: Callable[[str | None], str]) -> np.ndarray:
        """Indices of the regions to show, in order; ``mapping_of`` spells a name as it is shown."""
        snapshot, regions = seen.snapshot, seen.snapshot.regions
        chosen = metrics.percent(regions.nr_accesses, snapshot.nr_samples) >= self.min_percent
        if self.target is not None:
            chosen &= regions.target == self.target
        rows = np.flatnonzero(chosen)
        if self.name:
            names = Names(seen)
            rows = rows[[self.name in mapping_of(names.of_row(int(row))).lower() for row in rows]]
        sizes = regions.end - regions.start
        # Equal ones keep the order of their addresses, so that rows do not jump about.
        if self.sort == "rate":
            rows = rows[np.lexsort((rows, -sizes[rows].astype(np.float64), -_rate(seen)[rows]))]
        elif self.sort != "address":
            key = sizes if self.sort == "size" else regions.age
            rows = rows[np.argsort(-key[rows].astype(np.int64), kind="stable")]
        return rows[::-1] if self.reverse else rows


class Names:
    """The mapping of each region."""

    def __init__(self, seen: Seen) -> None:
        self._regions = seen.snapshot.regions
        self._of: dict[int, TargetNames] = {known.target: known for known in seen.names}

    def of_row(self, row: int) -> str | None:
        """The name that most bytes of a region have; None if it has none."""
        regions = self._regions
        known = self._of.get(int(regions.target[row]))
        if known is None:
            return None
        return known.name_of(AddrRange(int(regions.start[row]), int(regions.end[row])))


def _rate(seen: Seen) -> np.ndarray:
    return seen.snapshot.regions.nr_accesses.astype(np.int64)
