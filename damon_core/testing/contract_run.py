"""One run of a primitive against a real process, over reports that are kept and checked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np

from ..catalogue import Declaration
from ..host import PrimitiveChoice, PrimitiveHost
from ..model import AddrRange, Intervals, Ops
from ..primitive import PrimitiveContext
from ..target import PAGE_SIZE, Target
from .contract_reports import check_reports
from .recorded import RecordedReports
from .rule import Rule
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
        self._checked_ns = 0
        self._interval_ns = (0, 0)
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
        self._checked_ns = time.monotonic_ns()
        self.host.init([self.ctx])
        self.host.update_targets()
        self._sample()

    def tick(self) -> AddrRange:
        """One sampling interval, in which fresh pages are touched: which."""
        self._sample()
        self.host.prepare()
        touched = self.toucher.touch(self._touched, NR_PAGES)
        self._touched += NR_PAGES
        checking_ns = time.monotonic_ns()
        self.host.check()
        # What is seen now may have happened while the interval before was being checked.
        self._interval_ns = (self._checked_ns, time.monotonic_ns())
        self._checked_ns = checking_ns
        self.check_hooks()
        self.reports.check_guard()
        return touched

    def cpu_ns(self) -> int:
        """The CPU time of the hooks in one sampling interval, in which pages are touched."""
        self._sample()
        before = time.thread_time_ns()
        self.host.prepare()
        prepared_ns = time.thread_time_ns() - before
        self.toucher.touch(self._touched, NR_PAGES)
        self._touched += NR_PAGES
        before = time.thread_time_ns()
        self.host.check()
        return prepared_ns + time.thread_time_ns() - before

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
            Rule.HOOKS.must(cleanup(self.ctx) is None, "damon_cleanup returned something")

    def close(self) -> None:
        """Clean up what a failed test has left."""
        self.host.cleanup()
        self._target.close()

    def check_seen(self, touched: AddrRange) -> None:
        """BrokenRule unless the pages of ``touched`` are reported."""
        if self.ops is Ops.PADDR:
            Rule.SEEN.must(len(self.reports.addresses("paddr")), "nothing was seen")
            return
        addresses = self.reports.addresses()
        inside = (addresses >= touched.start) & (addresses < touched.end)
        nr = len(np.unique(addresses[inside] // PAGE_SIZE))
        Rule.SEEN.must(nr == NR_PAGES, f"{nr} of {NR_PAGES} touched pages were seen")

    def check_reports(self) -> None:
        """BrokenRule if a report of the last interval says what it cannot say."""
        (provides,) = self.host.provides()
        check_reports(self.reports, provides, self.ops, self._target, self._interval_ns)

    def check_hooks(self) -> None:
        """BrokenRule if a hook has failed."""
        if self.reports.broken is not None:
            raise self.reports.broken
        (failure,) = self.host.failures()
        Rule.HOOKS.must(failure is None, str(failure))

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
