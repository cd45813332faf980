"""Reports on their way to the buffer, looked at or completed before they get there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ._native import ffi
from .access import REPORT_DTYPE

if TYPE_CHECKING:
    from .reports import SourceReports

Step = Callable[[int, int], int]
"""Is given the address of reports, and how many there are; how many of them go on."""

_CAP = 4096


class Passing:
    """Slots for reports: each step sees those that were filled, then ``reports`` takes them.

    ``nr_dropped``: those that a step has left out.
    """

    def __init__(self, reports: SourceReports, *steps: Step) -> None:
        self._reports = reports
        self._steps = steps
        self.nr_dropped = 0
        self._rows = np.zeros(_CAP, REPORT_DTYPE)

    def space(self) -> tuple[int, int]:
        return self._rows.ctypes.data, len(self._rows)

    def commit(self, nr: int) -> None:
        for step in self._steps:
            left = step(self._rows.ctypes.data, nr)
            self.nr_dropped += nr - left
            nr = left
        if nr:
            self._reports.extend(self._rows[:nr])

    def lose(self, nr: int) -> None:
        self._reports.lose(nr)


def as_rows(address: int, nr: int) -> np.ndarray:
    """The ``nr`` reports at ``address``, to be read and changed in place, as REPORT_DTYPE."""
    memory = ffi.buffer(ffi.cast("char *", address), nr * REPORT_DTYPE.itemsize)
    return np.frombuffer(memory, REPORT_DTYPE)
