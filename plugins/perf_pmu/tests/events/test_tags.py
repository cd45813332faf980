"""Tags stand for what this machine samples memory by."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from damon_core.errors import PrimitiveError
from damon_perf_pmu.events import resolve_on
from damon_perf_pmu.machine import Machine

Build = Callable[[object], Machine]
OF_KERNEL = (
    "minor-faults, major-faults, page-faults, exceptions:page_fault_user, "
    "exceptions:page_fault_kernel, mem:ADDR/LEN:rw"
)


@pytest.mark.parametrize(
    ("machine", "tag", "events"),
    [
        ("Nehalem", "auto", ["cpu/mem-loads,ldlat=30/P"]),
        ("Haswell", "auto", ["cpu/mem-loads,ldlat=30/P", "cpu/mem-stores/P"]),
        ("Haswell", "ldlat-loads", ["cpu/mem-loads,ldlat=30/P"]),
        ("Haswell", "ldlat-stores", ["cpu/mem-stores/P"]),
        ("Sapphire Rapids", "auto", ["cpu/mem-loads,ldlat=30/P", "cpu/mem-stores/P"]),
        (
            "Alder Lake",
            "auto",
            [
                "cpu_atom/mem-loads,ldlat=30/P",
                "cpu_core/mem-loads,ldlat=30/P",
                "cpu_atom/mem-stores/P",
                "cpu_core/mem-stores/P",
            ],
        ),
        ("Zen 4", "auto", ["ibs_op//"]),
        ("Zen 4", "mem-ldst", ["ibs_op//"]),
    ],
)
def test_a_tag_stands_for_events(build: Build, machine: str, tag: str, events: list[str]) -> None:
    found = resolve_on(build(machine), [tag])
    assert [event.name for event in found] == events
    assert {event.text for event in found} == {tag}


def test_a_tag_has_modifiers_and_neighbours(build: Build) -> None:
    events = resolve_on(build("Haswell"), "ldlat-loads:u, minor-faults")
    assert [(event.name, event.text) for event in events] == [
        ("cpu/mem-loads,ldlat=30/Pu", "ldlat-loads:u"),
        ("minor-faults", "minor-faults"),
    ]


def test_loads_of_a_tag_are_led_where_they_must_be(build: Build) -> None:
    leaders = {
        event.name: event.leader.config if event.leader else None
        for event in resolve_on(build("Alder Lake"), ["auto"])
    }
    assert leaders == {
        "cpu_core/mem-loads,ldlat=30/P": 0x8203,
        "cpu_atom/mem-loads,ldlat=30/P": None,
        "cpu_core/mem-stores/P": None,
        "cpu_atom/mem-stores/P": None,
    }


def test_a_processor_that_samples_no_stores_says_so(build: Build) -> None:
    (event,) = resolve_on(build("Nehalem"), ["auto"])
    assert event.notes == ("this processor samples loads, and no stores",)
    assert not any(one.notes for one in resolve_on(build("Haswell"), ["auto"]))


def test_the_pace_of_a_tag_is_that_of_its_events(build: Build) -> None:
    events = resolve_on(build("Haswell"), [{"event": "auto", "period": 5003}])
    assert [(event.period, event.pace_asked) for event in events] == [(5003, True)] * 2


@pytest.mark.parametrize(
    ("machine", "tag", "message"),
    [
        (
            "guest",
            "auto",
            "no hardware memory sampling here (virtual machine without vPMU?); "
            f"what works here instead: {OF_KERNEL}",
        ),
        (
            "guest without PEBS",
            "ldlat-loads",
            "no hardware memory sampling here (virtual machine without vPMU?); "
            f"what works here instead: {OF_KERNEL}",
        ),
        (
            "Arm SPE",
            "auto",
            "arm_spe_0 is not sampled live: record with perf record, then damon import the output "
            f"of perf script; what works live here: {OF_KERNEL}",
        ),
        (
            "Zen 4",
            "ldlat-loads",
            "this processor has no ldlat-loads (loads that took 30 cycles or more (Intel)); "
            f"what works here: ibs_op//, {OF_KERNEL}",
        ),
        (
            "Nehalem",
            "ldlat-stores",
            "this processor has no ldlat-stores (stores (Intel)); "
            f"what works here: cpu/mem-loads,ldlat=30/P, {OF_KERNEL}",
        ),
    ],
)
def test_a_tag_without_events_says_what_works_instead(
    build: Build, machine: str, tag: str, message: str
) -> None:
    with pytest.raises(PrimitiveError) as raised:
        resolve_on(build(machine), [tag])
    assert str(raised.value) == f"event {tag!r}: {message}"
