"""Hands what C has found over to the core's report buffer, in place."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._native import ffi

if TYPE_CHECKING:
    from damon_core.reports import SourceReports

Fill = Callable[[Any, int], int]
"""Fills an array of so many reports and says how many it had; NULL only counts them."""

_ALL = 2**63


def deliver(reports: SourceReports, fill: Fill) -> None:
    """Let ``fill`` write into the free slots until it has no more; the rest is counted as lost."""
    while True:
        address, nr = reports.space()
        if nr == 0:
            reports.lose(fill(ffi.NULL, _ALL))
            return
        filled = fill(ffi.cast("void *", address), nr)
        reports.commit(filled)
        if filled < nr:
            return


def checked(result: int, doing: str) -> int:
    """The result of a C function; OSError if it is a negative errno."""
    if result < 0:
        raise OSError(-result, f"{doing}: {os.strerror(-result)}")
    return result
