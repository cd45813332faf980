"""Reports on their way to the buffer, looked at or completed before they get there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from damon_core.access import REPORT_DTYPE

if TYPE_CHECKING:
    from damon_core.reports import SourceReports

Step = Callable[[int, int], None]
"""Is given the address of reports, and how many there are."""

_CAP = 4096


class Passing:
    """Slots for reports: each step sees those that were filled, then ``reports`` takes them."""

    def __init__(self, reports: SourceReports, *steps: Step) -> None:
        self._reports = reports
        self._steps = steps
        self._rows = np.zeros(_CAP, REPORT_DTYPE)

    def space(self) -> tuple[int, int]:
        return self._rows.ctypes.data, len(self._rows)

    def commit(self, nr: int) -> None:
        if not nr:
            return
        for step in self._steps:
            step(self._rows.ctypes.data, nr)
        self._reports.extend(self._rows[:nr])

    def lose(self, nr: int) -> None:
        self._reports.lose(nr)
