"""Whatever a configuration says under events: it is resolved, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from damon_core.errors import DamonError
from damon_core.perf_attr import PerfAttr
from damon_perf_pmu.capability import Answer, classify
from damon_perf_pmu.events import resolve_on
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.pmu_event import PmuEvent
from damon_perf_pmu.raw_attr import FIELDS

from .machines import MACHINES

PIECES = (
    *("cpu", "cpu_core", "ibs_op", "arm_spe", "uncore_imc", "r1cd", "minor-faults", "cycles"),
    *("mem-loads", "mem-stores", "mem-loads-aux", "ldlat=30", "event=0xd0", "umask=0x81", "name=x"),
    *("period=100", "freq=100", "mem:0x1000", "8", "rw", "auto", "exceptions:page_fault_user"),
    *(
        "/",
        "//",
        ",",
        ":",
        "{",
        "}",
        ":P",
        ":u",
        "u",
        "pp",
        " ",
        "@x",
        "*",
        "=",
        "config=",
        "0x1",
        "²",
        "\n",
    ),
)
NUMBERS = st.one_of(
    st.integers(-2, 2**65), st.sampled_from(["0x1cd", "1,000", "x", ""]), st.booleans(), st.none()
)


@pytest.fixture(scope="module")
def machines(build: Callable[[object], Machine]) -> list[Machine]:
    return [build(machine) for machine in MACHINES.values()]


def check(machine: Machine, item: object) -> None:
    try:
        events = resolve_on(machine, [item])  # type: ignore[list-item]
    except DamonError as error:
        message = str(error)
    else:
        check_events(events, machine)
        return
    assert "\n" not in message
    assert message.startswith("event ")


def check_events(events: tuple[PmuEvent, ...], machine: Machine) -> None:
    assert len({event.name for event in events}) == len(events) > 0
    for event in events:
        check_event(event, machine)


def check_event(event: PmuEvent, machine: Machine) -> None:
    assert (event.period > 0) != (event.freq > 0)
    assert event.leader is None or not event.leader.leader
    assert classify(event, machine).answer in Answer
    # A kernel can be asked for it: every number has room where it belongs.
    attr = PerfAttr(
        type=event.type,
        config=event.config,
        config1=event.config1,
        config2=event.config2,
        config3=event.config3,
        sample_period=event.period or event.freq,
        flags=event.flags,
        bp_type=event.bp_type,
    )
    assert len(attr.pack()) >= 64
    assert evolve(event) == event


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.integers(0, 10))
def test_any_text_is_resolved_or_refused(machines: list[Machine], text: str, number: int) -> None:
    check(machines[number % len(machines)], text)


@given(
    st.dictionaries(st.sampled_from((*FIELDS, "event", "perid")), NUMBERS, max_size=6),
    st.sampled_from((0, 1, 2, 3, 4, 5, 10, 11, "cpu", "ibs_op", None)),
    st.integers(0, 10),
)
def test_any_fields_are_resolved_or_refused(
    machines: list[Machine], fields: dict[str, object], kind: object, number: int
) -> None:
    check(machines[number % len(machines)], {"type": kind, **fields})
