"""Values of options: human units, and primitives with options."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError
from ..listen_address import ListenAddress
from ..units import parse_count, parse_share, parse_size, parse_time_us

if TYPE_CHECKING:
    from ..host import PrimitiveChoice


class Parsed(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A value that a function reads, with ConfigError for what it refuses."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value of the text."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


def parse_time_option(text: str) -> int:
    """Microseconds; a bare number is refused, as an option's name does not say its unit."""
    time_us = parse_time_us(text)
    if text.strip().isdigit() and time_us:
        raise ConfigError(f"got {text!r}, expected a time with its unit, such as '{text.strip()}s'")
    return time_us


def parse_primitive(text: str) -> PrimitiveChoice:
    """NAME, or NAME:KEY=VALUE,...; values are numbers, true and false, or text."""
    from ..config.document import Scalar
    from ..host import PrimitiveChoice

    name, colon, rest = text.partition(":")
    options: dict[str, object] = {}
    for part in rest.split(",") if colon else ():
        key, equals, value = part.partition("=")
        if not key or not equals or key in options:
            raise ConfigError(f"got {text!r}, expected NAME or NAME:KEY=VALUE,..., each key once")
        options[key] = Scalar(value, 0).as_value()
    if not name:
        raise ConfigError(f"got {text!r}, expected the name of a primitive")
    return PrimitiveChoice(name, options)


def parse_region(text: str) -> tuple[int, int]:
    """Start and end of START-END, in bytes."""
    start, dash, end = text.partition("-")
    if not dash:
        raise ConfigError(f"got {text!r}, expected START-END such as 0x100000-0x200000")
    return parse_size(start), parse_size(end)


ADDRESS = Parsed("[addr:]port", ListenAddress.parse)
COUNT = Parsed("number", parse_count)
REGION = Parsed("start-end", parse_region)
SHARE = Parsed("share", parse_share)
TIME_US = Parsed("time", parse_time_option)
PRIMITIVE = Parsed("name", parse_primitive)
