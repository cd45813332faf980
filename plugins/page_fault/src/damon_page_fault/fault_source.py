"""Which perf events are the faults that were asked for, and how their samples are read."""

from __future__ import annotations

from attrs import evolve, frozen

from damon_core.access import ReportFlag
from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.perf_attr import AttrFlag, PerfAttr, PerfType, SampleType, SoftwareEvent
from damon_core.perf_decoding import Direction, PerfDecoding
from damon_core.tracepoint import read_tracepoint
from damon_core.vaddr import user_space_end

from .fault_options import FaultEvent

# Of the faults of a process those in user mode, and those that the kernel has on its behalf.
TRACEPOINTS = ("page_fault_user", "page_fault_kernel")
_WRITE = 2  # x86: the access was a write; RISC-V: tells 15, store, from 13, load
_WHO = SampleType.TID | SampleType.TIME | SampleType.CPU

_SOFTWARE = {
    FaultEvent.PAGE_FAULTS: (SoftwareEvent.PAGE_FAULTS,),
    FaultEvent.MINOR_FAULTS: (SoftwareEvent.PAGE_FAULTS_MIN,),
    FaultEvent.MAJOR_FAULTS: (SoftwareEvent.PAGE_FAULTS_MAJ,),
}
HANDLED = (SoftwareEvent.PAGE_FAULTS_MIN, SoftwareEvent.PAGE_FAULTS_MAJ)
"""Faults that are counted when the page is there: only then it has a physical address."""


# What a sample adds to a fault, at most (bench/faults.py); perf_pmu counts on the same.
_SOFTWARE_NS = 900
_TRACEPOINT_NS = 1_300


@frozen
class FaultSource:
    """Events of one layout; ``sample_ns`` is what one sample costs, where the fault happens.

    ``knows_direction``: samples tell reads from writes.  ``takes_filters``: the kernel can drop
    samples by address.  ``needs_frames``: physical addresses are asked for, and must be looked up.
    """

    name: str
    attrs: tuple[PerfAttr, ...]
    decoding: PerfDecoding
    sample_ns: int = _SOFTWARE_NS
    knows_direction: bool = False
    takes_filters: bool = False
    needs_frames: bool = False

    def of_user_mode(self) -> FaultSource:
        """The same without the faults that the kernel has: all that the unprivileged may see."""
        attrs = tuple(evolve(one, flags=one.flags | AttrFlag.EXCLUDE_KERNEL) for one in self.attrs)
        return evolve(self, attrs=attrs)


def fault_source(event: FaultEvent, ops: Ops) -> FaultSource:
    """The events for ``event``; PrimitiveError if this kernel has not what they need."""
    if event is FaultEvent.AUTO:
        return _auto(ops)
    if event is FaultEvent.TRACEPOINT:
        return _tracepoints(ops)
    if ops is Ops.PADDR and event is FaultEvent.PAGE_FAULTS:
        raise PrimitiveError(
            "page-faults are counted before the page is there, and have no physical address: "
            "use minor-faults, major-faults or tracepoint"
        )
    return _software(str(event), _SOFTWARE[event], ops)


def _auto(ops: Ops) -> FaultSource:
    if ops is Ops.PADDR:
        return _software("minor and major faults", HANDLED, ops)
    try:
        return _tracepoints(ops)
    except PrimitiveError:
        return _software("page-faults", _SOFTWARE[FaultEvent.PAGE_FAULTS], ops)


def _software(name: str, events: tuple[SoftwareEvent, ...], ops: Ops) -> FaultSource:
    sample_type = _WHO | SampleType.ADDR
    needs = ReportFlag.HAS_VADDR
    if ops is Ops.PADDR:
        sample_type |= SampleType.PHYS_ADDR
        needs = ReportFlag.HAS_PADDR
    return FaultSource(
        name,
        tuple(_every(PerfType.SOFTWARE, event, sample_type) for event in events),
        PerfDecoding(sample_type=sample_type, needs=needs, user_end=user_space_end()),
    )


def _tracepoints(ops: Ops) -> FaultSource:
    found = [read_tracepoint("exceptions", name) for name in TRACEPOINTS]
    places = {(one.field("address", 8).offset, one.field("error_code", 8).offset) for one in found}
    if len(places) > 1:
        raise PrimitiveError(
            f"tracepoints {' and '.join(TRACEPOINTS)} of this kernel differ in their fields: "
            "use fault_event page-faults"
        )
    ((address, error_code),) = places
    sample_type = _WHO | SampleType.RAW
    decoding = PerfDecoding(
        sample_type=sample_type,
        direction=Direction.RAW,
        raw_addr=address,
        raw_write=error_code,
        write_mask=_WRITE,
        user_end=user_space_end(),
    )
    return FaultSource(
        "tracepoint",
        tuple(_every(PerfType.TRACEPOINT, one.id, sample_type) for one in found),
        decoding,
        _TRACEPOINT_NS,
        knows_direction=True,
        takes_filters=True,
        needs_frames=ops is Ops.PADDR,
    )


def _every(kind: PerfType, config: int, sample_type: SampleType) -> PerfAttr:
    return PerfAttr(
        type=kind,
        config=config,
        sample_period=1,
        sample_type=sample_type,
        flags=AttrFlag.USE_CLOCKID,
    )
