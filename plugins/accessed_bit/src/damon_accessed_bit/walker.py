"""Page tables of processes, read by BPF programs that are loaded here."""

from __future__ import annotations

import errno
import os
import platform
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define, field

from damon_core.errors import PrimitiveError

from ._native import ffi, lib
from .privilege import effective_capabilities, missing_capabilities

if TYPE_CHECKING:
    import numpy as np

    from damon_core.model import AddrRange

BTF = "/sys/kernel/btf/vmlinux"
LOCKDOWN = "/sys/kernel/security/lockdown"
ZONEINFO = "/proc/zoneinfo"


@define(eq=False)
class Walked:
    """A process under walk: ``pid``, and where the kernel keeps it, so that it is found at once."""

    pid: int
    task: Any = field(factory=lambda: ffi.new("uint64_t *"), repr=False)


class Walker:
    """The loaded programs.  PrimitiveError, naming what is missing, if they cannot be loaded.

    Not for two threads at once.
    """

    def __init__(self) -> None:
        walk, step = ffi.new("struct page_walk **"), ffi.new("enum page_walk_step *")
        self.nr_frames = nr_frames()
        error = lib.page_walk_create(walk, self.nr_frames * os.sysconf("SC_PAGE_SIZE"), step)
        if error:
            raise PrimitiveError(why_not(-error, step[0]))
        self.walk = ffi.gc(walk[0], lib.page_walk_destroy)

    @property
    def nr_failed(self) -> int:
        """Tables that could not be read, or changed their place under the walk, so far."""
        return int(lib.page_walk_nr_failed(self.walk))

    def lookup(self, walked: Walked, addrs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The page-table entry that maps each address (0: none), and how many bytes it maps.

        ProcessLookupError if the process has ended.
        """
        import numpy as np

        entries, sizes = np.zeros(len(addrs), np.uint64), np.zeros(len(addrs), np.uint64)
        error = lib.page_walk_lookup(
            self.walk,
            walked.pid,
            walked.task,
            ffi.from_buffer("uint64_t[]", addrs),
            len(addrs),
            ffi.from_buffer("uint64_t[]", entries),
            ffi.from_buffer("uint64_t[]", sizes),
        )
        check_process(error, walked.pid)
        return entries, sizes

    def close(self) -> None:
        """Unload; idempotent."""
        if self.walk != ffi.NULL:
            ffi.release(self.walk)
            self.walk = ffi.NULL


def address_ranges(ranges: Sequence[AddrRange]) -> Any:
    """Ranges as C takes them, ascending."""
    return ffi.new("struct young_range[]", [(r.start, r.end) for r in sorted(ranges)])


def check_process(error: int, pid: int) -> None:
    """Raise ProcessLookupError for a process without memory, OSError for another negative errno."""
    if error in (-errno.ESRCH, -errno.EINVAL):
        raise ProcessLookupError(errno.ESRCH, f"process {pid} has ended")
    if error < 0:
        raise OSError(-error, f"page tables of process {pid}: {os.strerror(-error)}")


def nr_frames() -> int:
    """Page frames up to the end of RAM, holes included (``/proc/zoneinfo``: anyone may read it)."""
    end = start = spanned = 0
    with open(ZONEINFO) as file:
        for line in file:
            words = line.split()
            if words[0] == "spanned":
                spanned = int(words[1])
            elif words[0] == "start_pfn:":
                start = int(words[1])
                end = max(end, start + spanned)
    return end


def missing() -> str:
    """Why page tables cannot be walked here, in one line, "" if they can; tried."""
    if platform.machine() != "x86_64":
        return f"the walk knows x86-64 page tables, not {platform.machine()}"
    try:
        _try_once(effective_capabilities())
    except PrimitiveError as error:
        return str(error)
    return ""


@cache
def _try_once(capabilities: int) -> None:
    """Load and unload; that takes 10 ms, and is asked for each target.  Failure is tried again,
    and so is everything with other capabilities.
    """
    Walker().close()


def why_not(error: int, step: int) -> str:
    """What a failed load (positive errno, and at which step) says of this machine."""
    name = os.strerror(error)
    if step == lib.PAGE_WALK_FIND_BASE:
        return f"the kernel's direct map of RAM was not found ({name}): use another mechanism"
    if error == errno.ENOSYS:
        return "no bpf system call: the kernel needs CONFIG_BPF_SYSCALL=y"
    # Without CAP_PERFMON the kernel calls the programs invalid, not forbidden: ask this first.
    if lack := missing_capabilities("CAP_BPF", "CAP_PERFMON"):
        return f"no {' and '.join(lack)}: run as root, or grant CAP_BPF and CAP_PERFMON"
    # The same goes for a kernel that is locked down.
    if _locked_down():
        return "the kernel is locked down (confidentiality): boot without lockdown=confidentiality"
    if error in (errno.EPERM, errno.EACCES):
        return (
            "bpf is denied in spite of CAP_BPF and CAP_PERFMON: a container or security module does"
        )
    if not os.path.exists(BTF):
        return f"no {BTF}: the kernel needs CONFIG_DEBUG_INFO_BTF=y"
    if not lib.bpf_has_loop():
        return "the kernel's BPF has no bpf_loop: Linux 5.17 or later has it"
    return f"the kernel refused the BPF programs: {name}"


def _locked_down() -> bool:
    try:
        with open(LOCKDOWN) as file:
            return "[confidentiality]" in file.read()
    except OSError:
        return False
