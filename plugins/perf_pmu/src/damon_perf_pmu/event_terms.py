"""The terms of an event of a PMU, as they become its ``config`` words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import define, field

from damon_core.errors import ConfigError, DamonError, PrimitiveError
from damon_core.spelling import did_you_mean

from .event_text import Term, parse_terms
from .named_events import HARDWARE
from .pace import Pace
from .pmu import Pmu

_WORDS = {"config": 0, "config1": 1, "config2": 2, "config3": 3}
SPECIAL = (*_WORDS, "period", "freq", "name")
_REFUSED = frozenset(
    (
        *("call-graph", "stack-size", "max-stack", "branch_type", "time", "nr", "percore"),
        *("inherit", "no-inherit", "overwrite", "no-overwrite"),
        *("aux-output", "aux-sample-size", "aux-action"),
    )
)
_RAW = re.compile(r"r([0-9a-fA-F]{1,16})")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
_TO_BE_GIVEN = "?"
_MOST_LISTED = 60


class UnknownTerm(PrimitiveError):
    """A PMU has neither an event nor a term of this name."""


@define
class TermReading:
    """What the terms say so far; ``words`` are config, config1, config2 and config3."""

    words: list[int] = field(factory=lambda: [0, 0, 0, 0])
    period: int | None = None
    freq: int | None = None
    name: str | None = None

    @property
    def pace(self) -> Pace:
        return Pace(self.period, self.freq)


def read_terms(pmu: Pmu, terms: Sequence[Term]) -> TermReading:
    """The event that ``terms`` describe; ConfigError, of a name that the PMU lacks UnknownTerm.

    A term that is an event of the PMU stands for the terms that the kernel has for it; they come
    first, and what the user says takes their place.
    """
    aliases = [name for term in terms if (name := _event_name(pmu, term))]
    if len(aliases) > 1:
        raise ConfigError(f"{' and '.join(aliases)} are two events of {pmu.name}: write one")
    reading = TermReading()
    given = {term.name for term in terms if term.value is not None}
    for alias in aliases:
        _read_alias(reading, pmu, alias, given)
    for term in terms:
        if not _event_name(pmu, term):
            _read(reading, pmu, term)
    return reading


def read_number(text: str, what: str) -> int:
    """A number as perf writes them, 30 or 0x1e; ConfigError."""
    if not _NUMBER.fullmatch(text):
        raise ConfigError(f"{what} is {text!r}: expected a number such as 30 or 0x1e")
    number = int(text, 16) if text[:2] in ("0x", "0X") else int(text)
    if number >= 1 << 64:
        raise ConfigError(f"{what} is {text}: expected at most 64 bits")
    return number


def read_raw(word: str) -> int | None:
    """The ``config`` of ``rHEX``; None if it is something else."""
    found = _RAW.fullmatch(word)
    return int(found[1], 16) if found else None


def listed(names: Iterable[str]) -> str:
    """Names for a message, not too many."""
    known = sorted(names)
    more = len(known) - _MOST_LISTED
    return ", ".join(known[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _event_name(pmu: Pmu, term: Term) -> str | None:
    """The event of the PMU that a bare term names, perhaps by the other name that perf has."""
    if term.value is not None:
        return None
    if term.name in pmu.events:
        return term.name
    number = HARDWARE.get(term.name)
    return next((one for one, its in HARDWARE.items() if its == number and one in pmu.events), None)


def _read_alias(reading: TermReading, pmu: Pmu, alias: str, given: set[str]) -> None:
    for term in parse_terms(pmu.event(alias)):
        if term.value == _TO_BE_GIVEN:
            if term.name not in given:
                raise ConfigError(f"event {alias} of {pmu.name} needs a value: {term.name}=NUMBER")
            continue
        try:
            _read(reading, pmu, term)
        except DamonError as error:
            raise PrimitiveError(
                f"the kernel describes {alias} of {pmu.name} by: {error}"
            ) from error


def _read(reading: TermReading, pmu: Pmu, term: Term) -> None:
    if term.name in pmu.formats:
        _write(reading.words, pmu, term)
    elif term.name in _WORDS:
        reading.words[_WORDS[term.name]] = _value(term)
    elif term.name == "name":
        if not term.value:
            raise ConfigError("term name needs a value: name=TEXT")
        reading.name = term.value
    elif term.name == "period":
        reading.period = _value(term)
    elif term.name == "freq":
        reading.freq = _value(term)
    elif term.value is None and (raw := read_raw(term.name)) is not None:
        reading.words[0] = raw
    elif term.name in _REFUSED:
        raise ConfigError(f"term {term} is not supported: samples hold addresses, nothing more")
    else:
        raise UnknownTerm(_unknown(pmu, term.name))


def _write(words: list[int], pmu: Pmu, term: Term) -> None:
    place = pmu.formats[term.name]
    if term.value is None and place.maximum > 1:
        raise ConfigError(f"term {term.name} of {pmu.name} needs a value from 0 to {place.maximum}")
    value = 1 if term.value is None else read_number(term.value, f"term {term.name}")
    if value > place.maximum:
        raise ConfigError(
            f"term {term} of {pmu.name} is too large: expected at most {place.maximum} "
            f"({place.maximum:#x})"
        )
    place.write(words, value)


def _value(term: Term) -> int:
    if term.value is None:
        raise ConfigError(f"term {term.name} needs a value: {term.name}=NUMBER")
    return read_number(term.value, f"term {term.name}")


def _unknown(pmu: Pmu, name: str) -> str:
    known = [*pmu.events, *pmu.formats, *SPECIAL]
    events = f"events {listed(pmu.events)}; " if pmu.events else "no events of its own; "
    terms = listed([*pmu.formats, *SPECIAL])
    return (
        f"{pmu.name} has no event or term {name}{did_you_mean(name, known)}; "
        f"it has {events}terms {terms}"
    )
