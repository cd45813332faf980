"""The events of this machine that can tell addresses, for those who ask what to write."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from damon_core.errors import PrimitiveError

from .machine import Machine
from .pmu import Pmu

FAULT_TRACEPOINTS = ("page_fault_user", "page_fault_kernel")
FAULT_SYSTEM = "exceptions"


@frozen
class AddressEvent:
    """``text``: as it is written in a configuration, but for ADDR.

    ``physical``: it can tell physical addresses too.  ``about``: what it samples.
    """

    text: str
    physical: bool
    about: str


def address_events(machine: Machine) -> tuple[AddressEvent, ...]:
    """Events that give the addresses of accesses here, the most telling ones first.

    Whether this user may open them is not tried.
    """
    return (*_of_pmus(machine), *_of_kernel(machine))


def _of_pmus(machine: Machine) -> Iterator[AddressEvent]:
    for pmu in machine.memory_pmus:
        if pmu.is_ibs_op:
            yield AddressEvent("ibs_op//", True, "loads and stores, among all operations")
        elif pmu.is_core:
            yield from _of_core(pmu)


def _of_core(pmu: Pmu) -> Iterator[AddressEvent]:
    latency = ",ldlat=30" if "ldlat" in pmu.formats else ""
    yield AddressEvent(
        f"{pmu.name}/mem-loads{latency}/P", True, "loads, slower than so many cycles"
    )
    if "mem-stores" in pmu.events:
        yield AddressEvent(f"{pmu.name}/mem-stores/P", True, "stores")


def _of_kernel(machine: Machine) -> Iterator[AddressEvent]:
    yield AddressEvent("minor-faults", True, "page faults that needed no device")
    yield AddressEvent("major-faults", True, "page faults that read from a device")
    yield AddressEvent("page-faults", False, "all page faults, before the page is there")
    for name in FAULT_TRACEPOINTS:
        try:
            machine.tracepoint(FAULT_SYSTEM, name)
        except PrimitiveError:
            continue
        yield AddressEvent(f"{FAULT_SYSTEM}:{name}", False, "page faults, and whether they write")
    yield AddressEvent("mem:ADDR/LEN:rw", True, "every access to 1, 2, 4 or 8 bytes (breakpoint)")
