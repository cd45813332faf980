"""The options that say which bytes of a region are in use."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def use_options(command: F) -> F:
    """Add the options, and pass what they amount to as ``rule``."""

    @wraps(command)
    def with_rule(*args: Any, by_region: bool, acc_thres: int, **more: Any) -> Any:
        from ...report.use_rule import UseRule

        return command(*args, rule=UseRule(by_region, acc_thres), **more)

    for option in reversed(_OPTIONS):
        with_rule = option(with_rule)
    return with_rule  # type: ignore[return-value]  # as wraps() says


_OPTIONS = (
    click.option("--by-region", is_flag=True, help="Count whole accessed regions, as damo does."),
    click.option(
        "--acc-thres",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        metavar="N",
        help="Samples with an access from which a whole region counts.",
    ),
)
