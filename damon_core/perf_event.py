"""One perf event: opened, counted, filtered and closed; what the kernel refuses is explained."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from types import TracebackType
from typing import Protocol

import attrs
from attrs import frozen

from ._native import ffi, lib
from .errors import PrimitiveError
from .perf_attr import PerfAttr, PerfType, ReadFormat, SampleType
from .process import read_small

_CLOEXEC = 1 << 3
_ENABLE = 0x2400
_DISABLE = 0x2401
_PERIOD = 0x40082404
_SET_OUTPUT = 0x2405
_SET_FILTER = 0x40082406
_MAX_READ = 64

_PARANOID = "/proc/sys/kernel/perf_event_paranoid"

_REASONS = {
    errno.ENOENT: "this machine has no such event (a virtual machine often has no PMU)",
    errno.EOPNOTSUPP: "the event cannot be sampled as asked (precise_ip, or what is excluded)",
    errno.EINVAL: "the kernel does not take these attributes",
    errno.E2BIG: "the kernel is too old for one of the attributes",
    errno.EBUSY: "somebody else uses the event exclusively",
    errno.ENOSPC: "no room for one more such event (breakpoints: there are four)",
    errno.ENODATA: "memory loads need the auxiliary event of this processor as their leader",
    errno.ENOSYS: "the kernel is built without CONFIG_PERF_EVENTS",
    errno.EMFILE: "too many open files: raise the limit (ulimit -n), it takes some per processor",
    errno.ENFILE: "too many open files on this machine: raise sysctl fs.file-max",
}


class PerfError(PrimitiveError):
    """What perf refused; ``errno`` says with which error."""

    def __init__(self, doing: str, error: int, why: str = "") -> None:
        super().__init__(f"{doing}: {why or _REASONS.get(error) or os.strerror(error)}")
        self.errno = error


@frozen
class PerfCount:
    """What reading an event gave; None for what its ``read_format`` does not ask for.

    ``lost``: samples for which the ring had no room, exactly.  Times in nanoseconds.
    """

    value: int
    time_enabled: int | None = None
    time_running: int | None = None
    id: int | None = None
    lost: int | None = None


class PerfEvent:
    """An event of one processor (``pid`` -1), or of a thread while it runs on it.

    ``attr`` is what was really opened: its ``read_format`` is without LOST on older kernels, which
    do not count what is lost.  PerfError if the kernel refuses.
    """

    def __init__(self, attr: PerfAttr, *, pid: int = -1, cpu: int = -1, group_fd: int = -1) -> None:
        self.pid = pid
        self.cpu = cpu
        self.attr = attr
        fd = _open(attr, pid, cpu, group_fd)
        if fd == -errno.EINVAL and ReadFormat.LOST in attr.read_format:
            self.attr = attrs.evolve(attr, read_format=attr.read_format & ~ReadFormat.LOST)
            fd = _open(self.attr, pid, cpu, group_fd)
        if fd < 0:
            raise PerfError(f"{self} cannot be opened", -fd, why_denied(attr, pid, -fd))
        self.fd = fd

    def __str__(self) -> str:
        what = f"perf event type {self.attr.type} config {self.attr.config:#x}"
        of = f" of thread {self.pid}" if self.pid >= 0 else ""
        return f"{what}{of} on cpu {self.cpu}" if self.cpu >= 0 else f"{what}{of}"

    @property
    def counts_loss(self) -> bool:
        """Whether reading it tells what the ring had no room for."""
        return ReadFormat.LOST in self.attr.read_format

    def enable(self) -> None:
        self._ioctl(_ENABLE, 0, "enabled")

    def disable(self) -> None:
        self._ioctl(_DISABLE, 0, "disabled")

    def set_period(self, period: int) -> None:
        """Sample every so many events from now on, or with AttrFlag.FREQ so often a second."""
        self._ioctl(_PERIOD, bytearray(struct.pack("=Q", period)), f"sampled at {period}")

    def output_to(self, ring_fd: int) -> None:
        """Write to the ring of another event of the same processor, from now on."""
        self._ioctl(_SET_OUTPUT, ring_fd, "directed to another ring")

    def set_filter(self, text: str) -> None:
        """Let the kernel drop what does not match, such as "address >= 0x1000" (tracepoints)."""
        self._ioctl(_SET_FILTER, bytearray(text.encode() + b"\0"), f"filtered by {text!r}")

    def read(self) -> PerfCount:
        """Its count; a PMU also hands over what it has buffered.  PerfError if it broke down."""
        words = os.read(self.fd, _MAX_READ)
        if not words:
            raise PerfError(
                f"{self} cannot be counted",
                errno.EBUSY,
                "somebody else has its counter (the NMI watchdog, perf, another monitor): "
                "sysctl kernel.nmi_watchdog=0, or one user at a time",
            )
        values = iter(struct.unpack(f"={len(words) // 8}Q", words))
        asked = self.attr.read_format
        return PerfCount(
            next(values),
            next(values) if ReadFormat.TOTAL_TIME_ENABLED in asked else None,
            next(values) if ReadFormat.TOTAL_TIME_RUNNING in asked else None,
            next(values) if ReadFormat.ID in asked else None,
            next(values) if ReadFormat.LOST in asked else None,
        )

    def close(self) -> None:
        """Stop and forget it; harmless a second time."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> PerfEvent:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _ioctl(self, request: int, argument: int | bytearray, done: str) -> None:
        try:
            fcntl.ioctl(self.fd, request, argument)
        except OSError as error:
            raise PerfError(f"{self} cannot be {done}", error.errno or 0) from error


class Opener(Protocol):
    """What opens events: :class:`PerfEvent`, or what stands for a kernel in a test."""

    def __call__(
        self, attr: PerfAttr, *, pid: int = -1, cpu: int = -1, group_fd: int = -1
    ) -> PerfEvent: ...


def why_denied(attr: PerfAttr, pid: int, error: int) -> str:
    """What an unprivileged user lacks for this event, "" for errors of another kind."""
    if error == errno.ESRCH:
        return f"no thread {pid}"
    if error == errno.ENODEV:
        return "this processor cannot count it"
    if error not in (errno.EACCES, errno.EPERM):
        return ""
    paranoid = read_small(_PARANOID).decode().strip() or "unknown"
    if attr.type == PerfType.TRACEPOINT:
        needed = "-1"
    elif pid < 0:
        needed = "0"
    else:
        needed = "1" if SampleType.PHYS_ADDR in attr.sample_type else "2, for a process of your own"
    return (
        "not permitted: run as root, or with CAP_PERFMON, or with "
        f"sysctl kernel.perf_event_paranoid={needed} (it is {paranoid})"
    )


def _open(attr: PerfAttr, pid: int, cpu: int, group_fd: int) -> int:
    packed = ffi.from_buffer(attr.pack())
    fd: int = lib.damon_perf_event_open(packed, pid, cpu, group_fd, _CLOEXEC)
    return fd
