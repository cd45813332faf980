"""Which events tell the addresses of accesses: known, known not to, or to be tried."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from damon_core.errors import PrimitiveError
from damon_perf_pmu.capability import Answer, classify, require_addresses
from damon_perf_pmu.events import Item, resolve_on
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.offers import address_events

from .machines import HASWELL, FakeMachine

Build = Callable[[object], Machine]
YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN


@pytest.mark.parametrize(
    ("machine", "item", "virtual", "physical"),
    [
        ("Haswell", "page-faults", YES, NO),
        ("Haswell", "minor-faults", YES, YES),
        ("Haswell", "major-faults", YES, YES),
        ("Haswell", "cpu-clock", NO, NO),
        ("Haswell", "task-clock", NO, NO),
        ("Haswell", "context-switches", NO, NO),
        ("Haswell", "cpu-migrations", NO, NO),
        ("Haswell", "dummy", NO, NO),
        ("Haswell", "bpf-output", NO, NO),
        ("Haswell", "mem:0x1000/8:rw", YES, YES),
        ("Haswell", "exceptions:page_fault_user", YES, NO),
        ("Haswell", "sched:sched_switch", NO, NO),
        ("Haswell", "cpu/mem-loads,ldlat=30/P", YES, YES),
        ("Haswell", "cpu/mem-loads/", YES, YES),
        ("Haswell", {"type": 4, "config": 0x1CD, "precise_ip": 0}, NO, NO),
        ("Haswell", "cpu/mem-stores/P", YES, YES),
        ("Haswell", "r81d0:p", YES, YES),
        ("Haswell", "r20d1:pp", YES, YES),
        ("Haswell", "cpu/event=0xd0,umask=0x81,cmask=1/P", UNKNOWN, UNKNOWN),
        ("Haswell", "r0c0:p", UNKNOWN, UNKNOWN),
        ("Haswell", "cycles:P", NO, NO),
        ("Haswell", "instructions:P", NO, NO),
        ("Haswell", "L1-dcache-loads:P", UNKNOWN, UNKNOWN),
        ("Haswell", "uncore_imc/cas_count_read/", NO, NO),
        ("Haswell", "msr/tsc/", NO, NO),
        ("Ivy Bridge", "cpu/mem-stores/P", YES, YES),
        ("Ivy Bridge", "r81d0:p", UNKNOWN, UNKNOWN),
        ("Nehalem", "cpu/mem-loads/P", YES, YES),
        ("Sapphire Rapids", "auto", YES, YES),
        ("Alder Lake", "auto", YES, YES),
        ("Alder Lake", "cpu_core/event=0xd1,umask=0x20/P", YES, YES),
        ("Alder Lake", "cpu_atom/event=0xd1,umask=0x20/P", UNKNOWN, UNKNOWN),
        ("Alder Lake", "cycles:P", NO, NO),
        ("Lunar Lake", "cpu_core/event=0xd0,umask=0x1281/P", UNKNOWN, UNKNOWN),
        ("Zen 4", "ibs_op//", YES, YES),
        ("Zen 4", "ibs_fetch//", NO, NO),
        ("Zen 4", "cycles:p", YES, YES),
        ("Zen 4", "r076:p", YES, YES),
        ("Zen 4", "r0C1:pp", YES, YES),
        ("Zen 4", "cycles", NO, NO),
        ("Zen 4", "instructions:p", NO, NO),
        ("Zen 4", "r1cd:p", NO, NO),
        ("Zen 4", "amd_df/event=1/", NO, NO),
        ("Arm SPE", "arm_spe//", NO, NO),
        ("Arm SPE", "armv8_pmuv3/mem_access/", NO, NO),
        ("guest", "cycles:P", NO, NO),
        ("guest", "r1cd:P", NO, NO),
        ("guest without PEBS", "r1cd:P", NO, NO),
    ],
)
def test_events_are_classified(
    build: Build, machine: str, item: Item, virtual: Answer, physical: Answer
) -> None:
    built = build(machine)
    for event in resolve_on(built, [item]):
        assert classify(event, built).answer is virtual
        assert classify(event, built, physical=True).answer is physical


@pytest.mark.parametrize(
    ("machine", "item", "why"),
    [
        ("Haswell", "cpu-clock", "gives no addresses: it is no access to memory"),
        ("Haswell", "cycles:P", "gives no addresses: it counts more than loads and stores"),
        ("Haswell", "r0c0:p", "is not known to give addresses: it is none of the events known to"),
        (
            "Zen 4",
            "cycles",
            "gives no addresses: counters of AMD have none: "
            "with modifier p the kernel hands it on to IBS",
        ),
        ("Zen 4", "ibs_fetch//", "gives no addresses: it samples the addresses of code"),
        ("Zen 4", "amd_df/event=1/", "gives no addresses: PMU amd_df counts outside of the cores"),
        (
            "guest",
            "cycles:P",
            "gives no addresses: no hardware memory sampling here (virtual machine without vPMU?)",
        ),
    ],
)
def test_an_event_without_addresses_is_refused_with_the_reason_and_those_that_have_them(
    build: Build, machine: str, item: str, why: str
) -> None:
    built = build(machine)
    with pytest.raises(PrimitiveError) as raised:
        require_addresses(resolve_on(built, [item]), built)
    fit = ", ".join(one.text for one in address_events(built))
    assert str(raised.value) == f"event {item!r} {why}; what gives them here: {fit}"


def test_force_lets_the_unknown_pass_and_never_what_is_known_not_to_work(build: Build) -> None:
    machine = build("Haswell")
    require_addresses(resolve_on(machine, ["r0c0:p", "minor-faults"]), machine, force=True)
    with pytest.raises(PrimitiveError, match="counts more than loads and stores"):
        require_addresses(resolve_on(machine, ["cycles:p"]), machine, force=True)


def test_for_physical_memory_only_those_events_are_named_that_tell_it(build: Build) -> None:
    machine = build("Haswell")
    with pytest.raises(PrimitiveError) as raised:
        require_addresses(resolve_on(machine, ["page-faults"]), machine, physical=True)
    assert str(raised.value) == (
        "event 'page-faults' gives no physical addresses: page-faults are counted before the page "
        "is there; what gives them here: cpu/mem-loads,ldlat=30/P, cpu/mem-stores/P, minor-faults, "
        "major-faults, mem:ADDR/LEN:rw"
    )


@pytest.mark.parametrize(
    ("machine", "texts"),
    [
        ("Nehalem", ["cpu/mem-loads,ldlat=30/P"]),
        (
            "Alder Lake",
            [
                "cpu_atom/mem-loads,ldlat=30/P",
                "cpu_atom/mem-stores/P",
                "cpu_core/mem-loads,ldlat=30/P",
                "cpu_core/mem-stores/P",
            ],
        ),
        ("Zen 5", ["ibs_op//"]),
        ("Arm SPE", []),
        ("guest", []),
    ],
)
def test_the_events_with_addresses_are_listed(build: Build, machine: str, texts: list[str]) -> None:
    found = address_events(build(machine))
    of_kernel = ["minor-faults", "major-faults", "page-faults"]
    of_kernel += ["exceptions:page_fault_user", "exceptions:page_fault_kernel", "mem:ADDR/LEN:rw"]
    assert [one.text for one in found] == texts + of_kernel


def test_what_is_listed_resolves_and_is_what_it_says(build: Build) -> None:
    for name in ("Haswell", "Alder Lake", "Zen 4", "guest"):
        machine = build(name)
        for one in address_events(machine):
            for event in resolve_on(machine, [one.text.replace("ADDR/LEN", "0x1000/8")]):
                assert classify(event, machine).answer is YES
                assert (classify(event, machine, physical=True).answer is YES) is one.physical


def test_tracepoints_that_may_not_be_read_are_not_listed(build: Build) -> None:
    machine = build(FakeMachine("GenuineIntel", HASWELL.pmus, tracepoints=False))
    assert not [one for one in address_events(machine) if ":page_fault" in one.text]
