"""How often events are sampled: as asked, or by a default that fits their kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from damon_core.errors import PrimitiveError
from damon_perf_pmu.events import Item, resolve_on
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.pace import MAX_PERIOD, Pace, paced
from damon_perf_pmu.pmu_event import PmuEvent

from .machines import HASWELL

Build = Callable[[object], Machine]


@pytest.mark.parametrize(
    ("machine", "item", "period", "freq"),
    [
        ("Haswell", "minor-faults", 1, 0),
        ("Haswell", "mem:0x1000/8:rw", 1, 0),
        ("Haswell", "exceptions:page_fault_user", 1, 0),
        ("Haswell", "cpu/mem-loads,ldlat=30/P", 2003, 0),
        ("Haswell", "cpu/mem-stores/P", 100003, 0),
        ("Haswell", "r81d0:pp", 100003, 0),
        ("Haswell", "r20d1:pp", 1009, 0),
        ("Haswell", "r1d3:pp", 1009, 0),
        ("Alder Lake", "cpu_atom/mem-loads/P", 2003, 0),
        ("Zen 4", "ibs_op//", 262144, 0),
        ("Zen 4", "ibs_op/l3missonly/", 65536, 0),
        ("Zen 5", "ibs_op/ldlat=256/", 65536, 0),
        ("Haswell", "cpu/mem-loads,period=4001/P", 4001, 0),
        ("Haswell", "cpu/mem-loads,freq=1000/P", 0, 1000),
        ("Haswell", {"event": "cpu/mem-loads/P", "period": 4001}, 4001, 0),
        ("Haswell", {"event": "cpu/mem-loads,period=4001/P", "period": 4001}, 4001, 0),
        ("Haswell", {"event": "minor-faults", "freq": 100}, 0, 100),
        ("Haswell", {"event": "minor-faults", "period": "1,000", "freq": None}, 1000, 0),
        ("Haswell", "minor-faults/period=7/u", 7, 0),
        ("Zen 4", {"event": "ibs_op//", "freq": 1000}, 0, 1000),
        ("Zen 4", "ibs_op/period=144/", 144, 0),
    ],
)
def test_an_event_is_sampled_as_asked_or_by_its_default(
    build: Build, machine: str, item: Item, period: int, freq: int
) -> None:
    (event,) = resolve_on(build(machine), [item])
    assert (event.period, event.freq) == (period, freq)


def test_a_period_that_ibs_does_not_take_is_rounded_and_told(build: Build) -> None:
    (event,) = resolve_on(build("Zen 4"), [{"event": "ibs_op//", "period": 100003}])
    assert event.period == 100000
    assert event.notes == ("period 100003 becomes 100000: IBS takes multiples of 16",)


@given(st.integers(144, MAX_PERIOD))
def test_every_period_of_ibs_is_a_multiple_of_16_that_the_kernel_takes(period: int) -> None:
    event = PmuEvent(text="ibs_op//", name="ibs_op//", pmu="ibs_op", type=11, by_ibs=True)
    found = paced(event, Pace(period), 0)
    assert found.period % 16 == 0
    assert abs(found.period - period) <= 15
    assert 144 <= found.period <= MAX_PERIOD
    assert bool(found.notes) == (found.period != period)


def test_the_limit_is_the_one_that_the_kernel_has_lowered(build: Build) -> None:
    machine = build(evolve(HASWELL, max_sample_rate="4000"))
    assert resolve_on(machine, ["cpu/mem-loads,freq=4000/P"])[0].freq == 4000
    with pytest.raises(PrimitiveError, match="above this kernel's limit of 4000 samples a second"):
        resolve_on(machine, ["cpu/mem-loads,freq=4001/P"])


def test_a_limit_that_the_kernel_does_not_tell_is_left_to_it(build: Build) -> None:
    machine = build(evolve(HASWELL, max_sample_rate=""))
    assert resolve_on(machine, ["cpu/mem-loads,freq=400000/P"])[0].freq == 400000
