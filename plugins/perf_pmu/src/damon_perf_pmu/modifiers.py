"""The letters behind an event: whose accesses count, and how precise the samples must be."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from damon_core.errors import ConfigError
from damon_core.perf_attr import AttrFlag

from .pmu_event import Precise

_NO_FLAGS = AttrFlag(0)
_MOST_PRECISE = 3
_EXCLUDES = {
    "u": AttrFlag.EXCLUDE_USER,
    "k": AttrFlag.EXCLUDE_KERNEL,
    "h": AttrFlag.EXCLUDE_HV,
}
_REFUSED = {
    "S": "reading a whole group with each sample",
    "G": "counting guests alone",
    "I": "leaving out the idle task",
    "H": "counting the host alone",
    "W": "weak groups",
    "b": "counting by BPF",
    "e": "exclusive groups",
    "R": "leaving groups as they are written",
    "X": "leaving groups as they are written",
}
KNOWN = "u, k, h (whose accesses), p, pp, ppp, P (precision), D (pinned)"
LETTERS = frozenset("ukhpPD") | frozenset(_REFUSED)


@frozen
class Modifiers:
    """What the letters say; ``flags`` are EXCLUDE_* and PINNED."""

    flags: AttrFlag = _NO_FLAGS
    precise: Precise = None


def parse_modifiers(letters: str) -> Modifiers:
    """ConfigError for a letter that means nothing, or what is not supported."""
    for letter in letters:
        if letter in _REFUSED:
            raise ConfigError(
                f"modifier {letter} ({_REFUSED[letter]}) is not supported: use {KNOWN}"
            )
        if letter not in LETTERS:
            raise ConfigError(f"{letter!r} is no modifier: use {KNOWN}")
    flags = _NO_FLAGS
    if whose := set(letters) & _EXCLUDES.keys():
        flags |= _all(flag for letter, flag in _EXCLUDES.items() if letter not in whose)
    if "D" in letters:
        flags |= AttrFlag.PINNED
    return Modifiers(flags, _precision(letters))


def _precision(letters: str) -> Precise:
    nr_p = letters.count("p")
    if "P" in letters:
        if nr_p:
            raise ConfigError(
                "modifiers p and P exclude each other: P takes the highest that works"
            )
        return "max"
    if nr_p > _MOST_PRECISE:
        raise ConfigError(f"{nr_p} times p: the highest precision is {'p' * _MOST_PRECISE}")
    return nr_p or None


def _all(flags: Iterable[AttrFlag]) -> AttrFlag:
    together = _NO_FLAGS
    for flag in flags:
        together |= flag
    return together
