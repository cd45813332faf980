"""Events as the fields of ``struct perf_event_attr``, as the kernel's own DAMON takes them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from damon_core.errors import ConfigError, PrimitiveError
from damon_core.perf_attr import AttrFlag, PerfType
from damon_core.spelling import did_you_mean

from .breakpoint import breakpoint_event
from .event_kinds import fault_tracepoint
from .machine import Machine
from .named_events import canonical_name
from .offers import FAULT_SYSTEM, FAULT_TRACEPOINTS
from .pace import Pace
from .pmu_event import PmuEvent, RawAddress
from .written import read_count, shown, text_of

_FLAGS = {
    "exclude_user": AttrFlag.EXCLUDE_USER,
    "exclude_kernel": AttrFlag.EXCLUDE_KERNEL,
    "exclude_hv": AttrFlag.EXCLUDE_HV,
    "exclude_idle": AttrFlag.EXCLUDE_IDLE,
    "exclude_host": AttrFlag.EXCLUDE_HOST,
    "exclude_guest": AttrFlag.EXCLUDE_GUEST,
    "pinned": AttrFlag.PINNED,
}
_BREAKPOINT = ("bp_addr", "bp_len", "bp_type")
_CONFIGS = ("config", "config1", "config2", "config3")
_PACES = ("sample_period", "sample_freq")
_SWITCHES = (*_FLAGS, "sample_phys_addr")
FIELDS = ("type", *_CONFIGS, *_PACES, "precise_ip", *_SWITCHES, *_BREAKPOINT)

_MAX_U32 = (1 << 32) - 1
_MOST_PRECISE = 3
_KERNEL_PMUS = {
    PerfType.SOFTWARE: "software",
    PerfType.TRACEPOINT: "tracepoint",
    PerfType.BREAKPOINT: "breakpoint",
}


def read_attr(fields: Mapping[object, object], machine: Machine) -> tuple[PmuEvent, Pace]:
    """The event that ``fields`` describe, and its pace; ConfigError, PrimitiveError."""
    for key in fields:
        if key not in FIELDS:
            raise ConfigError(
                f"unknown field {key}{did_you_mean(str(key), FIELDS)}; "
                f"expected {', '.join(FIELDS)}, or event with period or freq"
            )
    if "type" not in fields:
        raise ConfigError("field type is missing: expected a number, such as 4 for raw events")
    numbers = {name: _number(fields, name) for name in (*_CONFIGS, *_PACES, *_BREAKPOINT)}
    flags = AttrFlag(0)
    for name, flag in _FLAGS.items():
        if _switch(fields, name):
            flags |= flag
    event = evolve(
        _event(fields, numbers, machine),
        precise=_precision(fields),
        flags=flags,
        physical=_switch(fields, "sample_phys_addr"),
    )
    return event, Pace(
        *(numbers[name] if fields.get(name) is not None else None for name in _PACES)
    )


def _event(
    fields: Mapping[object, object], numbers: Mapping[str, int], machine: Machine
) -> PmuEvent:
    text = text_of(fields)
    kind = _type(fields["type"], machine)
    if kind == PerfType.BREAKPOINT:
        return breakpoint_event(
            text,
            numbers["bp_addr"] or numbers["config1"],
            numbers["bp_len"] or numbers["config2"],
            numbers["bp_type"],
        )
    for name in _BREAKPOINT:
        if fields.get(name) is not None:
            raise ConfigError(f"field {name} is for breakpoints (type 5), the type is {kind}")
    pmu = machine.pmu_of_type(kind)
    if pmu is None and kind == PerfType.RAW and machine.core_pmus:
        pmu = machine.core_pmus[0]
    extended = numbers["config"] >> 32
    if kind in (PerfType.HARDWARE, PerfType.HW_CACHE):
        pmu = machine.pmu_of_type(extended) if extended else next(iter(machine.core_pmus), None)
    if pmu is None and kind > max(PerfType):
        known = ", ".join(f"{one.type} ({one.name})" for one in machine.pmus.values())
        raise PrimitiveError(f"type is {kind}: this machine has no such PMU; it has {known}")
    words = ",".join(f"{name}={numbers[name]:#x}" for name in _CONFIGS if numbers[name])
    name = canonical_name(kind, numbers["config"]) or f"type={kind},{words}".rstrip(",")
    return PmuEvent(
        text=text,
        name=",".join((name, *(flag for flag in _FLAGS if fields.get(flag)))),
        pmu=_KERNEL_PMUS.get(PerfType(kind), "cpu") if pmu is None else pmu.name,
        type=kind,
        cpus=None if pmu is None else pmu.cpus,
        raw=_raw_address(numbers["config"], machine) if kind == PerfType.TRACEPOINT else None,
        config=numbers["config"],
        config1=numbers["config1"],
        config2=numbers["config2"],
        config3=numbers["config3"],
    )


def _raw_address(number: int, machine: Machine) -> RawAddress | None:
    for name in FAULT_TRACEPOINTS:
        try:
            found = machine.tracepoint(FAULT_SYSTEM, name)
        except PrimitiveError:
            continue
        if found.id == number:
            return fault_tracepoint(found)
    return None


def _type(value: object, machine: Machine) -> int:
    if isinstance(value, str) and not value[:1].isdigit():
        found = machine.find(value)
        if len(found) > 1:
            names = " or ".join(pmu.name for pmu in found)
            raise ConfigError(f"type {value} is of several PMUs: write {names}")
        return found[0].type
    return _within(read_count(value, "type"), "type", _MAX_U32)


def _number(fields: Mapping[object, object], name: str) -> int:
    value = fields.get(name)
    return 0 if value is None else read_count(value, name)


def _precision(fields: Mapping[object, object]) -> int | None:
    value = fields.get("precise_ip")
    if value is None:
        return None
    return _within(read_count(value, "precise_ip"), "precise_ip", _MOST_PRECISE)


def _switch(fields: Mapping[object, object], name: str) -> bool:
    value = fields.get(name, False)
    if isinstance(value, bool):
        return value
    if type(value) is int and value in (0, 1):
        return bool(value)
    raise ConfigError(f"{name} is {shown(value)}: expected true or false")


def _within(number: int, name: str, limit: int) -> int:
    if number > limit:
        raise ConfigError(f"{name} is {number}: expected at most {limit}")
    return number
