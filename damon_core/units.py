"""Human text to exact whole numbers and back: "5 ms", "1 m 2 s", "2 MiB", "1,000", "20 %".

A number without a unit is in the unit that its key names.  All arithmetic is exact: a text that is
no whole number of microseconds or bytes is refused, never rounded.  Every error is a ConfigError
that says what came and what was expected; the caller adds where.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from .errors import ConfigError

MAX_U64 = 2**64 - 1
MAX_TIME_US = (2**63 - 1) // 1000
"""The longest time, about 292 years: its nanoseconds still fit a signed 64-bit number."""

_MAX_TEXT = 64
_NUMBER = r"(?:[0-9]{1,3}(?:[,_][0-9]{3})+|[0-9]+)"
_INTEGER = re.compile(_NUMBER)
_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_TERM = re.compile(rf"\s*({_NUMBER})(\.[0-9]+)?\s*([^\W\d_]*)", re.ASCII)
_MICRO = str.maketrans({"µ": "u", "μ": "u"})

_TIME_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "sec": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_PREFIXES = "kmgtpe"
_SIZE = {"b": 1} | {
    prefix + ending: 1024**power
    for power, prefix in enumerate(_PREFIXES, start=1)
    for ending in ("", "b", "ib")
}


def parse_count(value: str | int) -> int:
    """A whole number from 0 to 2^64-1: 1000, "1,000", "0x3e8", "min", "max"."""
    return _within(_plain_integer(value, "a whole number such as 1,000"), MAX_U64)


def parse_time_us(value: str | int) -> int:
    """Microseconds: 5000, "5 ms", "1 m 2 s", "min" (0), "max" (292 years)."""
    expected = "a time such as '5 ms' or '1 m 2 s'"
    if value == "max":
        return MAX_TIME_US
    time_ns = _sum_of_terms(value, _TIME_NS, "us", expected)
    if time_ns % 1000:
        raise ConfigError(f"got {_shown(value)}, expected whole microseconds")
    return _within(time_ns // 1000, MAX_TIME_US)


def parse_size(value: str | int) -> int:
    """Bytes: 4096, "4K", "2 MiB", "1 GiB 512 MiB", "min" (0), "max".

    K, KB and KiB are all 1024, as in the kernel's own files.
    """
    text = value if isinstance(value, int) else value.lower()
    size = _sum_of_terms(text, _SIZE, "b", "a size such as 4096, '4K' or '2 MiB'")
    return _within(size, MAX_U64)


def parse_share(value: str | int | float) -> float:
    """A share, as a fraction of 1: "20 %", "0.2"; a bare number above 1 is refused as unclear."""
    expected = "a share such as '5 %' or 0.05"
    text = _checked_text(value, expected)
    number, percent = (text[:-1].strip(), 100) if text.endswith("%") else (text, 1)
    if not re.fullmatch(rf"{_NUMBER}(?:\.[0-9]+)?|\.[0-9]+", number):
        raise ConfigError(f"got {_shown(value)}, expected {expected}")
    share = Fraction(re.sub("[,_]", "", number)) / percent
    if percent == 1 and share > 1:
        raise ConfigError(f"got {_shown(value)}, expected {expected}; write '{text} %' for percent")
    if share > 10_000:
        raise ConfigError(f"got {_shown(value)}, expected at most 1,000,000 %")
    return float(share)


def format_time_us(time_us: int) -> str:
    """The exact text of a time, "1 m 2 s"; parse_time_us gives the same number back."""
    terms = []
    rest = time_us * 1000
    for unit in ("d", "h", "m", "s", "ms", "us"):
        amount, rest = divmod(rest, _TIME_NS[unit])
        if amount:
            terms.append(f"{amount} {unit}")
    return " ".join(terms) or "0 us"


def format_size(size: int) -> str:
    """The exact text of a size in the largest unit that divides it: "2 MiB", "4097 B"."""
    for power, prefix in reversed(list(enumerate(_PREFIXES.upper(), start=1))):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power} {prefix}iB"
    return f"{size} B"


def about_size(size: float) -> str:
    """A size for people, in about three digits: "1.46 GiB"."""
    power = 0
    while size >= 1000 and power < len(_PREFIXES):
        size /= 1024
        power += 1
    if not power:
        return f"{size:.0f} B"
    return f"{size:.3g} {_PREFIXES[power - 1].upper()}iB"


def format_share(share: float) -> str:
    """The exact text of a share in percent: "5 %"; parse_share gives the same number back."""
    return f"{(Decimal(repr(share)) * 100).normalize():f} %"


def _plain_integer(value: str | int, expected: str) -> int:
    if isinstance(value, int):
        return value
    text = _checked_text(value, expected)
    if text in ("min", "max"):
        return 0 if text == "min" else MAX_U64
    if _HEX.fullmatch(text):
        return int(text, 16)
    if not _INTEGER.fullmatch(text):
        raise ConfigError(f"got {_shown(value)}, expected {expected}")
    if len(text) > 1 and text[0] == "0":
        raise ConfigError(f"got {_shown(value)}, expected {expected}; leading zeros are unclear")
    return int(re.sub("[,_]", "", text))


def _sum_of_terms(value: str | int, units: dict[str, int], bare: str, expected: str) -> int:
    """The sum of "NUMBER UNIT" terms, largest unit first; a lone number is in ``bare`` units."""
    if isinstance(value, int) or value in ("min", "max") or _HEX.fullmatch(value.strip()):
        return _plain_integer(value, expected) * units[bare]
    text = _checked_text(value, expected).translate(_MICRO)
    total = Fraction(0)
    last = None
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        unit = term and (term[3] or (bare if term.span() == (0, len(text)) else ""))
        if term is None or unit not in units or (last is not None and units[unit] >= last):
            raise ConfigError(f"got {_shown(value)}, expected {expected}")
        total += Fraction(re.sub("[,_]", "", term[1]) + (term[2] or "")) * units[unit]
        last = units[unit]
        position = term.end()
    if total.denominator != 1:
        raise ConfigError(f"got {_shown(value)}, expected {expected}, in whole units")
    return total.numerator


def _checked_text(value: str | int | float, expected: str) -> str:
    text = str(value).strip()
    if not text or len(text) > _MAX_TEXT:
        raise ConfigError(f"got {_shown(value)}, expected {expected}")
    if text[0] == "-" and text[1:2].isdigit():
        raise ConfigError(f"got {_shown(value)}, expected {expected}, not negative")
    return text


def _within(number: int, limit: int) -> int:
    if number < 0:
        raise ConfigError(f"got {number}, expected a number that is not negative")
    if number > limit:
        raise ConfigError(f"got {_shown(number)}, expected at most {limit}")
    return number


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 3]}..."


def parse_switch(value: object) -> bool:
    """A switch: true and false, or, as people write to give leave, yes and no; ConfigError."""
    if isinstance(value, bool):
        return value
    if value in ("yes", "no"):
        return value == "yes"
    raise ConfigError(f"got {value!r}, expected yes or no")
