"""What is asked of ``perf_event_open``: the attributes of an event, packed as the kernel reads.

Numbers are those of the kernel's ABI (linux/perf_event.h), which never change.
"""

from __future__ import annotations

import struct
import time
from enum import IntEnum, IntFlag

from attrs import frozen

from .errors import PrimitiveError


class PerfType(IntEnum):
    """Kinds of events that every kernel numbers alike; PMUs have numbers of their own."""

    HARDWARE = 0
    SOFTWARE = 1
    TRACEPOINT = 2
    HW_CACHE = 3
    RAW = 4
    BREAKPOINT = 5


class SoftwareEvent(IntEnum):
    """``config`` of events of type SOFTWARE that are of use here."""

    PAGE_FAULTS = 2
    PAGE_FAULTS_MIN = 5
    PAGE_FAULTS_MAJ = 6
    DUMMY = 9


class SampleType(IntFlag):
    """What each sample holds."""

    IP = 1 << 0
    TID = 1 << 1
    TIME = 1 << 2
    ADDR = 1 << 3
    READ = 1 << 4
    CALLCHAIN = 1 << 5
    ID = 1 << 6
    CPU = 1 << 7
    PERIOD = 1 << 8
    STREAM_ID = 1 << 9
    RAW = 1 << 10
    BRANCH_STACK = 1 << 11
    REGS_USER = 1 << 12
    STACK_USER = 1 << 13
    WEIGHT = 1 << 14
    DATA_SRC = 1 << 15
    IDENTIFIER = 1 << 16
    TRANSACTION = 1 << 17
    REGS_INTR = 1 << 18
    PHYS_ADDR = 1 << 19
    AUX = 1 << 20
    CGROUP = 1 << 21
    DATA_PAGE_SIZE = 1 << 22
    CODE_PAGE_SIZE = 1 << 23
    WEIGHT_STRUCT = 1 << 24


class ReadFormat(IntFlag):
    """What reading an event gives behind its value; LOST is there from Linux 6.0 on."""

    TOTAL_TIME_ENABLED = 1 << 0
    TOTAL_TIME_RUNNING = 1 << 1
    ID = 1 << 2
    GROUP = 1 << 3
    LOST = 1 << 4


class AttrFlag(IntFlag):
    """The bits of the attributes; ``precise_ip`` lies among them."""

    DISABLED = 1 << 0
    INHERIT = 1 << 1
    PINNED = 1 << 2
    EXCLUSIVE = 1 << 3
    EXCLUDE_USER = 1 << 4
    EXCLUDE_KERNEL = 1 << 5
    EXCLUDE_HV = 1 << 6
    EXCLUDE_IDLE = 1 << 7
    MMAP = 1 << 8
    COMM = 1 << 9
    FREQ = 1 << 10
    TASK = 1 << 13
    WATERMARK = 1 << 14
    SAMPLE_ID_ALL = 1 << 18
    EXCLUDE_HOST = 1 << 19
    EXCLUDE_GUEST = 1 << 20
    COMM_EXEC = 1 << 24
    USE_CLOCKID = 1 << 25
    INHERIT_THREAD = 1 << 35
    REMOVE_ON_EXEC = 1 << 36


_NOTHING = SampleType(0)
_NO_FLAGS = AttrFlag(0)
_PRECISE_IP_SHIFT = 15
_LAYOUT = struct.Struct("=IIQQQQQIIQQQQIiQIHHIIQQ")
_SIZES = (64, 72, 80, 96, 104, 112, 120, 128, 136)


@frozen(kw_only=True)
class PerfAttr:
    """One event: what is counted, when a sample is taken, and what it holds.

    ``sample_period`` is a frequency in Hz with AttrFlag.FREQ.  ``config1`` and ``config2`` are the
    address and the length of a breakpoint.  Times are CLOCK_MONOTONIC with AttrFlag.USE_CLOCKID.
    Events begin disabled.
    """

    type: int
    config: int = 0
    config1: int = 0
    config2: int = 0
    config3: int = 0
    sample_period: int = 0
    sample_type: SampleType = _NOTHING
    read_format: ReadFormat = ReadFormat.LOST
    flags: AttrFlag = _NO_FLAGS
    precise_ip: int = 0
    bp_type: int = 0
    wakeup: int = 0

    def pack(self) -> bytes:
        """``struct perf_event_attr``, of the first size that holds what is set.

        PrimitiveError if a number does not fit its field.
        """
        flags = self.flags | AttrFlag.DISABLED
        fields = (
            self.type,
            0,  # the size, known when the rest is
            self.config,
            self.sample_period,
            self.sample_type,
            self.read_format,
            flags | self.precise_ip << _PRECISE_IP_SHIFT,
            self.wakeup,
            self.bp_type,
            self.config1,
            self.config2,
            *(0, 0, 0),  # branches, registers and stack are not asked for
            time.CLOCK_MONOTONIC if AttrFlag.USE_CLOCKID in flags else 0,
            *(0, 0, 0, 0, 0, 0, 0),
            self.config3,
        )
        try:
            packed = _LAYOUT.pack(*fields)
        except struct.error as error:
            raise PrimitiveError(f"a perf event cannot be described: {self}: {error}") from error
        used = len(packed.rstrip(b"\0"))
        size = next(size for size in _SIZES if size >= used)
        return packed[:4] + struct.pack("=I", size) + packed[8:size]
