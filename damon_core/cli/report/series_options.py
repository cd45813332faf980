"""The options of reports that show a number of each snapshot: which of them, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ...snapshot import Snapshot

F = TypeVar("F", bound=Callable[..., Any])


def series_options(command: F) -> F:
    """Add the options, and pass what they amount to as ``places`` and ``nr_excluded``."""

    @wraps(command)
    def with_places(
        *args: Any, percentiles: tuple[int, int, int], by_time: bool, **more: Any
    ) -> Any:
        from ...report.series import Places

        chosen = tuple(range(*percentiles[:2], max(1, percentiles[2])))
        if not chosen:
            raise click.UsageError(
                "--range has no percentile in it: write START END STEP, as 0 101 25"
            )
        return command(*args, places=Places(chosen, by_time), **more)

    for option in reversed(_OPTIONS):
        with_places = option(with_places)
    return with_places  # type: ignore[return-value]  # as wraps() says


def without_first(snapshots: Iterable[Snapshot], nr_excluded: int) -> Iterable[Snapshot]:
    """All but the first ``nr_excluded``; UsageError if that leaves none."""
    rest = iter(snapshots)
    nr_skipped = sum(1 for _ in islice(rest, nr_excluded))
    first = next(rest, None)
    if first is not None:
        return chain([first], rest)
    if nr_skipped:
        raise click.UsageError(
            f"--exclude-samples {nr_excluded} leaves none of the {nr_skipped} snapshots"
        )
    return ()


_OPTIONS = (
    click.option(
        "--range",
        "percentiles",
        type=click.IntRange(0, 101),
        nargs=3,
        metavar="START END STEP",
        default=(0, 101, 25),
        show_default=True,
        help="Percentiles, END excluded.",
    ),
    click.option("--by-time", is_flag=True, help="In the order of time instead of size."),
    click.option(
        "--exclude-samples",
        "nr_excluded",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        metavar="N",
        help="Leave out the first N snapshots, as damo does with 20.",
    ),
)
