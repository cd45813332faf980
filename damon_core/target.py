"""A target: one process, held by its pidfd so that it is never mistaken, or physical memory."""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from attrs import Attribute, define, field

from .errors import ConfigError, TargetError
from .process import (
    Identity,
    ProcessStat,
    UserMemory,
    read_process_stat,
    thread_group_of,
    why_denied,
)

if TYPE_CHECKING:
    import numpy as np

    from .model import AddrRange

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


class NoSuchProcess(TargetError):
    """The process does not exist, or has ended."""


def check_min_region_sz(size: int) -> int:
    """Return ``size`` (bytes) if it is a power of two of at least a page; ConfigError otherwise."""
    if size < PAGE_SIZE or size & (size - 1):
        raise ConfigError(
            f"min_region_sz is {size}: it must be a power of two and at least the page size, "
            f"{PAGE_SIZE} bytes"
        )
    return size


def _valid_min_region_sz(target: Target, attribute: Attribute[int], size: int) -> None:
    check_min_region_sz(size)


def _no_addrs() -> np.ndarray:
    import numpy as np

    return np.empty(0, np.uint64)


@define(eq=False, kw_only=True)
class Target:
    """One monitored process, or physical memory (``pid`` 0, ``pidfd`` -1).

    ``start_time`` is field 22 of /proc/PID/stat (clock ticks since boot): with ``pid`` it names a
    process for ever.  The pidfd holds that very process, through exec, so a process that gets the
    same pid later is never taken for it.  ``given_ranges`` are the user's own, () for none;
    ``ranges`` what the operations set wants monitored; ``min_region_sz`` in bytes.
    ``sampling_addrs`` has one address per region (uint64).
    """

    index: int = 0
    pid: int = 0
    comm: str = ""
    start_time: int = 0
    pidfd: int = -1
    min_region_sz: int = field(default=PAGE_SIZE, validator=_valid_min_region_sz)
    given_ranges: tuple[AddrRange, ...] = ()
    ranges: tuple[AddrRange, ...] = ()
    sampling_addrs: np.ndarray = field(factory=_no_addrs, repr=False)

    @classmethod
    def open(
        cls,
        pid: int,
        *,
        min_region_sz: int = PAGE_SIZE,
        given_ranges: tuple[AddrRange, ...] = (),
    ) -> Target:
        """Hold the process ``pid``; TargetError if there is none, or its memory may not be read."""
        check_min_region_sz(min_region_sz)
        pidfd = _open_pidfd(pid)
        try:
            stat = _stat_of_live(pid, pidfd)
            _check_readable(stat)
        except BaseException:
            os.close(pidfd)
            raise
        return cls(
            pid=pid,
            comm=stat.comm,
            start_time=stat.start_time,
            pidfd=pidfd,
            min_region_sz=min_region_sz,
            given_ranges=given_ranges,
        )

    @classmethod
    def physical(
        cls, *, min_region_sz: int = PAGE_SIZE, given_ranges: tuple[AddrRange, ...] = ()
    ) -> Target:
        """The machine's physical memory: always alive."""
        return cls(comm="physical memory", min_region_sz=min_region_sz, given_ranges=given_ranges)

    @property
    def identity(self) -> Identity:
        """pid and start time: equal for two targets only if they are the same process."""
        return self.pid, self.start_time

    def alive(self) -> bool:
        """Whether the process still runs; a zombie does not: its memory is gone."""
        if self.pid == 0:
            return True
        return not _has_ended(self.pidfd)

    def rss(self) -> int | None:
        """Resident memory in bytes; None of physical memory, and once the process has ended."""
        if self.pid == 0:
            return None
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as file:
                nr_pages = int(file.read().split()[1])
        except OSError:
            return None
        return nr_pages * PAGE_SIZE if self.alive() else None

    def check_readable(self) -> None:
        """TargetError unless its memory may (still) be read: exec may make it another user's."""
        if self.pid:
            _check_readable(_stat_of_live(self.pid, self.pidfd))

    def reread_comm(self) -> str:
        """Read the name anew, as exec changes it; the old one stays when the process has ended."""
        stat = read_process_stat(self.pid) if self.pid else None
        if stat is not None and stat.start_time == self.start_time:
            self.comm = stat.comm
        return self.comm

    def close(self) -> None:
        """Let the process go: from now on it is not alive.  Harmless a second time."""
        pidfd, self.pidfd = self.pidfd, -1
        if pidfd >= 0:
            os.close(pidfd)

    def __enter__(self) -> Target:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class TargetSource(Protocol):
    """Finds the targets of a context while it runs."""

    def poll(self) -> Sequence[Target]:
        """Targets found since the last call; the first call opens all there are (TargetError)."""

    def release(self) -> None:
        """Let commands go that were held back until now; when it returns, they have exec'ed.

        To be called once the primitives are ready, and before the ranges of the targets are asked
        for.  TargetError when a command cannot be executed.
        """

    def close(self) -> None:
        """Let go of every target, and end what was started."""


def _has_ended(pidfd: int) -> bool:
    if pidfd < 0:
        return True
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def _open_pidfd(pid: int) -> int:
    if not 0 < pid < 2**31:
        raise TargetError(f"pid {pid}: a process id is a positive number")
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        # A thread id is refused with EINVAL, and with ENOENT by newer kernels.
        group = thread_group_of(pid)
        if group not in (None, pid):
            raise TargetError(f"pid {pid} is a thread of process {group}: use {group}") from error
        if error.errno in (errno.ESRCH, errno.EINVAL, errno.ENOENT):
            raise _no_such(pid) from error
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise TargetError(
                f"pid {pid}: too many open files: raise the limit (ulimit -n) or match fewer"
            ) from error
        raise TargetError(f"pid {pid} cannot be held: {error.strerror}") from error


def _stat_of_live(pid: int, pidfd: int) -> ProcessStat:
    stat = read_process_stat(pid)
    # Only a process that has not ended keeps its pid: the order of the two questions matters.
    if _has_ended(pidfd):
        if stat is not None and stat.state in "ZX":
            raise NoSuchProcess(
                f"pid {pid} ({stat.comm}) is a zombie: it has ended and its memory is gone"
            )
        raise _no_such(pid)
    if stat is None:
        raise TargetError(
            f"pid {pid} runs but is hidden from you in /proc (mount option hidepid): "
            "run as its owner or as root"
        )
    return stat


def _check_readable(stat: ProcessStat) -> None:
    match stat.user_memory():
        case UserMemory.READABLE:
            return
        case UserMemory.KERNEL_THREAD:
            raise TargetError(
                f"pid {stat.pid} ({stat.comm}) is a kernel thread: it has no user memory to monitor"
            )
        case UserMemory.GONE:
            raise NoSuchProcess(
                f"pid {stat.pid} ({stat.comm}) has no memory any more: its main thread has ended"
            )
        case UserMemory.DENIED:
            raise TargetError(f"pid {stat.pid} ({stat.comm}) {why_denied(stat.pid)}")


def _no_such(pid: int) -> NoSuchProcess:
    return NoSuchProcess(f"no such process: pid {pid}")
