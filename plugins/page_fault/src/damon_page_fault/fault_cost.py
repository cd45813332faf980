"""What a fault costs a target, so that the CPU quota can count it."""

from __future__ import annotations

from ._native import lib

FAULT_NS = 1_300
"""Where it cannot be measured: as on an AMD Milan with Linux 6.18 (bench/page_fault_writes.py)."""


def fault_cost_ns(page_size: int) -> int:
    """CPU time of a write to a protected page, measured in half a millisecond on our own memory.

    Caches are warm there: a target pays as much or more.  ``FAULT_NS`` if we may not try.
    """
    found = int(lib.fault_cost_ns(page_size))
    return found if found > 0 else FAULT_NS
