"""What an event becomes on each machine: its type and config words, to the bit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from damon_core.access import ReportFlag
from damon_core.perf_attr import AttrFlag, PerfType
from damon_perf_pmu.events import Item, resolve_on
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.pmu_event import PmuEvent

from .machines import ALDER_LAKE, HASWELL, LUNAR_LAKE, SAPPHIRE_RAPIDS, ZEN4, ZEN5

Build = Callable[[object], Machine]
READ, WRITE, UNKNOWN = ReportFlag.READ, ReportFlag.WRITE, ReportFlag(0)
BIG, SMALL = frozenset(range(16)), frozenset((16, 17, 18, 19, 22))


def words(event: PmuEvent) -> tuple[str, int, int, int]:
    return event.name, event.type, event.config, event.config1


@pytest.mark.parametrize(
    ("machine", "item", "expected"),
    [
        (HASWELL, "cpu/mem-loads,ldlat=30/P", [("cpu/mem-loads,ldlat=30/P", 4, 0x1CD, 30)]),
        (HASWELL, "cpu/mem-loads/", [("cpu/mem-loads/", 4, 0x1CD, 3)]),
        (HASWELL, "cpu/ldlat=30,mem-loads/", [("cpu/ldlat=30,mem-loads/", 4, 0x1CD, 30)]),
        (HASWELL, "cpu/mem-stores/P", [("cpu/mem-stores/P", 4, 0x82D0, 0)]),
        (HASWELL, "mem-stores:P", [("cpu/mem-stores/P", 4, 0x82D0, 0)]),
        (HASWELL, "r81d0:p", [("r81d0:p", 4, 0x81D0, 0)]),
        (HASWELL, "cpu/r81d0/p", [("cpu/r81d0/p", 4, 0x81D0, 0)]),
        (
            HASWELL,
            "cpu/event=0xd1,umask=0x20,inv/",
            [("cpu/event=0xd1,umask=0x20,inv/", 4, 0x8020D1, 0)],
        ),
        (
            HASWELL,
            "cpu/config=0x1cd,config1=0x1e/",
            [("cpu/config=0x1cd,config1=0x1e/", 4, 0x1CD, 30)],
        ),
        (HASWELL, "cpu/cycles/", [("cpu/cycles/", 4, 0x3C, 0)]),
        (HASWELL, "cycles", [("cycles", 0, 0, 0)]),
        (HASWELL, "L1-dcache-load-misses", [("L1-dcache-load-misses", 3, 0x10000, 0)]),
        (HASWELL, "uncore_imc/cas_count_read/", [("uncore_imc_0/cas_count_read/", 20, 0x304, 0)]),
        (HASWELL, "uncore*/event=4/", [("uncore_imc_0/event=4/", 20, 4, 0)]),
        (SAPPHIRE_RAPIDS, "cpu/mem-stores/P", [("cpu/mem-stores/P", 4, 0x2CD, 0)]),
        (
            ALDER_LAKE,
            "cpu/mem-loads,ldlat=30/P",
            [
                ("cpu_atom/mem-loads,ldlat=30/P", 10, 0x5D0, 30),
                ("cpu_core/mem-loads,ldlat=30/P", 4, 0x1CD, 30),
            ],
        ),
        (ALDER_LAKE, "cpu_atom/mem-stores/P", [("cpu_atom/mem-stores/P", 10, 0x6D0, 0)]),
        (
            ALDER_LAKE,
            "cycles:u",
            [
                ("cpu_atom/cycles/u", 0, 0xA_0000_0000, 0),
                ("cpu_core/cycles/u", 0, 0x4_0000_0000, 0),
            ],
        ),
        (
            ALDER_LAKE,
            "LLC-loads",
            [
                ("cpu_atom/LLC-loads/", 3, 0xA_0000_0002, 0),
                ("cpu_core/LLC-loads/", 3, 0x4_0000_0002, 0),
            ],
        ),
        (
            ALDER_LAKE,
            "r20d1:pp",
            [("cpu_atom/r20d1/pp", 10, 0x20D1, 0), ("cpu_core/r20d1/pp", 4, 0x20D1, 0)],
        ),
        (
            LUNAR_LAKE,
            "cpu_core/event=0xd0,umask=0x1281/",
            [("cpu_core/event=0xd0,umask=0x1281/", 4, 0x1200_0000_81D0, 0)],
        ),
        (ZEN4, "ibs_op//", [("ibs_op//", 11, 0, 0)]),
        (
            ZEN4,
            "ibs_op/cnt_ctl=1,l3missonly=1/",
            [("ibs_op/cnt_ctl=1,l3missonly=1/", 11, 0x90000, 0)],
        ),
        (ZEN4, "ibs_op/cnt_ctl,l3missonly/", [("ibs_op/cnt_ctl,l3missonly/", 11, 0x90000, 0)]),
        (ZEN4, "cpu/event=0x176/", [("cpu/event=0x176/", 4, 0x1_0000_0076, 0)]),
        (ZEN5, "ibs_op/ldlat=128/", [("ibs_op/ldlat=128/", 11, 0, 128)]),
    ],
)
def test_an_event_becomes_these_words(
    build: Build, machine: object, item: str, expected: list[tuple[str, int, int, int]]
) -> None:
    assert [words(event) for event in resolve_on(build(machine), [item])] == expected


def test_an_event_of_hybrid_cores_opens_on_its_own_kind(build: Build) -> None:
    small, big = resolve_on(build(ALDER_LAKE), ["cpu/mem-stores/P"])
    assert (small.pmu, small.cpus) == ("cpu_atom", SMALL)
    assert (big.pmu, big.cpus) == ("cpu_core", BIG)


@pytest.mark.parametrize(
    "item",
    [
        "cpu/mem-loads,ldlat=30/P",
        "{cpu/mem-loads-aux/,cpu/mem-loads,ldlat=30/}:P",
        "r1cd:P",
        {"type": 4, "config": "0x1cd", "config1": 30, "precise_ip": 2},
    ],
)
def test_loads_by_latency_are_led_by_the_auxiliary_event_where_there_is_one(
    build: Build, item: Item
) -> None:
    (event,) = resolve_on(build(SAPPHIRE_RAPIDS), [item])
    leader = event.leader
    assert leader is not None
    assert (leader.pmu, leader.config, leader.is_auxiliary) == ("cpu", 0x8203, True)
    assert (leader.period, leader.freq, leader.precise) == (0, 0, 0)
    assert event.config == 0x1CD
    assert event.direction is READ


def test_without_an_auxiliary_event_loads_have_no_leader(build: Build) -> None:
    assert resolve_on(build(HASWELL), ["cpu/mem-loads/P"])[0].leader is None
    small, big = resolve_on(build(ALDER_LAKE), ["cpu/mem-loads/P"])
    assert small.leader is None
    assert big.leader is not None
    assert big.leader.cpus == BIG


def test_the_group_of_a_hybrid_machine_is_one_for_each_kind_of_core(build: Build) -> None:
    events = resolve_on(build(ALDER_LAKE), ["{cpu/instructions/,cpu/mem-stores/}:u"])
    led = [(event.name, event.leader.name) for event in events if event.leader is not None]
    assert led == [
        ("cpu_atom/mem-stores/u", "cpu_atom/instructions/u"),
        ("cpu_core/mem-stores/u", "cpu_core/instructions/u"),
    ]


def test_a_leader_that_tells_addresses_is_sampled_too(build: Build) -> None:
    first, second = resolve_on(build(HASWELL), ["{minor-faults, major-faults}"])
    assert second.leader is first
    assert first.leader is None


@pytest.mark.parametrize(
    ("machine", "item", "direction"),
    [
        (HASWELL, "cpu/mem-loads/P", READ),
        (HASWELL, "cpu/mem-stores/P", WRITE),
        (HASWELL, "r82d0:p", WRITE),
        (HASWELL, "r42d0:p", WRITE),
        (HASWELL, "r81d0:p", READ),
        (HASWELL, "r20d1:p", READ),
        (HASWELL, "r1d3:p", READ),
        (HASWELL, "r00d3:p", UNKNOWN),
        (HASWELL, "r2cd:p", UNKNOWN),
        (SAPPHIRE_RAPIDS, "r2cd:p", WRITE),
        (ALDER_LAKE, "cpu_atom/mem-stores/P", WRITE),
        (ALDER_LAKE, "cpu_atom/event=0xd0,umask=0x81/P", UNKNOWN),
        (ZEN4, "ibs_op//", UNKNOWN),
        (HASWELL, "mem:0x1000/8:w", WRITE),
        (HASWELL, "mem:0x1000/8:rw", UNKNOWN),
        (HASWELL, "minor-faults", UNKNOWN),
    ],
)
def test_the_direction_is_known_from_the_event_where_that_tells_it(
    build: Build, machine: object, item: str, direction: ReportFlag
) -> None:
    assert resolve_on(build(machine), [item])[0].direction == direction


@pytest.mark.parametrize(
    ("letters", "flags", "precise"),
    [
        ("", AttrFlag(0), None),
        ("u", AttrFlag.EXCLUDE_KERNEL | AttrFlag.EXCLUDE_HV, None),
        ("k", AttrFlag.EXCLUDE_USER | AttrFlag.EXCLUDE_HV, None),
        ("uk", AttrFlag.EXCLUDE_HV, None),
        ("h", AttrFlag.EXCLUDE_USER | AttrFlag.EXCLUDE_KERNEL, None),
        ("upp", AttrFlag.EXCLUDE_KERNEL | AttrFlag.EXCLUDE_HV, 2),
        ("ppp", AttrFlag(0), 3),
        ("P", AttrFlag(0), "max"),
        ("D", AttrFlag.PINNED, None),
    ],
)
def test_modifiers_say_whose_accesses_count_and_how_precisely(
    build: Build, letters: str, flags: AttrFlag, precise: object
) -> None:
    (event,) = resolve_on(build(HASWELL), [f"cpu/mem-loads/{letters}"])
    assert (event.flags, event.precise) == (flags, precise)


def test_ibs_filters_by_privilege_where_it_can(build: Build) -> None:
    (event,) = resolve_on(build(ZEN5), ["ibs_op//u"])
    assert event.config2 == 1
    assert AttrFlag.EXCLUDE_KERNEL in event.flags


def test_cycles_that_the_kernel_hands_on_are_sampled_by_ibs(build: Build) -> None:
    machine = build(ZEN4)
    for item in ("cycles:p", "r076:p", "r0C1:pp"):
        (event,) = resolve_on(machine, [{"event": item, "period": 100003}])
        assert (event.by_ibs, event.period) == (True, 100000)
    assert not resolve_on(machine, ["cycles"])[0].by_ibs
    assert resolve_on(machine, ["cycles"])[0].type == PerfType.HARDWARE
