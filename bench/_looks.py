"""One look of a mechanism of accessed_bit at a target: what it costs, and which pages it found."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

import numpy as np
from attrs import frozen

from damon_accessed_bit.options import Choice, Options
from damon_accessed_bit.probe import MECHANISMS, choose
from damon_core.access import REPORT_DTYPE
from damon_core.model import Intervals, Ops
from damon_core.primitive import PrimitiveContext
from damon_core.target import Target
from damon_core.testing import RecordedReports

PAGE = 4096
MANY = 4096


class KeptReports(RecordedReports):
    """Keeps what was reported with as little work as possible: this measures the mechanism."""

    def __init__(self) -> None:
        super().__init__()
        self._room = np.zeros(MANY, REPORT_DTYPE)

    def space(self) -> tuple[int, int]:
        return int(self._room.ctypes.data), MANY

    def commit(self, nr: int) -> None:
        self._parts.append(self._room[:nr].copy())


@frozen
class LookCost:
    """CPU time of the thread that looks, the kernel's work for it included."""

    prepare_ms: float
    check_ms: float

    @property
    def ms(self) -> float:
        return self.prepare_ms + self.check_ms


def missing(mechanism: str, ops: Ops) -> str:
    """What a mechanism lacks here, "" for nothing."""
    return str(MECHANISMS.probe((mechanism,), ops, Options()).mechanisms[mechanism])


class Looker:
    """A mechanism at work; leaving the context ends it."""

    def __init__(self, mechanism: str, target: Target, ops: Ops) -> None:
        self._reports = KeptReports()
        self._ctx = PrimitiveContext(
            "accessed_bit", ops, Intervals(), PAGE, self._reports, (target,)
        )
        self._mechanism = choose(Options(mechanism=Choice(mechanism)), ops, (target,))
        self._mechanism.init(self._ctx)
        self._mechanism.update_targets(self._ctx)

    def look(self, between: Callable[[], object]) -> LookCost:
        """Prepare, let ``between`` touch, and check."""
        self._reports.clear()
        prepare_ms = _cpu_ms(lambda: self._mechanism.prepare(self._ctx))
        between()
        return LookCost(
            prepare_ms, _cpu_ms(lambda: self._mechanism.check(self._ctx, self._reports))
        )

    def found(self, ops: Ops) -> np.ndarray:
        """Addresses that the last look reported; of a mapping only its start."""
        return np.unique(self._reports.addresses("paddr" if ops is Ops.PADDR else "vaddr"))

    def __enter__(self) -> Looker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._mechanism.cleanup()


def _cpu_ms(call: Callable[[], object]) -> float:
    before = time.thread_time_ns()
    call()
    return (time.thread_time_ns() - before) / 1e6
