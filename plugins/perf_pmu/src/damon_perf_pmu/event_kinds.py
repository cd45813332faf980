"""What an event is by the way it is written: of the kernel, of a PMU, a breakpoint, raw."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from damon_core.errors import ConfigError, PrimitiveError
from damon_core.perf_attr import PerfType
from damon_core.spelling import did_you_mean
from damon_core.tracepoint import Tracepoint

from .breakpoint import parse_breakpoint
from .event_terms import UnknownTerm, read_number, read_raw, read_terms
from .event_text import EventText, Term
from .machine import NO_SAMPLING, Machine
from .modifiers import LETTERS
from .named_events import NAMED, SOFTWARE, canonical_name
from .offers import FAULT_SYSTEM, FAULT_TRACEPOINTS, address_events
from .pace import NO_PACE, Pace
from .pmu import Pmu
from .pmu_event import PmuEvent, RawAddress
from .tags import TAGS

_EXTENDED_TYPE_SHIFT = 32
_FAULT_WRITE = 2  # bit 1 of x86's error code; of RISC-V's causes 15, store, has it, 13, load, not


@frozen
class Draft:
    """An event whose modifiers are not applied yet, and the pace that its own text asks for."""

    event: PmuEvent
    modifiers: str = ""
    pace: Pace = NO_PACE


def drafts(written: EventText, machine: Machine) -> tuple[Draft, ...]:
    """The event, or on hybrid machines one for each kind of core; ConfigError, PrimitiveError."""
    if written.word.startswith("mem:"):
        event, letters = parse_breakpoint(written.word)
        return (Draft(event, letters + written.modifiers),)
    if written.terms is not None and written.word not in NAMED:
        return _of_pmus(written, machine.find(written.word), written.terms)
    word, tracepoint, letters = _split(written.word, machine)
    modifiers = letters + written.modifiers
    if tracepoint:
        return (Draft(_tracepoint(written.text, word, tracepoint, machine), modifiers),)
    if word in NAMED:
        pace = _pace_of(written.terms or ())
        return tuple(Draft(one, modifiers, pace) for one in _named(written.text, word, machine))
    config = read_raw(word)
    if config is not None:
        raws = _of_cores(written.text, f"r{config:x}", PerfType.RAW, config, machine)
        return tuple(Draft(one, modifiers) for one in raws)
    having = [pmu for pmu in machine.pmus.values() if word in pmu.events]
    if having:
        return _of_pmus(evolve(written, modifiers=modifiers), having, (Term(word),))
    raise PrimitiveError(_unknown(word, machine))


def fault_tracepoint(found: Tracepoint) -> RawAddress | None:
    """Where a tracepoint of page faults has the address; None if it is no such tracepoint."""
    if found.name not in FAULT_TRACEPOINTS:
        return None
    return RawAddress(
        offset=found.field("address", 8).offset,
        write_offset=found.field("error_code", 8).offset,
        write_mask=_FAULT_WRITE,
    )


def _split(word: str, machine: Machine) -> tuple[str, str, str]:
    """Name, name of the tracepoint within the system of that name, and modifiers."""
    parts = word.split(":")
    if len(parts) == 1:
        return word, "", ""
    is_event = parts[0] in NAMED or read_raw(parts[0]) is not None
    is_event = is_event or any(parts[0] in pmu.events for pmu in machine.pmus.values())
    if len(parts) == 2 and (is_event or (parts[1] and set(parts[1]) <= LETTERS)):
        return parts[0], "", parts[1]
    if len(parts) > 3 or not all(parts):
        raise ConfigError("expected EVENT:MODIFIERS or SYSTEM:TRACEPOINT:MODIFIERS")
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


def _tracepoint(text: str, system: str, name: str, machine: Machine) -> PmuEvent:
    found = machine.tracepoint(system, name)
    return PmuEvent(
        text=text,
        name=f"{system}:{name}",
        pmu="tracepoint",
        type=PerfType.TRACEPOINT,
        config=found.id,
        raw=fault_tracepoint(found) if system == FAULT_SYSTEM else None,
    )


def _named(text: str, word: str, machine: Machine) -> Iterable[PmuEvent]:
    kind, config = NAMED[word]
    name = canonical_name(kind, config) or word
    if kind is PerfType.SOFTWARE:
        return (PmuEvent(text=text, name=name, pmu="software", type=kind, config=config),)
    return _of_cores(text, name, kind, config, machine)


def _of_cores(
    text: str, name: str, kind: PerfType, config: int, machine: Machine
) -> Iterable[PmuEvent]:
    """An event that is numbered for the cores, on hybrid machines for each kind of them."""
    if not machine.is_hybrid:
        pmu = next(iter(machine.core_pmus), None)
        yield PmuEvent(
            text=text,
            name=name,
            pmu=pmu.name if pmu else "cpu",
            type=kind,
            config=config,
            cpus=pmu.cpus if pmu else None,
        )
        return
    for pmu in machine.core_pmus:
        event = PmuEvent(
            text=text,
            name=f"{pmu.name}/{name}/",
            pmu=pmu.name,
            type=kind,
            config=config | pmu.type << _EXTENDED_TYPE_SHIFT,
            cpus=pmu.cpus,
        )
        # Raw numbers leave no room for the kind of core: there the type tells it.
        is_raw = kind is PerfType.RAW
        yield evolve(event, type=pmu.type, config=config) if is_raw else event


def _of_pmus(written: EventText, pmus: Iterable[Pmu], terms: tuple[Term, ...]) -> tuple[Draft, ...]:
    """One for each PMU that has the event; UnknownTerm if none has."""
    found = []
    missing = None
    for pmu in pmus:
        try:
            found.append(_of_pmu(written, pmu, terms))
        except UnknownTerm as error:
            missing = missing or error
    if len(found) > 1:
        # Each kind of core has the event that a user gave one name.
        found = [evolve(one, event=_of_kind(one.event)) for one in found]
    if not found and missing is not None:
        raise missing
    return tuple(found)


def _of_pmu(written: EventText, pmu: Pmu, terms: tuple[Term, ...]) -> Draft:
    reading = read_terms(pmu, terms)
    config, config1, config2, config3 = reading.words
    shown = ",".join(str(one) for one in terms if one.name not in ("period", "freq", "name"))
    event = PmuEvent(
        text=written.text,
        name=reading.name or f"{pmu.name}/{shown}/",
        pmu=pmu.name,
        type=pmu.type,
        config=config,
        config1=config1,
        config2=config2,
        config3=config3,
        cpus=pmu.cpus,
    )
    return Draft(event, written.modifiers, reading.pace)


def _of_kind(event: PmuEvent) -> PmuEvent:
    prefix = f"{event.pmu}/"
    return event if event.name.startswith(prefix) else evolve(event, name=f"{prefix}{event.name}/")


def _pace_of(terms: Iterable[Term]) -> Pace:
    asked: dict[str, int] = {}
    for term in terms:
        if term.name not in ("period", "freq"):
            raise ConfigError(f"term {term} is not for this event: expected period=N or freq=N")
        asked[term.name] = read_number(term.value or "", f"term {term.name}")
    return Pace(asked.get("period"), asked.get("freq"))


def _unknown(word: str, machine: Machine) -> str:
    known = {*SOFTWARE, *(TAGS if machine.memory_pmus else ())}
    for pmu in machine.core_pmus:
        known |= pmu.events
    fit = [one.text for one in address_events(machine)]
    message = f"no such event{did_you_mean(word, known)}"
    if not machine.memory_pmus:
        message += f"; {NO_SAMPLING}"
    return f"{message}; what gives addresses here: {', '.join(fit)}"
