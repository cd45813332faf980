"""The mechanism ``cold``: one sampled page a region, cleared by MADV_COLD; only when asked for."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.primitive import Provides

from . import walker
from ._native import ffi, lib
from .delivery import deliver
from .walker import Walker, check_process

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports
    from damon_core.target import Target

    from .options import Options

NO_PAGE_FLAGS = (
    "/proc/kpageflags and /proc/kpagecount may not be read: the hottest pages cannot be told "
    "from those that the kernel does not clear (run as root)"
)


class Cold:
    """Clears the accessed bits of the sampled pages alone, so cost follows regions, not memory."""

    name: ClassVar[str] = "cold"

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """Load the page-table walk, and advise the process (or its parent) of nothing."""
        if ops is Ops.PADDR:
            return "cold advises processes about their pages: use ops vaddr or fvaddr"
        return walker.missing() or _missing_advice(pid)

    def __init__(self, options: Options) -> None:
        self.provides = Provides(
            granularity="region",
            disturbs="moves each sampled page that was accessed to the inactive list, "
            "where reclaim looks first; may split large file pages; flushes their TLB entries",
        )
        self._files = ExitStack()
        self._page_files = (-1, -1)
        self._walker: Walker | None = None
        self._processes: dict[Target, Any] = {}
        self._page_size = 0

    def init(self, ctx: PrimitiveContext) -> None:
        """Load the page-table walk, and open the page flags if that is allowed."""
        self._walker = Walker()
        self._page_size = ctx.page_size
        try:
            flags, counts = (self._open(f"/proc/{name}") for name in ("kpageflags", "kpagecount"))
        except OSError:
            ctx.tell(NO_PAGE_FLAGS)
        else:
            self._page_files = (flags, counts)

    def update_targets(self, ctx: PrimitiveContext) -> None:
        """Follow the context's targets."""
        for target in self._processes.keys() - set(ctx.targets):
            del self._processes[target]
        for target in ctx.targets:
            if target not in self._processes:
                self._processes[target] = self._create(target)

    def prepare(self, ctx: PrimitiveContext) -> None:
        """Clear the accessed bits of the pages of all sampling addresses."""
        for target, cold in self._processes.items():
            addrs = target.sampling_addrs if target.alive() else target.sampling_addrs[:0]
            error = lib.cold_clear(cold, ffi.from_buffer("uint64_t[]", addrs), len(addrs))
            with suppress(ProcessLookupError):
                check_process(error, target.pid)
            ctx.count("advised", lib.cold_nr_advised(cold))

    def check(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        """Report the sampled pages whose bit is set again."""
        for target, cold in self._processes.items():
            try:
                check_process(lib.cold_check(cold), target.pid)
            except ProcessLookupError:
                ctx.count("processes_gone")
                continue
            ctx.count("cannot_tell", lib.cold_nr_cannot_tell(cold))
            # A pid is the process's own only as long as it lives.
            if target.alive():
                deliver(reports, partial(lib.cold_report, cold))

    def cleanup(self) -> None:
        """Close and unload; nothing stays in the target."""
        self._processes.clear()
        if self._walker is not None:
            self._walker.close()
            self._walker = None
        self._files.close()

    def _open(self, path: str) -> int:
        return self._files.enter_context(open(path, "rb", buffering=0)).fileno()

    def _create(self, target: Target) -> Any:
        if self._walker is None:
            raise PrimitiveError("cold: used before init or after cleanup")
        cold = lib.cold_create(
            self._walker.walk, target.pidfd, target.pid, *self._page_files, self._page_size
        )
        if cold == ffi.NULL:
            raise MemoryError(f"no memory for the sampled pages of process {target.pid}")
        return ffi.gc(cold, lib.cold_destroy)


def _missing_advice(pid: int | None) -> str:
    """Why this process may not advise ``pid``; its parent stands for any other process."""
    try:
        pidfd = os.pidfd_open(pid or os.getppid() or os.getpid())
    except OSError:
        return f"no process {pid}"
    try:
        error = -lib.cold_may_advise(pidfd)
    finally:
        os.close(pidfd)
    if error == 0:
        return ""
    if error == errno.ENOSYS:
        return "no process_madvise system call: the kernel needs CONFIG_ADVISE_SYSCALLS=y"
    if error in (errno.EPERM, errno.EACCES):
        return "process_madvise is denied: run as root, or grant CAP_SYS_NICE and CAP_SYS_PTRACE"
    return f"process_madvise(MADV_COLD): {os.strerror(error)}"
