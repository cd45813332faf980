"""The ring of one processor, to which any number of its events write, and how it grows."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Protocol

from ._native import ffi, lib
from .errors import ConfigError
from .perf_attr import AttrFlag, PerfAttr, PerfType, SoftwareEvent
from .perf_event import PerfError, PerfEvent
from .process import read_small
from .units import format_size, parse_size

if TYPE_CHECKING:
    from .perf_decoding import PerfDecoder

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


class Slots(Protocol):
    """Where reports go: the report buffer (SourceReports), or whoever wants to see them first."""

    def space(self) -> tuple[int, int]:
        """Address of free slots (``struct damon_access_report``), and how many, at least one."""
        ...

    def commit(self, nr: int) -> None: ...
    def lose(self, nr: int) -> None: ...


class PerfRing:
    """``size`` bytes of records of the processor ``cpu``; less where so much cannot be locked.

    Events are directed to it with ``event.output_to(ring.fd)``; their clock is CLOCK_MONOTONIC if
    ``monotonic`` (AttrFlag.USE_CLOCKID), else that of perf.  PerfError if not a page can be had.
    """

    def __init__(self, cpu: int, size: int, monotonic: bool = True) -> None:
        self.cpu = cpu
        self.monotonic = monotonic
        self._owner = _open_owner(cpu, monotonic)
        try:
            self.size, self._ring = _map(self._owner, size)
        except BaseException:
            self._owner.close()
            raise

    @property
    def fd(self) -> int:
        return self._owner.fd

    def drain(self, decoder: PerfDecoder, reports: Slots, now_ns: int) -> None:
        """Report what is in it; ``now_ns`` is the time of samples that do not tell theirs."""
        while True:
            address, nr = reports.space()
            nr_filled = lib.damon_perf_ring_drain(
                self._ring,
                decoder.c_decoding,
                now_ns,
                ffi.cast("struct damon_access_report *", address),
                nr,
                decoder.c_counts,
            )
            reports.commit(nr_filled)
            if nr_filled < nr:
                return

    def close(self) -> None:
        """Give the memory back; harmless a second time."""
        ring, self._ring = self._ring, ffi.NULL
        lib.damon_perf_ring_destroy(ring)
        self._owner.close()


def parse_ring_size(value: str | int) -> int:
    """The size of a ring in bytes: ConfigError unless a power of two of at least a page."""
    size = parse_size(value)
    if size < PAGE_SIZE or size & (size - 1):
        raise ConfigError(
            f"a ring of {value} is not possible: expected a power of two, "
            f"{format_size(PAGE_SIZE)} or more"
        )
    return size


def _open_owner(cpu: int, monotonic: bool) -> PerfEvent:
    """An event that counts nothing: its ring outlives the events that write to it."""
    attr = PerfAttr(
        type=PerfType.SOFTWARE,
        config=SoftwareEvent.DUMMY,
        flags=AttrFlag.EXCLUDE_KERNEL
        | AttrFlag.EXCLUDE_HV
        | (AttrFlag.USE_CLOCKID if monotonic else AttrFlag(0)),
    )
    try:
        return PerfEvent(attr, cpu=cpu)
    except PerfError as error:
        if error.errno not in (errno.EACCES, errno.EPERM):
            raise
    return PerfEvent(attr, pid=0, cpu=cpu)  # unprivileged: of ourselves, which is as good


def _map(owner: PerfEvent, size: int) -> tuple[int, Any]:
    ring = ffi.new("struct damon_perf_ring **")
    while True:
        error = -lib.damon_perf_ring_create(owner.fd, size, ring)
        if not error:
            return size, ring[0]
        if error not in (errno.EPERM, errno.ENOMEM) or size <= PAGE_SIZE:
            raise PerfError(f"a ring of {size} bytes on cpu {owner.cpu}", error, _why(error))
        size //= 2


def _why(error: int) -> str:
    if error != errno.EPERM:
        return ""
    kib = read_small("/proc/sys/kernel/perf_event_mlock_kb").decode().strip()
    return (
        "too much locked memory: run with CAP_IPC_LOCK, or raise RLIMIT_MEMLOCK (ulimit -l) or "
        f"sysctl kernel.perf_event_mlock_kb (it is {kib})"
    )
