"""A primitive in a context without a monitor, its hooks called by the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..model import Intervals, Ops
from ..primitive import PrimitiveContext
from ..target import PAGE_SIZE, Target
from .recorded import RecordedReports


class ByHand:
    """A primitive over some targets, run one sampling interval at a time, and no host between.

    What its hooks raise is raised here.  ``reports`` keeps what it reports, ``told`` what it tells
    the user; other fields of the context are given by name.  Targets stay the test's to close.
    """

    def __init__(
        self,
        primitive: Any,
        *targets: Target,
        ops: Ops = Ops.VADDR,
        name: str = "",
        cap: int = 1000,
        **fields: Any,
    ) -> None:
        self.primitive = primitive
        self.reports = RecordedReports(cap=cap)
        self.told: list[str] = []
        name = name or type(primitive).__name__
        self.ctx = PrimitiveContext(
            name,
            ops,
            Intervals(),
            PAGE_SIZE,
            self.reports,  # type: ignore[arg-type]  # the same methods, without regions behind them
            targets,
            tell=lambda text: self.told.append(text.removeprefix(f"{name}: ")),
            **fields,
        )

    def begin(self) -> None:
        """What comes before the first sampling interval."""
        self._call("damon_init")
        self._call("damon_update_targets")

    def update(self, targets: Sequence[Target]) -> None:
        """From now on these are the targets."""
        self.ctx.targets = targets
        self._call("damon_update_targets")

    def interval(self, between: Callable[[], object] = lambda: None) -> np.ndarray:
        """The rows reported of an interval in which ``between`` is done; bitmaps are kept apart."""
        self.reports.clear()
        self._call("damon_prepare_access_checks")
        between()
        self._call("damon_check_accesses", self.reports)
        return self.reports.rows()

    def end(self) -> None:
        """Clean up; may be called again."""
        self._call("damon_cleanup")

    def _call(self, hook: str, *more: object) -> None:
        method = getattr(self.primitive, hook, None)
        if method is not None:
            method(self.ctx, *more)
