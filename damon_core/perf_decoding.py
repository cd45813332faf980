"""What the samples of an event hold and how they become access reports; what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any

import attrs
from attrs import Attribute, frozen

from ._native import ffi, lib
from .access import ReportFlag
from .perf_attr import ReadFormat, SampleType

_NO_FORMAT = ReadFormat(0)
_NO_FLAGS = ReportFlag(0)
_MAX_WEIGHT = 2**32 - 1


class Direction(IntEnum):
    """How it is known whether a sample was a read or a write."""

    FIXED = lib.DAMON_PERF_FIXED
    """By the event: ``PerfDecoding.flags``."""
    DATA_SRC = lib.DAMON_PERF_DATA_SRC
    """By the operation in DATA_SRC, or else by the event."""
    RAW = lib.DAMON_PERF_RAW
    """By bits of the raw data."""
    IBS = lib.DAMON_PERF_IBS
    """By the registers of AMD's IBS for ops, as raw data; they tell the size of the access too."""


def _power_of_two(decoding: PerfDecoding, attribute: Attribute[int], align: int) -> None:
    if align < 0 or align & (align - 1):
        raise ValueError(f"align is {align}: it must be 0 or a power of two")


@frozen(kw_only=True)
class PerfDecoding:
    """How the samples of an event are read; ``sample_type`` and so on are those of its attributes.

    ``needs``: HAS_VADDR or HAS_PADDR, samples without it are dropped.  ``flags``: READ or WRITE if
    the event tells.  ``user_end``: virtual addresses from here on are the kernel's and dropped, 0
    keeps them.  ``align``: report the aligned block of so many bytes, 0 for one byte.  ``weight``:
    accesses per sample where it has no PERIOD.  ``exact_time``: TIME is CLOCK_MONOTONIC.
    ``raw_addr``: offset of the address in the raw data, 0 to take ADDR; ``raw_write``, offset of
    the 8 bytes of which any bit in ``write_mask`` means a write, or of IbsOpData3.
    """

    sample_type: SampleType
    read_format: ReadFormat = _NO_FORMAT
    branch_sample_type: int = 0
    regs_user: int = 0
    regs_intr: int = 0
    needs: ReportFlag = ReportFlag.HAS_VADDR
    direction: Direction = Direction.FIXED
    flags: ReportFlag = _NO_FLAGS
    user_end: int = 0
    align: int = attrs.field(default=0, validator=_power_of_two)
    weight: int = 1
    exact_time: bool = True
    keep_prefetches: bool = False
    raw_addr: int = 0
    raw_write: int = 0
    write_mask: int = 0


@frozen
class PerfCounts:
    """What became of records: ``samples`` is the sum of ``reports`` to ``malformed``.

    ``lost``: as LOST records tell, late and not always; reading the event is exact.
    ``lost_samples``: lost by the hardware.  ``corrupt``: how often a ring held no record.
    """

    samples: int = 0
    reports: int = 0
    other_process: int = 0
    kernel: int = 0
    no_address: int = 0
    prefetches: int = 0
    no_access: int = 0
    malformed: int = 0
    lost: int = 0
    lost_samples: int = 0
    throttled: int = 0
    others: int = 0
    corrupt: int = 0


class PerfDecoder:
    """A decoding in C memory, with its counts; :attr:`pids` may change between two drains."""

    def __init__(self, decoding: PerfDecoding) -> None:
        self.decoding = decoding
        self.c_decoding: Any = ffi.new(
            "struct damon_perf_decoding *", attrs.asdict(decoding, recurse=False)
        )
        self.c_counts: Any = ffi.new("struct damon_perf_counts *")
        self._pids: Any = None

    def only(self, pids: Iterable[int]) -> None:
        """Report samples of these processes alone; of all if there are none."""
        ascending = sorted(set(pids))
        self._pids = ffi.new("int32_t[]", ascending)
        self.c_decoding.nr_pids = 0
        self.c_decoding.pids = self._pids
        self.c_decoding.nr_pids = len(ascending)

    def weigh(self, weight: int) -> None:
        """Samples without PERIOD stand for so many accesses from now on."""
        self.c_decoding.weight = min(weight, _MAX_WEIGHT)

    @property
    def counts(self) -> PerfCounts:
        """What became of all records so far."""
        return PerfCounts(*(getattr(self.c_counts, name) for name in _COUNTS))

    def decode(self, records: Any, slots: int, nr: int, now_ns: int = 0) -> int:
        """Turn whole records in a buffer into at most ``nr`` reports at the address ``slots``.

        How many bytes were used up: fewer than there are when the rest is no whole record, or when
        there was no room; ``counts.reports`` tells how many reports there are.
        """
        return int(
            lib.damon_perf_decode(
                self.c_decoding,
                now_ns,
                ffi.from_buffer(records),
                len(records),
                ffi.cast("struct damon_access_report *", slots),
                nr,
                self.c_counts,
            )
        )


_COUNTS = tuple(attribute.name for attribute in attrs.fields(PerfCounts))
