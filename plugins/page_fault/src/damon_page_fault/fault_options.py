"""Options of the mechanisms that sample faults with perf."""

from __future__ import annotations

import os
from enum import Enum

from damon_core.errors import ConfigError
from damon_core.units import format_size, parse_size

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


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


class Scope(str, Enum):
    """Whose faults are sampled.

    ``machine``: everybody's, of which those of the targets are reported; every fault on the machine
    costs about a microsecond more.  ``threads``: those of the targets' threads; a new thread
    is found at the next sampling interval.  ``auto``: ``machine`` where that is permitted.
    """

    AUTO = "auto"
    MACHINE = "machine"
    THREADS = "threads"

    def __str__(self) -> str:
        return self.value


def parse_ring_size(value: str | int) -> int:
    """The size of a ring in bytes: ConfigError unless a power of two of at least a page."""
    size = parse_size(value)
    if size < PAGE_SIZE or size & (size - 1):
        raise ConfigError(
            f"a ring of {value} is not possible: expected a power of two, "
            f"{format_size(PAGE_SIZE)} or more"
        )
    return size
