"""The options by which every report is told what to show."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ...errors import ConfigError
from ...units import parse_share, parse_size
from ..param_types import Parsed, parse_time_option

if TYPE_CHECKING:
    from ...model import AddrRange
    from ...report.moment import TimeSpan
    from ...report.selection import Bounds

F = TypeVar("F", bound=Callable[..., Any])


def selection_options(command: F) -> F:
    """Add the options, and pass what they amount to as ``selection``."""

    @wraps(command)
    def with_selection(
        *args: Any,
        span: TimeSpan | None,
        targets: tuple[int, ...],
        addresses: tuple[AddrRange, ...],
        sizes: Bounds | None,
        rates: Bounds | None,
        ages: Bounds | None,
        primitive: str | None,
        **more: Any,
    ) -> Any:
        from ...report.selection import Selection

        selection = Selection(span, targets, addresses, sizes, rates, ages, primitive)
        return command(*args, selection=selection, **more)

    for option in reversed(_OPTIONS):
        with_selection = option(with_selection)
    return with_selection  # type: ignore[return-value]  # as wraps() says


def parse_addresses(text: str) -> AddrRange:
    """START-END in hexadecimal, as in /proc/PID/maps."""
    from ...model import AddrRange

    try:
        start, end = (int(part, 16) for part in text.split("-"))
    except ValueError:
        start = end = 0
    if not 0 <= start < end < 2**64:
        raise ConfigError(
            f"{text!r} is no range: write START-END in hexadecimal, as /proc/PID/maps does"
        )
    return AddrRange(start, end)


def _parse_time_span(text: str) -> TimeSpan:
    from ...report.moment import TimeSpan

    return TimeSpan.parse(text)


def _bounds(parse: Callable[[str], float], example: str) -> Callable[[str], Bounds]:
    """Reads MIN-MAX, of which either may be left out, in the words of ``parse``."""

    def parse_bounds(text: str) -> Bounds:
        low_text, dash, high_text = (part.strip() for part in text.partition("-"))
        if not dash or not (low_text or high_text):
            raise ConfigError(f"got {text!r}, expected MIN-MAX such as {example}")
        low = parse(low_text) if low_text else 0
        high = parse(high_text) if high_text else inf
        if low > high:
            raise ConfigError(f"got {text!r}, whose MIN is larger than its MAX")
        return (low, high)

    return parse_bounds


def _parse_percent(text: str) -> float:
    percent = 100 * parse_share(f"{text.removesuffix('%').strip()} %")
    if percent > 100:
        raise ConfigError(f"got {text!r}, expected at most 100 percent")
    return percent


_OPTIONS = (
    click.option(
        "--time",
        "span",
        type=Parsed("span", _parse_time_span),
        metavar="START-END",
        help="Only windows of this time since the start, such as 10s-20s or 1m-, or by the clock, "
        "such as 14:05-14:10.",
    ),
    click.option(
        "--target",
        "targets",
        type=click.IntRange(0, 2**32 - 1),
        multiple=True,
        metavar="N",
        help="Only this target, by its number.",
    ),
    click.option(
        "--address",
        "addresses",
        type=Parsed("range", parse_addresses),
        multiple=True,
        metavar="START-END",
        help="Only these addresses (hex); regions are cut at the borders.",
    ),
    click.option(
        "--size",
        "sizes",
        type=Parsed("bounds", _bounds(parse_size, "4K-2M, 2M- or -2M")),
        metavar="MIN-MAX",
        help="Only regions of such a size, such as 4K-2M or 2M-.",
    ),
    click.option(
        "--rate",
        "rates",
        type=Parsed("bounds", _bounds(_parse_percent, "50-100, 1- or -0")),
        metavar="MIN-MAX",
        help="Only regions accessed in so many percent of the samples, such as 50-100 or -0.",
    ),
    click.option(
        "--age",
        "ages",
        type=Parsed("bounds", _bounds(parse_time_option, "10s-1m, 10s- or -10s")),
        metavar="MIN-MAX",
        help="Only regions with a similar rate for so long, such as 10s- or 1s-1m.",
    ),
    click.option("--primitive", metavar="NAME", help="Only what this primitive saw, of several."),
)
