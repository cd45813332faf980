"""Events of this machine: what is resolved from its own sysfs is what its kernel opens."""

from __future__ import annotations

import ctypes
import mmap
import os

import pytest

from damon_core.errors import PrimitiveError
from damon_core.perf_attr import PerfAttr
from damon_core.perf_event import PerfEvent
from damon_perf_pmu.capability import Answer, classify
from damon_perf_pmu.events import resolve_events, resolve_on
from damon_perf_pmu.machine import NO_SAMPLING, Machine
from damon_perf_pmu.offers import address_events
from damon_perf_pmu.pmu_event import PmuEvent

pytestmark = pytest.mark.live


def opened(event: PmuEvent) -> PerfEvent:
    """The event for this thread, counting nothing yet."""
    return PerfEvent(
        PerfAttr(
            type=event.type,
            config=event.config,
            config1=event.config1,
            config2=event.config2,
            bp_type=event.bp_type,
            sample_period=event.period,
            flags=event.flags,
        ),
        pid=0,
    )


@pytest.mark.parametrize(
    "text",
    [
        "page-faults",
        "minor-faults:u",
        "major-faults",
        "cpu-clock",
        "exceptions:page_fault_user",
        "exceptions:page_fault_kernel",
    ],
)
def test_an_event_of_the_kernel_opens(text: str) -> None:
    (event,) = resolve_events([text])
    with opened(event):
        pass


def test_every_event_that_is_offered_resolves_and_has_addresses() -> None:
    machine = Machine()
    for one in address_events(machine):
        for event in resolve_on(machine, [one.text.replace("ADDR/LEN", "0x1000/8")]):
            assert classify(event, machine).answer is Answer.YES


def test_a_breakpoint_counts_the_writes_of_this_program() -> None:
    word = ctypes.c_uint64()
    (event,) = resolve_events([f"mem:{ctypes.addressof(word):#x}/8:w:u"])
    with opened(event) as perf:
        perf.enable()
        for number in range(100):
            word.value = number
        perf.disable()
        assert perf.read().value == 100


def test_faults_of_this_program_are_counted() -> None:
    (event,) = resolve_events(["minor-faults:u"])
    page = os.sysconf("SC_PAGE_SIZE")
    with mmap.mmap(-1, 64 * page) as memory, opened(event) as perf:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        perf.enable()
        for start in range(0, len(memory), page):
            memory[start] = 1
        perf.disable()
        assert perf.read().value >= 64


def test_auto_finds_the_memory_events_of_this_machine_or_says_what_it_has() -> None:
    machine = Machine()
    if machine.memory_pmus:
        assert all(event.text == "auto" for event in resolve_on(machine, ["auto"]))
        return
    with pytest.raises(PrimitiveError) as raised:
        resolve_on(machine, ["auto"])
    assert NO_SAMPLING in str(raised.value)
    assert "minor-faults" in str(raised.value)
