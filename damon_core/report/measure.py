"""What a heatmap can show of a region: the rate of accessed samples, accessed bytes, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..snapshot import Snapshot

_MIB = 1 << 20


@frozen
class Measure:
    """A heat with its name on the command line, and its unit in words.

    Heat is a density: it is summed up in masses (heat x bytes) and then shared out to the bytes of
    a cell.  ``source``: the primitive whose reports are counted.
    """

    key: str
    label: str
    unit: str
    source: str | None = None

    @property
    def percent(self) -> bool:
        """Whether heat is a share, at most 100."""
        return self.source is None

    @property
    def power(self) -> float:
        """Of the place on the ramp, which then is the share of the highest heat."""
        return 1 if self.percent else 4

    def place(self, share: float) -> float:
        """Place on a ramp from 0 to 1 of a share of the highest heat.

        Counts of reports differ by orders of magnitude, so that their scale is not even.
        """
        return float(share ** (1 / self.power))

    def heat_at(self, place: float) -> float:
        """The share of the highest heat at a place on the ramp."""
        return float(place**self.power)

    def masses(self, snapshot: Snapshot, sizes: np.ndarray) -> np.ndarray:
        """Heat x bytes of each region; ``sizes`` float64[R] are those of the regions."""
        regions = snapshot.regions
        if self.source is not None:
            names = [source.name for source in snapshot.sources]
            if self.source not in names:
                return np.zeros(len(sizes))
            hits = regions.hits[names.index(self.source)].astype(np.float64)
            masses: np.ndarray = hits * (_MIB * 1e6 / snapshot.intervals.aggr_us)
            return masses
        masses = sizes * (regions.nr_accesses * (100 / snapshot.nr_samples))
        if self.key == BYTES.key:
            told = ~np.isnan(regions.accessed_bytes)
            # A damaged recording may hold any number.
            accessed = np.minimum(np.maximum(regions.accessed_bytes, 0), sizes)
            return np.where(told, 100 * accessed, masses)
        return masses


SAMPLES = Measure("samples", "access rate", "% of samples with an access")
BYTES = Measure("bytes", "accessed bytes", "% of bytes accessed in a sampling interval")


def measure_of(key: str) -> Measure:
    """The measure of a name: "samples", "bytes", or else the reports of a primitive."""
    for measure in (SAMPLES, BYTES):
        if measure.key == key:
            return measure
    return Measure(key, f"reports of {key}", "access reports per second and MiB", source=key)


def measures_of(sources: Iterable[str], *, bytes_told: bool = True) -> tuple[Measure, ...]:
    """All that a recording with these primitives can show."""
    keys = ["samples", *(["bytes"] if bytes_told else []), *sources]
    return tuple(measure_of(key) for key in dict.fromkeys(keys))
