"""The syntax of perf's events: groups, PMUs with their terms, words, modifiers; no meaning yet."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import evolve, frozen

from damon_core.errors import ConfigError

# The address of a breakpoint may be followed by its length as perf writes it, or as others do.
_BREAKPOINT = re.compile(r"mem:[^,{}\s/]*(?:/[^,{}\s/:]*)?(?::[^,{}\s/]*)?")
_WITH_TERMS = re.compile(r"([A-Za-z_][\w.*?\[\]-]*)/([^/{}]*)/:?([A-Za-z]*)")
_WORD = re.compile(r"[A-Za-z_][^,{}/\s]*")
_TERM = re.compile(r"([A-Za-z_][\w.-]*)(?:=([^\x00-\x1f\x7f]*))?")
_GROUP_END = re.compile(r"\}(?::([A-Za-z]*))?")
_SPACE = re.compile(r"\s*")
_MAX_TEXT = 4096


@frozen
class Term:
    """``name=value``, or a bare ``name``, whose value is None."""

    name: str
    value: str | None = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value}"


@frozen
class EventText:
    """One event: ``word/terms/modifiers``, or a word alone (``terms`` is None).

    A word alone still holds what follows a colon: only who knows the names can tell a modifier
    from the name of a tracepoint.
    """

    text: str
    word: str
    terms: tuple[Term, ...] | None = None
    modifiers: str = ""


@frozen
class GroupText:
    """Events that are written together: with ``braces`` the first leads the others."""

    events: tuple[EventText, ...]
    braces: bool = False


def parse_events(text: str) -> tuple[GroupText, ...]:
    """The groups in a list of events; ConfigError says where it cannot be read."""
    if len(text) > _MAX_TEXT:
        raise ConfigError(f"an event of {len(text)} characters: expected at most {_MAX_TEXT}")
    groups = []
    position = _skip(text, 0)
    while True:
        if text.startswith("{", position):
            group, position = _group(text, position)
        else:
            event, position = _event(text, position)
            group = GroupText((event,))
        groups.append(group)
        if position == len(text):
            return tuple(groups)
        position = _comma(text, position)


def parse_terms(body: str) -> Iterator[Term]:
    """What is written between the slashes of an event; ConfigError."""
    if not body.strip():
        return
    for part in body.split(","):
        written = part.strip()
        if written.startswith("@"):
            raise ConfigError(f"settings of drivers ({written}) are of trace units only")
        found = _TERM.fullmatch(written)
        if found is None:
            raise ConfigError(f"term {written!r} is not understood: expected NAME=VALUE")
        yield Term(found[1], found[2])


def _group(text: str, start: int) -> tuple[GroupText, int]:
    events = []
    position = _skip(text, start + 1)
    while True:
        event, position = _event(text, position)
        events.append(event)
        end = _GROUP_END.match(text, position)
        if end:
            break
        if position == len(text):
            raise ConfigError(f"the group that begins at character {start + 1} has no '}}'")
        position = _comma(text, position)
    of_all = end[1] or ""
    members = tuple(evolve(one, modifiers=one.modifiers + of_all) for one in events)
    return GroupText(members, braces=True), _skip(text, end.end())


def _event(text: str, position: int) -> tuple[EventText, int]:
    if found := _BREAKPOINT.match(text, position):
        event = EventText(found[0], found[0])
    elif found := _WITH_TERMS.match(text, position):
        event = EventText(found[0], found[1], tuple(parse_terms(found[2])), found[3])
    elif found := _WORD.match(text, position):
        event = EventText(found[0], found[0])
    else:
        raise _expected("an event such as minor-faults or cpu/mem-loads/P", text, position)
    return event, _skip(text, found.end())


def _comma(text: str, position: int) -> int:
    if text[position] != ",":
        raise _expected("',' or the end", text, position)
    return _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _expected(what: str, text: str, position: int) -> ConfigError:
    rest = text[position:]
    if len(rest) > 40:
        rest = f"{rest[:37]}..."
    came = f"{rest!r}" if rest else "the end"
    return ConfigError(f"expected {what} at character {position + 1}, got {came}")
