"""What is told beside every picture: of whom, by what, how often it was looked, from when on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from .text import about_time, clock_time, printable, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .outline import Outline

_MAX_NAME = 60


@frozen
class Caption:
    """One line each: ``by`` which primitives, at which ``pace``, and ``since`` when."""

    by: str
    pace: str
    since: str

    @classmethod
    def of(cls, outline: Outline) -> Caption:
        """The words for an outline."""
        sources = [
            printable(f"{name} ({mechanism})" if mechanism else name)
            for name, mechanism in outline.sources.items()
        ]
        return cls(
            by=shortened(", ".join(sources) or "no primitive", 2 * _MAX_NAME),
            pace=f"sample {_span(outline.sample_us)}, aggregation {_span(outline.aggr_us)}",
            since=clock_time(outline.start_ns),
        )


def _span(times_us: Sequence[int]) -> str:
    """The usual interval; where they differ much, without the extremes, from which to which."""
    in_order = sorted(times_us)
    low, middle, high = (in_order[int((len(in_order) - 1) * share)] for share in (0.05, 0.5, 0.95))
    if high <= 1.5 * low:
        return about_time(middle)
    return f"{about_time(low)} to {about_time(high)}"
