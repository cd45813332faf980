"""A phase whose windows move, cut into phases in which they stand still."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from ..errors import WorkloadError
from .directives import Window
from .plan import Pattern, Phase

MAX_MOVES = 100_000


def moving(
    name: str,
    duration_us: int,
    patterns: Sequence[tuple[Pattern, Window | None]],
    sizes: Sequence[int],
) -> tuple[Phase, ...]:
    """The phases of one phase; ``sizes`` are the bytes of each region.

    WorkloadError if a window is larger than its region, or moves more than MAX_MOVES times.
    """
    moves = {0}
    for pattern, window in patterns:
        if window is not None:
            _check(window, sizes[pattern.region], duration_us)
            moves.update(range(0, duration_us, window.every_us))
    times = sorted(moves)
    ends = [*times[1:], duration_us]
    return tuple(
        Phase(
            name if len(times) == 1 else f"{name} {number}",
            end - start,
            tuple(
                _at(start, pattern, window, sizes[pattern.region]) for pattern, window in patterns
            ),
        )
        for number, (start, end) in enumerate(zip(times, ends, strict=True))
    )


def _at(time_us: int, pattern: Pattern, window: Window | None, size: int) -> Pattern:
    """The pattern with the window where it is at this time; past the end it starts over."""
    if window is None:
        return pattern
    nr_places = (size - window.size) // window.step + 1
    place = time_us // window.every_us % nr_places
    return evolve(pattern, offset=place * window.step, length=window.size)


def _check(window: Window, size: int, duration_us: int) -> None:
    if window.size > size:
        raise WorkloadError(f"a window of {window.size} bytes in a region of {size}")
    if duration_us // window.every_us > MAX_MOVES:
        raise WorkloadError(
            f"a window that moves {duration_us // window.every_us} times: at most {MAX_MOVES}"
        )
