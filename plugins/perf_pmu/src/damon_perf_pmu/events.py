"""From what a configuration says under ``events`` to the events that are opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

from attrs import evolve

from damon_core.errors import ConfigError, DamonError
from damon_core.perf_attr import AttrFlag
from damon_core.spelling import did_you_mean

from .event_kinds import Draft, drafts
from .event_text import EventText, GroupText, parse_events
from .machine import PROCFS, SYSFS, Machine
from .pace import NO_PACE, Pace, checked_pace
from .pmu_event import PmuEvent
from .raw_attr import read_attr
from .refining import refined
from .tags import is_tag, tag_events, tag_notes
from .written import read_count, shown, text_of

Item: TypeAlias = str | Mapping[object, object]
_WHOSE = AttrFlag.EXCLUDE_USER | AttrFlag.EXCLUDE_KERNEL
_KEYS = ("event", "period", "freq")


def resolve_events(
    items: Item | Sequence[Item], sysfs: Path = SYSFS, procfs: Path = PROCFS
) -> tuple[PmuEvent, ...]:
    """The events that ``items`` name on this machine, those of one item beside each other.

    An item is a text in perf's syntax, a tag such as ``auto``, a mapping with ``event`` and
    ``period`` or ``freq``, or a mapping of fields of ``struct perf_event_attr``.  ConfigError says
    what is written wrong, PrimitiveError what this machine lacks; both begin with the event.
    """
    return resolve_on(Machine(sysfs, procfs), items)


def resolve_on(machine: Machine, items: Item | Sequence[Item]) -> tuple[PmuEvent, ...]:
    """As resolve_events, on a machine that is already looked at."""
    listed = items if isinstance(items, (list, tuple)) else [items]
    events = [event for item in listed for event in _item(item, machine)]
    if not events:
        raise ConfigError("no events: expected at least one, such as auto or minor-faults")
    _check_together(events)
    return tuple(events)


def _item(item: object, machine: Machine) -> list[PmuEvent]:
    if isinstance(item, str):
        return list(_text(item, NO_PACE, machine))
    if not isinstance(item, Mapping):
        raise ConfigError(f"event {shown(item)}: expected a text such as minor-faults, or fields")
    if "event" not in item:
        return [_attr(item, machine)]
    text = item["event"]
    for key in item:
        if key not in _KEYS:
            raise ConfigError(
                f"event {shown(text)}: unknown key {key}{did_you_mean(str(key), _KEYS)}; "
                f"expected {', '.join(_KEYS)}"
            )
    if not isinstance(text, str):
        raise ConfigError(f"event {shown(text)}: expected a text such as minor-faults")
    pace = Pace(*(_number(item, name) for name in ("period", "freq")))
    return list(_text(text, pace, machine))


def _attr(fields: Mapping[object, object], machine: Machine) -> PmuEvent:
    try:
        event, pace = read_attr(fields, machine)
        return refined(event, checked_pace(pace, machine), machine)
    except DamonError as error:
        raise type(error)(f"event {text_of(fields)}: {error}") from error


def _text(text: str, pace: Pace, machine: Machine) -> Iterator[PmuEvent]:
    try:
        for group in parse_events(text):
            yield from _group(group, pace, machine)
    except DamonError as error:
        raise type(error)(f"event {shown(text.strip())}: {error}") from error


def _tagged(written: EventText, pace: Pace, machine: Machine) -> Iterator[PmuEvent]:
    tag, _, letters = written.word.partition(":")
    notes = tag_notes(tag, machine)
    for one in tag_events(tag, machine):
        for group in parse_events(one + letters):
            for event in _group(group, pace, machine):
                yield evolve(event, text=written.text, notes=(*notes, *event.notes))
                notes = ()


def _group(group: GroupText, pace: Pace, machine: Machine) -> Iterator[PmuEvent]:
    tagged = [one for one in group.events if one.terms is None and is_tag(one.word.split(":")[0])]
    if tagged and group.braces:
        raise ConfigError(f"tag {tagged[0].text} stands for several events: not within braces")
    if tagged:
        yield from _tagged(tagged[0], pace, machine)
        return
    members = [drafts(written, machine) for written in group.events]
    if not group.braces:
        for draft in members[0]:
            event = _refined(draft, pace, machine)
            if event.is_auxiliary:
                raise ConfigError("it only leads the loads by latency, which find it themselves")
            yield event
        return
    yield from _led(members, pace, machine)


def _led(members: Sequence[Sequence[Draft]], pace: Pace, machine: Machine) -> Iterator[PmuEvent]:
    """The events of a group; on hybrid machines it is a group for each kind of core."""
    leaders = {}
    for draft in members[0]:
        leaders[draft.event.pmu] = leader = _refined(draft, pace, machine)
        if not leader.is_auxiliary:
            yield leader
    for draft in (draft for member in members[1:] for draft in member):
        leader = leaders.get(draft.event.pmu) or next(iter(leaders.values()))
        _check_leader(draft.event, leader)
        yield _refined(draft, pace, machine, leader)


def _check_leader(event: PmuEvent, leader: PmuEvent) -> None:
    if "ibs_op" in (event.pmu, leader.pmu):
        raise ConfigError("ibs_op cannot be in a group: write it as an event of its own")
    if event.pmu != leader.pmu and not event.is_kernel_made and not leader.is_kernel_made:
        raise ConfigError(f"{leader.name} of another PMU cannot lead {event.name}")


def _refined(
    draft: Draft, pace: Pace, machine: Machine, leader: PmuEvent | None = None
) -> PmuEvent:
    asked = checked_pace(draft.pace.over(pace), machine)
    return refined(draft.event, asked, machine, letters=draft.modifiers, leader=leader)


def _check_together(events: Sequence[PmuEvent]) -> None:
    for first, second in combinations(events, 2):
        if _is_same(first, second):
            raise ConfigError(
                f"event {second.text!r}: the same as {first.text!r}, its accesses would count twice"
            )
        if first.name == second.name:
            raise ConfigError(f"event {second.text!r}: {first.text!r} has the name {first.name}")
        if first.by_ibs and second.by_ibs:
            raise ConfigError(
                f"event {second.text!r}: a processor has IBS once, and {first.text!r} uses it"
            )


def _is_same(first: PmuEvent, second: PmuEvent) -> bool:
    """Whether some accesses are of both, because their numbers are and no exclusion parts them."""
    if (first.type, first.config_words, first.bp_type) != (
        second.type,
        second.config_words,
        second.bp_type,
    ):
        return False
    return bool(_WHOSE & ~(first.flags | second.flags))


def _number(item: Mapping[object, object], name: str) -> int | None:
    if item.get(name) is None:
        return None
    try:
        return read_count(item[name], name)
    except ConfigError as error:
        raise ConfigError(f"event {shown(item['event'])}: {error}") from error
