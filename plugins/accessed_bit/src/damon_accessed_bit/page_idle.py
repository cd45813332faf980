"""Sampled pages through idle page tracking: one page a region, so cost follows regions."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.primitive import Provides

from ._native import ffi, lib
from .delivery import checked, deliver
from .tlb import TlbFlush

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports
    from damon_core.target import Target

    from .options import Options

BITMAP = "/sys/kernel/mm/page_idle/bitmap"
KPAGEFLAGS = "/proc/kpageflags"
_DISTURBS = "takes the idle marks of other users of the idle bitmap"


class PageIdle:
    """Marks the page of each region's sampling address idle, and looks whether it stayed so."""

    name: ClassVar[str] = "page_idle"

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """ "" if the bitmap, the page flags and (for processes) page frames can be read."""
        return _missing_files() or ("" if ops is Ops.PADDR else _missing_frames(pid or os.getpid()))

    def __init__(self, options: Options) -> None:
        self.provides = Provides(granularity="region", disturbs=_DISTURBS, clears=True)
        self._flush = options.flush
        self._tlb: TlbFlush | None = None
        self._files = ExitStack()
        self._pagemaps = ExitStack()
        self._samples: list[tuple[Target, int]] = []
        self._idle: Any = ffi.NULL

    def init(self, ctx: PrimitiveContext) -> None:
        """Open the kernel's files; PrimitiveError if one cannot be."""
        self._tlb = TlbFlush(self._flush, ctx, by_clear_refs=False)
        self.provides = Provides(
            granularity="region", disturbs=_DISTURBS + self._tlb.disturbs, clears=True
        )
        with ExitStack() as files:
            try:
                bitmap = files.enter_context(open(BITMAP, "r+b", buffering=0))
                flags = files.enter_context(open(KPAGEFLAGS, "rb", buffering=0))
            except OSError as error:
                raise PrimitiveError(f"page_idle: {error.filename}: {error.strerror}") from error
            self._files = files.pop_all()
        idle = lib.page_idle_create(bitmap.fileno(), flags.fileno(), ctx.page_size)
        if idle == ffi.NULL:
            raise MemoryError("page_idle")
        self._idle = ffi.gc(idle, lib.page_idle_destroy)

    def update_targets(self, ctx: PrimitiveContext) -> None:
        """Open each process's pagemap anew, as exec leaves an open one without memory."""
        self._pagemaps.close()
        lib.page_idle_reset(self._idle)
        if ctx.ops is Ops.PADDR:
            self._samples = [(target, -1) for target in ctx.targets]
            return
        self._samples = []
        for target in ctx.targets:
            try:
                file = open(f"/proc/{target.pid}/pagemap", "rb", buffering=0)  # noqa: SIM115 - kept
            except OSError:  # it has ended, or ends now: the core finds out
                continue
            self._pagemaps.enter_context(file)
            if target.alive():  # else the pid may be another process's by now
                self._samples.append((target, file.fileno()))

    def prepare(self, ctx: PrimitiveContext) -> None:
        """Mark the pages of all sampling addresses idle."""
        lib.page_idle_reset(self._idle)
        for target, pagemap in self._samples:
            addrs = target.sampling_addrs
            added = lib.page_idle_add(
                self._idle, pagemap, target.pid, ffi.from_buffer("uint64_t[]", addrs), len(addrs)
            )
            checked(added, f"reading the page map of process {target.pid}")
        checked(lib.page_idle_mark(self._idle), "marking pages idle")
        if self._tlb is not None:
            self._tlb.after_clear()

    def check(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        """Report the pages that are no longer idle."""
        checked(lib.page_idle_check(self._idle), "reading idle pages")
        ctx.count("cannot_tell", lib.page_idle_nr_cannot_tell(self._idle))
        deliver(reports, partial(lib.page_idle_report, self._idle))

    def cleanup(self) -> None:
        """Close every file; marks that are left harm nothing."""
        self._samples = []
        self._idle = ffi.NULL
        self._pagemaps.close()
        self._files.close()
        if self._tlb is not None:
            self._tlb.close()
            self._tlb = None


def _missing_files() -> str:
    for path, mode in ((BITMAP, os.O_RDWR), (KPAGEFLAGS, os.O_RDONLY)):
        try:
            os.close(os.open(path, mode))
        except FileNotFoundError:
            return (
                f"no {path}: the kernel needs CONFIG_IDLE_PAGE_TRACKING=y "
                "and CONFIG_PROC_PAGE_MONITOR=y (build one, or use another mechanism)"
            )
        except OSError as error:
            return f"{path}: {error.strerror}: run as root (CAP_DAC_OVERRIDE and CAP_SYS_ADMIN)"
    return ""


def _missing_frames(pid: int) -> str:
    """What keeps this process from seeing page frames; tried on a page of its own."""
    try:
        os.close(os.open(f"/proc/{pid}/pagemap", os.O_RDONLY))
    except OSError as error:
        return f"/proc/{pid}/pagemap: {error.strerror}: run as root (CAP_SYS_PTRACE)"
    page = ffi.new("char[]", b"present")
    index = ffi.new("uint64_t *", int(ffi.cast("uintptr_t", page)) // os.sysconf("SC_PAGE_SIZE"))
    word = ffi.new("uint64_t *")
    with open("/proc/self/pagemap", "rb", buffering=0) as file:
        failed = lib.page_words_read(file.fileno(), index, 1, word)
    if failed or not word[0] & lib.PAGEMAP_PFN_MASK:
        return "page frame numbers are hidden in pagemap: run with CAP_SYS_ADMIN"
    return ""
