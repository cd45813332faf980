"""The mechanism ``smaps``: whole mappings, which is all that an ordinary user may see."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from damon_core.model import Ops
from damon_core.primitive import Provides

from . import clearing
from ._native import ffi, lib
from .clearing import ClearRefs
from .delivery import deliver
from .tlb import TlbFlush

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext
    from damon_core.reports import SourceReports
    from damon_core.target import Target

    from .options import Options

_DISTURBS = "clears the accessed bits that reclaim also reads"


class Smaps:
    """Which mappings hold a page that was referenced: all regions of a mapping are told alike."""

    name: ClassVar[str] = "smaps"

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """Open the process's clear_refs and smaps; without root only own processes' can be."""
        if ops is Ops.PADDR:
            return "smaps tells of mappings of processes, not of RAM: use ops vaddr or fvaddr"
        return clearing.missing(pid) or _missing_smaps(pid)

    def __init__(self, options: Options) -> None:
        self.provides = Provides(granularity="mapping", disturbs=_DISTURBS, clears=True)
        self._flush = options.flush
        self._tlb: TlbFlush | None = None
        self._processes: dict[Target, ClearRefs] = {}

    def init(self, ctx: PrimitiveContext) -> None:
        """Decide on the flush."""
        self._tlb = TlbFlush(self._flush, ctx)
        self.provides = Provides(
            granularity="mapping", disturbs=_DISTURBS + self._tlb.disturbs, clears=True
        )

    def update_targets(self, ctx: PrimitiveContext) -> None:
        """Open what is new, close what has gone."""
        writes_flush = self._tlb is not None and self._tlb.writes
        for target in self._processes.keys() - set(ctx.targets):
            self._processes.pop(target).close()
        for target in ctx.targets:
            if target not in self._processes:
                try:
                    self._processes[target] = ClearRefs(target.pid, writes_flush)
                except ProcessLookupError:
                    ctx.count("processes_gone")

    def prepare(self, ctx: PrimitiveContext) -> None:
        """Clear the referenced bits of all targets."""
        for clear_refs in self._processes.values():
            try:
                clear_refs.clear()
            except ProcessLookupError:
                ctx.count("processes_gone")
        if self._tlb is not None:
            self._tlb.after_clear()

    def check(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        """Report each mapping in which a page was referenced."""
        for target in self._processes:
            text = _read_smaps(target.pid)
            # A pid is the process's own only as long as it lives.
            if text and target.alive():
                _report_mappings(text, target.pid, reports)

    def cleanup(self) -> None:
        """Close every file."""
        for clear_refs in self._processes.values():
            clear_refs.close()
        self._processes.clear()
        if self._tlb is not None:
            self._tlb.close()
            self._tlb = None


def _missing_smaps(pid: int | None) -> str:
    path = f"/proc/{pid or os.getpid()}/smaps"
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        return (
            f"{path}: {error.strerror}: "
            "run as the owner of the process, or as root (CAP_SYS_PTRACE)"
        )
    return ""


def _read_smaps(pid: int) -> bytes:
    """The text, opened anew as exec leaves an open one behind; nothing if the process has ended."""
    try:
        with open(f"/proc/{pid}/smaps", "rb", buffering=0) as file:
            return file.read() or b""
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _report_mappings(text: bytes, pid: int, reports: SourceReports) -> None:
    pos = ffi.new("size_t *")
    buffer = ffi.from_buffer(text)
    deliver(reports, partial(lib.smaps_report, buffer, len(text), pos, pid))
