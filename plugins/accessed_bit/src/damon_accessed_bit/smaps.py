"""Whole mappings through clear_refs and smaps: all that an ordinary user may see."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from damon_core.model import Ops
from damon_core.primitive import Provides

from ._native import ffi, lib
from .delivery import deliver

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports
    from damon_core.target import Target

    from .mechanism import Options

CLEAR_REFERENCED = b"1"


class Smaps:
    """Which mappings hold a page that was referenced: regions inside one are told alike."""

    name: ClassVar[str] = "smaps"
    provides = Provides(
        granularity="mapping",
        disturbs="clears the accessed bits of every page of the target, which reclaim also reads",
    )

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """ "" if the process's bits may be cleared and read; only own processes without root."""
        if ops is Ops.PADDR:
            return "smaps sees mappings of processes, not physical memory: use ops vaddr or fvaddr"
        for name, mode in (("clear_refs", os.O_WRONLY), ("smaps", os.O_RDONLY)):
            try:
                os.close(os.open(f"/proc/{pid or os.getpid()}/{name}", mode))
            except FileNotFoundError:
                if pid and not os.path.exists(f"/proc/{pid}"):
                    return f"no process {pid}"
                return f"no /proc/PID/{name}: the kernel needs CONFIG_PROC_PAGE_MONITOR=y"
            except OSError as error:
                return (
                    f"/proc/{pid}/{name}: {error.strerror}: run as the owner of the process, "
                    "or as root (CAP_DAC_OVERRIDE and CAP_SYS_PTRACE)"
                )
        return ""

    def __init__(self, options: Options) -> None:
        self._targets: tuple[Target, ...] = ()

    def init(self, ctx: PrimitiveContext) -> None:
        self._targets = tuple(ctx.targets)

    def update_targets(self, ctx: PrimitiveContext) -> None:
        self._targets = tuple(ctx.targets)

    def prepare(self, ctx: PrimitiveContext) -> None:
        for target in self._targets:
            try:
                with open(f"/proc/{target.pid}/clear_refs", "wb", buffering=0) as file:
                    if target.alive():  # else the pid may be another process's by now
                        file.write(CLEAR_REFERENCED)
            except (FileNotFoundError, ProcessLookupError):
                continue

    def check(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        for target in self._targets:
            _report_mappings(target, reports)

    def cleanup(self) -> None:
        self._targets = ()


def _report_mappings(target: Target, reports: SourceReports) -> None:
    try:
        with open(f"/proc/{target.pid}/smaps", "rb", buffering=0) as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return
    if not text or not target.alive():
        return
    pos = ffi.new("size_t *")
    buffer = ffi.from_buffer(text)
    deliver(
        reports,
        lambda slots, nr: lib.smaps_report(buffer, len(text), pos, target.pid, slots, nr),
    )
