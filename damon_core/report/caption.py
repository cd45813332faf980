"""What is told beside every picture: of whom, by what, how often it was looked, from when on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from .text import about_time, clock_time, printable, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    class Seen(Protocol):
        """Mechanism by primitive, intervals of the windows, and when the first began."""

        @property
        def sources(self) -> Mapping[str, str]: ...
        @property
        def sample_us(self) -> Sequence[int]: ...
        @property
        def aggr_us(self) -> Sequence[int]: ...
        @property
        def start_ns(self) -> int: ...


_MAX_NAME = 60


@frozen
class Caption:
    """One line each: ``by`` which primitives, at which ``pace``, and ``since`` when."""

    by: str
    pace: str
    since: str

    @classmethod
    def of(cls, seen: Seen) -> Caption:
        """The words for an seen."""
        sources = [
            printable(f"{name} ({mechanism})" if mechanism else name)
            for name, mechanism in seen.sources.items()
        ]
        return cls(
            by=shortened(", ".join(sources) or "no primitive", 2 * _MAX_NAME),
            pace=f"sample {_span(seen.sample_us)}, aggregation {_span(seen.aggr_us)}",
            since=clock_time(seen.start_ns),
        )


def _span(times_us: Sequence[int]) -> str:
    """The usual interval; where they differ much, without the extremes, from which to which."""
    in_order = sorted(times_us)
    low, middle, high = (in_order[int((len(in_order) - 1) * share)] for share in (0.05, 0.5, 0.95))
    if high <= 1.5 * low:
        return about_time(middle)
    return f"{about_time(low)} to {about_time(high)}"
