"""How events are opened and read: what each kind of sample holds, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from damon_core import ReportFlag
from damon_core.perf_attr import AttrFlag, SampleType
from damon_core.perf_decoding import Direction
from damon_core.vaddr import user_space_end
from damon_perf_pmu.events import resolve_on
from damon_perf_pmu.layout import Layout, layout_of
from damon_perf_pmu.machine import Machine

Build = Callable[[str], Machine]
S = SampleType
WHO = S.TID | S.TIME | S.CPU


@pytest.fixture
def layout(build: Build) -> Callable[..., Layout]:
    def laid_out(machine: str, text: str, physical: bool = False) -> Layout:
        *_, event = resolve_on(build(machine), text)
        return layout_of(event, physical=physical)

    return laid_out


LayOut = Callable[..., Layout]


def test_a_pmu_may_buffer_samples_which_a_clock_of_ours_would_not_let_it(layout: LayOut) -> None:
    found = layout("Haswell", "cpu/mem-loads/P")
    assert found.attr.sample_type == WHO | S.ADDR | S.PERIOD | S.DATA_SRC
    assert AttrFlag.USE_CLOCKID not in found.attr.flags
    assert not found.decoding.exact_time
    assert found.decoding.direction is Direction.DATA_SRC
    assert found.decoding.user_end == user_space_end()
    assert found.may_be_less_precise
    assert found.attr.precise_ip == 3


def test_physical_addresses_are_asked_for_only_if_they_are_needed(
    layout: LayOut,
) -> None:
    found = layout("Haswell", "cpu/mem-loads/P", physical=True)
    assert found.attr.sample_type == WHO | S.ADDR | S.PERIOD | S.DATA_SRC | S.PHYS_ADDR
    assert found.decoding.needs is ReportFlag.HAS_PADDR
    assert found.decoding.user_end == 0  # the kernel's accesses are to memory too


def test_physical_addresses_that_were_asked_for_come_beside_the_virtual_ones(
    build: Build,
) -> None:
    fields = {"type": 4, "config": 0x81D0, "precise_ip": 2, "sample_phys_addr": True}
    (event,) = resolve_on(build("Haswell"), fields)
    found = layout_of(event, physical=False)
    assert S.PHYS_ADDR in found.attr.sample_type
    assert found.decoding.needs is ReportFlag.HAS_VADDR


def test_of_its_own_events_the_kernel_would_sample_each_one_if_asked_for_the_period(
    layout: LayOut,
) -> None:
    found = layout("guest", "minor-faults")
    assert found.attr.sample_type == WHO | S.ADDR
    assert found.decoding.weight == found.attr.sample_period == 1
    assert found.sampled_at(8).decoding.weight == 8
    assert AttrFlag.USE_CLOCKID in found.attr.flags
    assert found.decoding.exact_time
    assert not found.tells_direction


def test_ibs_is_read_from_its_registers(layout: LayOut) -> None:
    found = layout("Zen 4", "ibs_op//")
    assert S.RAW in found.attr.sample_type
    assert (found.decoding.direction, found.decoding.raw_write) == (Direction.IBS, 36)
    assert found.attr.precise_ip == 0
    assert not found.may_be_less_precise
    assert layout("Zen 4", "cycles:p").attr.precise_ip == 1


def test_a_breakpoint_reports_the_bytes_that_it_watches(layout: LayOut) -> None:
    found = layout("guest", "mem:0x1000/4:w")
    assert (found.decoding.align, found.decoding.flags) == (4, ReportFlag.WRITE)
    assert found.tells_direction
    assert not layout("guest", "mem:0x1000/4:rw").tells_direction


def test_faults_by_tracepoint_have_address_and_direction_in_their_raw_data(
    layout: LayOut,
) -> None:
    found = layout("guest", "exceptions:page_fault_user")
    assert found.attr.sample_type == WHO | S.RAW
    assert found.decoding.direction is Direction.RAW
    assert found.decoding.raw_addr > 0


def test_a_frequency_is_no_weight(layout: LayOut) -> None:
    found = layout("Haswell", "cpu/mem-stores,freq=99/P")
    assert AttrFlag.FREQ in found.attr.flags
    assert (found.attr.sample_period, found.decoding.weight) == (99, 1)
    assert AttrFlag.FREQ not in found.sampled_every(7).attr.flags


def test_a_leader_counts_and_shares_clock_and_exclusions(layout: LayOut) -> None:
    found = layout("Haswell", "{page-faults,minor-faults:u}")
    assert found.leader is not None
    assert AttrFlag.USE_CLOCKID in found.leader.flags
    assert found.leader.sample_period == 0
    of_user_mode = found.of_user_mode()
    assert of_user_mode.leader is not None
    for attr in (of_user_mode.attr, of_user_mode.leader):
        assert AttrFlag.EXCLUDE_KERNEL in attr.flags
