"""Which faults are sampled with perf."""

from __future__ import annotations

from enum import Enum


class FaultEvent(str, Enum):
    """Which faults are sampled, and what is known of them.

    ``tracepoint``: all, with their direction.  ``page-faults``: all, without it.  ``minor-faults``
    and ``major-faults``: those that were handled without or with reading from a device, after
    that, so that physical addresses are known; no direction.  ``auto``: ``tracepoint`` where it
    can be had, else ``page-faults``; of physical memory minor and major faults.
    """

    AUTO = "auto"
    TRACEPOINT = "tracepoint"
    PAGE_FAULTS = "page-faults"
    MINOR_FAULTS = "minor-faults"
    MAJOR_FAULTS = "major-faults"

    def __str__(self) -> str:
        return self.value
