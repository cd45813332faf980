"""One run of a primitive against a real process, over reports that are kept and checked."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np

from ..access import ReportFlag
from ..catalogue import Declaration
from ..host import PrimitiveChoice, PrimitiveHost
from ..maps import read_maps
from ..model import AddrRange, Intervals, Ops
from ..primitive import PrimitiveContext, Provides
from ..target import PAGE_SIZE, Target
from .recorded import RecordedReports
from .toucher import Toucher

NR_PAGES = 64
"""How many pages are touched in each sampling interval."""


class ContractRun:
    """One primitive in a context of its own, over reports that are kept."""

    def __init__(
        self, primitive: type[Any], options: Mapping[str, object], ops: Ops, toucher: Toucher
    ) -> None:
        self.ops = ops
        self.toucher = toucher
        self._primitive = primitive
        self._options = options
        self._touched = 0
        self._target = Target.open(toucher.pid) if ops is not Ops.PADDR else Target.physical()
        self.renew()

    def renew(self) -> None:
        """A new instance in a new context."""
        declared = declaration(self._primitive)
        choice = PrimitiveChoice(declared.name, self._options)
        self.host = PrimitiveHost([choice], self.ops, lambda name: (declared, self._primitive))
        self.reports = RecordedReports()
        self._target.ranges = self._ranges()
        self.ctx = PrimitiveContext(
            declared.name,
            self.ops,
            Intervals(),
            PAGE_SIZE,
            self.reports,  # type: ignore[arg-type]  # the same methods, without regions behind them
            targets=(self._target,),
        )

    def start(self) -> None:
        """Up to the first sampling interval."""
        self.host.init([self.ctx])
        self.host.update_targets()
        self._sample()

    def tick(self) -> AddrRange:
        """One sampling interval, in which fresh pages are touched: which."""
        self._sample()
        self.host.prepare()
        touched = self.toucher.touch(self._touched, NR_PAGES)
        self._touched += NR_PAGES
        self.host.check()
        self.reports.check_guard()
        assert self.host.failures() == (None,)
        return touched

    def whole(self) -> None:
        """A run of one interval; no page is touched in it."""
        self.start()
        self.host.prepare()
        self.host.check()
        self.host.cleanup()

    def call_cleanup(self) -> None:
        """Call the hook itself, past the host, which would call it once only."""
        (instance,) = self.host.instances
        cleanup = getattr(instance, "damon_cleanup", None)
        if cleanup is not None:
            assert cleanup(self.ctx) is None

    def close(self) -> None:
        """Clean up what a failed test has left."""
        self.host.cleanup()
        self._target.close()

    def check_seen(self, touched: AddrRange) -> None:
        """AssertionError unless the pages of ``touched`` are reported."""
        if self.ops is Ops.PADDR:
            assert len(self.reports.addresses("paddr")), "nothing was seen"
            return
        addresses = self.reports.addresses()
        inside = (addresses >= touched.start) & (addresses < touched.end)
        pages = np.unique(addresses[inside] // PAGE_SIZE)
        assert len(pages) == NR_PAGES, f"{len(pages)} of {NR_PAGES} touched pages were seen"

    def check_reports(self) -> None:
        """AssertionError if a report says what it cannot say."""
        (provides,) = self.host.provides()
        for bitmap in self.reports.bitmaps:
            assert bitmap.target is self._target, "a bitmap is for something that is no target"
            assert not bitmap.flags & ~(ReportFlag.READ | ReportFlag.WRITE)
            _check_direction(np.array([bitmap.flags]), provides)
        rows = self.reports.rows()
        assert (rows["size"] >= 1).all(), "a report of no bytes"
        assert (rows["weight"] >= 1).all(), "a report of no access: weight is 1 where unknown"
        _check_direction(rows["flags"], provides)
        if not provides.cpu:
            assert not (rows["flags"] & ReportFlag.HAS_CPU).any(), "`provides` says: no CPU"
        if not provides.tid:
            assert not (rows["flags"] & ReportFlag.HAS_TID).any(), "`provides` says: no thread"
        if self.ops is Ops.PADDR:
            assert (rows["flags"] & ReportFlag.HAS_PADDR).all(), "a report without its address"
            return
        assert (rows["flags"] & ReportFlag.HAS_VADDR).all(), "a report without its address"
        assert (rows["pid"] == self._target.pid).all(), "a report of another process"
        self._check_inside()

    def _check_inside(self) -> None:
        maps = read_maps(self._target.pid)
        addresses = self.reports.addresses()
        before = np.searchsorted(maps["start"], addresses, side="right")
        ends = np.concatenate([np.zeros(1, np.uint64), maps["end"]])[before]
        outside = addresses[addresses >= ends]
        assert not len(outside), f"{len(outside)} reports are not of mapped memory: {outside[:3]}"

    def _ranges(self) -> tuple[AddrRange, ...]:
        if self.ops is Ops.PADDR:
            from ..paddr import Paddr

            return Paddr().ranges(self._target) or ()
        if self.ops is Ops.FVADDR:
            return (self.toucher.range,)
        from ..vaddr import Vaddr

        return Vaddr().ranges(self._target) or ()

    def _sample(self) -> None:
        """As the engine does: one address in each region, here in each range."""
        addrs = [area.start for area in self._target.ranges]
        self._target.sampling_addrs = np.array(addrs, np.uint64)


def declaration(primitive: type[Any]) -> Declaration:
    """Stands for the entry point that a class under test need not have."""
    entry_point = EntryPoint(primitive.__name__, f"{primitive.__module__}:{primitive.__name__}", "")
    return Declaration(primitive.__name__, entry_point, "this class", "under test")


def _check_direction(flags: np.ndarray, provides: Provides) -> None:
    directions = flags & (ReportFlag.READ | ReportFlag.WRITE)
    if not provides.write:
        assert not directions.any(), "`provides` says that reports do not tell reads from writes"
    both = directions == (ReportFlag.READ | ReportFlag.WRITE)
    assert not both.any(), "a report is a read and a write at once: leave out what is unknown"
