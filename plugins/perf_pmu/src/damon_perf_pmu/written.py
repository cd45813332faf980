"""What a user wrote: as a message shows it, and the numbers in it."""

from __future__ import annotations

from collections.abc import Mapping

from damon_core.errors import ConfigError
from damon_core.units import parse_count

_MOST_SHOWN = 200


def shown(value: object) -> str:
    """What came, for a message: on one line, and not too long."""
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


def text_of(fields: Mapping[object, object]) -> str:
    """Fields as a user would write them, on one line."""
    text = " ".join(", ".join(f"{name}: {value}" for name, value in fields.items()).split())
    return f"{{{text}}}" if len(text) <= _MOST_SHOWN else f"{{{text[: _MOST_SHOWN - 3]}...}}"


def read_count(value: object, name: str) -> int:
    """A number that may be written as 1000, "1,000" or "0x3e8"; ConfigError."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ConfigError(f"{name} is {shown(value)}: expected a number such as 4 or 0x1cd")
    try:
        return parse_count(value)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error
