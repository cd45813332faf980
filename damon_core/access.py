"""The access report as Python sees it: an attrs class, and the NumPy dtype of the C struct."""

from __future__ import annotations

from enum import IntFlag

import numpy as np
from attrs import frozen


class ReportFlag(IntFlag):
    """``flags`` of an access report; neither WRITE nor READ means unknown, never "read"."""

    WRITE = 1 << 0
    READ = 1 << 1
    HAS_VADDR = 1 << 2
    HAS_PADDR = 1 << 3
    HAS_CPU = 1 << 4
    HAS_TID = 1 << 5
    EXACT_TIME = 1 << 6


REPORT_DTYPE = np.dtype(
    [
        ("paddr", np.uint64),
        ("vaddr", np.uint64),
        ("size", np.uint64),
        ("time_ns", np.uint64),
        ("data_src", np.uint64),
        ("pid", np.int32),
        ("tid", np.int32),
        ("cpu", np.uint32),
        ("weight", np.uint32),
        ("source", np.uint16),
        ("flags", np.uint16),
        ("reserved", np.uint32),
    ]
)
"""``struct damon_access_report`` of ``damon/report.h``: 64 bytes, native byte order."""


@frozen
class AccessReport:
    """One access, as a primitive saw it; ``None`` means the primitive cannot tell.

    ``size`` in bytes, at least 1; ``time_ns`` on CLOCK_MONOTONIC; ``weight`` is how many accesses
    the report stands for.
    """

    vaddr: int | None = None
    paddr: int | None = None
    size: int = 1
    pid: int = 0
    tid: int | None = None
    cpu: int | None = None
    is_write: bool | None = None
    time_ns: int | None = None
    weight: int = 1
    data_src: int = 0

    @property
    def flags(self) -> ReportFlag:
        flags = ReportFlag(0)
        if self.is_write is not None:
            flags |= ReportFlag.WRITE if self.is_write else ReportFlag.READ
        for value, flag in (
            (self.vaddr, ReportFlag.HAS_VADDR),
            (self.paddr, ReportFlag.HAS_PADDR),
            (self.cpu, ReportFlag.HAS_CPU),
            (self.tid, ReportFlag.HAS_TID),
            (self.time_ns, ReportFlag.EXACT_TIME),
        ):
            if value is not None:
                flags |= flag
        return flags

    def to_array(self) -> np.ndarray:
        """One row of REPORT_DTYPE."""
        row = np.zeros(1, REPORT_DTYPE)
        for name in (
            "paddr",
            "vaddr",
            "size",
            "time_ns",
            "data_src",
            "pid",
            "tid",
            "cpu",
            "weight",
        ):
            row[name] = getattr(self, name) or 0
        row["flags"] = self.flags
        return row
