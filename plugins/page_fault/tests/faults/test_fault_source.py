"""Which events faults are: what this kernel does not have is said, never guessed."""

from __future__ import annotations

import pytest

from damon_core.access import ReportFlag
from damon_core.errors import ConfigError, PrimitiveError
from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.model import AddrRange, Ops
from damon_core.perf_attr import AttrFlag, PerfType, SampleType, SoftwareEvent
from damon_core.perf_decoding import Direction
from damon_core.tracepoint import TraceField, Tracepoint
from damon_page_fault import fault_source as module
from damon_page_fault.fault_options import FaultEvent
from damon_page_fault.fault_sampling import range_filter
from damon_page_fault.fault_source import fault_source

FIELDS = {
    "address": TraceField(16, 8, False),
    "ip": TraceField(8, 8, False),
    "error_code": TraceField(24, 8, False),
}


def have(monkeypatch: pytest.MonkeyPatch, **tracepoints: Tracepoint) -> None:
    """Let the kernel have these tracepoints and no others."""

    def read(system: str, name: str) -> Tracepoint:
        if name not in tracepoints:
            raise PrimitiveError(f"the kernel has no tracepoint {system}:{name}")
        return tracepoints[name]

    monkeypatch.setattr(module, "read_tracepoint", read)


def tracepoint(name: str, number: int, **fields: TraceField) -> Tracepoint:
    return Tracepoint(name, number, {**FIELDS, **fields})


def test_the_fields_of_the_tracepoint_are_looked_for_where_the_kernel_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user, kernel = tracepoint("page_fault_user", 7), tracepoint("page_fault_kernel", 8)
    have(monkeypatch, page_fault_user=user, page_fault_kernel=kernel)
    source = fault_source(FaultEvent.AUTO, Ops.VADDR)
    assert [(one.type, one.config) for one in source.attrs] == [
        (PerfType.TRACEPOINT, 7),
        (PerfType.TRACEPOINT, 8),
    ]
    decoding = source.decoding
    assert (decoding.raw_addr, decoding.raw_write, decoding.write_mask) == (16, 24, 2)
    assert decoding.direction is Direction.RAW
    assert source.knows_direction
    assert not source.needs_frames


def test_two_tracepoints_that_differ_are_not_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    user = tracepoint("page_fault_user", 7)
    kernel = tracepoint("page_fault_kernel", 8, address=TraceField(32, 8, False))
    have(monkeypatch, page_fault_user=user, page_fault_kernel=kernel)
    with pytest.raises(PrimitiveError, match="differ in their fields: use fault_event page-faults"):
        fault_source(FaultEvent.TRACEPOINT, Ops.VADDR)
    assert not fault_source(FaultEvent.AUTO, Ops.VADDR).knows_direction


def test_without_the_tracepoint_faults_have_no_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch)
    source = fault_source(FaultEvent.AUTO, Ops.VADDR)
    assert (source.name, source.knows_direction) == ("page-faults", False)
    assert source.decoding.flags == ReportFlag(0)
    with pytest.raises(PrimitiveError, match="no tracepoint exceptions:page_fault_user"):
        fault_source(FaultEvent.TRACEPOINT, Ops.VADDR)


def test_of_physical_memory_faults_are_counted_when_they_have_been_handled() -> None:
    source = fault_source(FaultEvent.AUTO, Ops.PADDR)
    assert [one.config for one in source.attrs] == [
        SoftwareEvent.PAGE_FAULTS_MIN,
        SoftwareEvent.PAGE_FAULTS_MAJ,
    ]
    assert SampleType.PHYS_ADDR in source.decoding.sample_type
    assert source.decoding.needs is ReportFlag.HAS_PADDR


def test_the_unprivileged_see_user_mode_only() -> None:
    source = fault_source(FaultEvent.PAGE_FAULTS, Ops.VADDR).of_user_mode()
    assert all(AttrFlag.EXCLUDE_KERNEL in one.flags for one in source.attrs)


def test_a_filter_names_every_range() -> None:
    ranges = [AddrRange(0x1000, 0x2000), AddrRange(0x5000, 0x9000)]
    assert range_filter(ranges) == (
        "(address >= 0x1000 && address < 0x2000) || (address >= 0x5000 && address < 0x9000)"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fault_event": "minor"}, "minor-faults"),
        ({"scope": "process"}, "auto, machine, threads"),
        ({"ring_size": "100 KiB"}, "a ring of 100 KiB is not possible: expected a power of two"),
        ({"max_ring_size": 512}, "4 KiB or more"),
        ({"ring_size": "much"}, "a size such as"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        PrimitiveHost([PrimitiveChoice("page_fault", options)], Ops.VADDR)
