"""One event of a perf.data file: its attributes, ids and name, and how its samples are read."""

from __future__ import annotations

import struct

from attrs import evolve, frozen

from ..access import ReportFlag
from ..errors import RecordError
from ..perf_attr import AttrFlag, PerfType, ReadFormat, SampleType, SoftwareEvent
from ..perf_decoding import Direction, PerfDecoding

MIN_ATTR_SIZE = 64
"""Bytes of the first version of the attributes; later ones are longer."""

KERNEL_START = 1 << 63
"""Virtual addresses from here on are the kernel's, whatever machine the file is from."""

_LAYOUT = struct.Struct("<IIQQQQQIIQQQQIiQIHHIIQQ")
_WRITE_ONLY, _READ_ONLY = 2, 1  # bp_type of a breakpoint

# Event and umask of Intel's processors; the leader of a group that makes mem-loads possible.
_AUX_LEADER = 0x8203
_READS = frozenset({0x1CD, 0x81D0})
_WRITES = frozenset({0x2CD, 0x82D0})
_READ_NAMES = ("mem-loads", "ldlat-loads", "spe-load", "all_loads")
_WRITE_NAMES = ("mem-stores", "ldlat-stores", "spe-store", "all_stores")
_NO_FORMAT, _NO_FLAGS = ReadFormat(0), AttrFlag(0)
_S = SampleType
_BEFORE_ID = (_S.IP, _S.TID, _S.TIME, _S.ADDR)


@frozen(kw_only=True)
class FileEvent:
    """An event as it was recorded; ``sample_period`` is a frequency with AttrFlag.FREQ."""

    type: int
    config: int = 0
    sample_period: int = 0
    sample_type: SampleType
    read_format: ReadFormat = _NO_FORMAT
    flags: AttrFlag = _NO_FLAGS
    bp_type: int = 0
    branch_sample_type: int = 0
    regs_user: int = 0
    regs_intr: int = 0
    ids: tuple[int, ...] = ()
    name: str = ""
    pmu: str = ""

    @classmethod
    def unpack(cls, attr: bytes, ids: tuple[int, ...] = ()) -> FileEvent:
        """From ``struct perf_event_attr`` of any size from MIN_ATTR_SIZE on."""
        if len(attr) < MIN_ATTR_SIZE:
            raise RecordError(f"attributes of {len(attr)} bytes: {MIN_ATTR_SIZE} are the least")
        fields = _LAYOUT.unpack(attr[: _LAYOUT.size].ljust(_LAYOUT.size, b"\0"))
        return cls(
            type=fields[0],
            config=fields[2],
            sample_period=fields[3],
            sample_type=SampleType(fields[4]),
            read_format=ReadFormat(fields[5]),
            flags=AttrFlag(fields[6]),
            bp_type=fields[8],
            branch_sample_type=fields[11],
            regs_user=fields[12],
            regs_intr=fields[15],
            ids=ids,
        )

    def named(self, name: str, pmu: str = "") -> FileEvent:
        """The same under the name that perf knows it by, of the source ``pmu``.

        Names may come from anybody: what could steer a terminal is spelled out.
        """
        return evolve(self, name=_harmless(name) or self.name, pmu=_harmless(pmu) or self.pmu)

    @property
    def title(self) -> str:
        """Its name, or else its numbers."""
        return self.name or f"{self.pmu or f'type {self.type}'} config {self.config:#x}"

    @property
    def id_at(self) -> int | None:
        """Where a sample has its id, in bytes behind the header; None if it has none."""
        if SampleType.IDENTIFIER in self.sample_type:
            return 0
        if SampleType.ID not in self.sample_type:
            return None
        return 8 * sum(bit in self.sample_type for bit in _BEFORE_ID)

    @property
    def is_bystander(self) -> bool:
        """Whether it is there for others' sake: it tracks tasks, or leads a group."""
        if self.type == PerfType.SOFTWARE and self.config == SoftwareEvent.DUMMY:
            return True
        is_aux = self._is_of_core and self.config & 0xFFFF == _AUX_LEADER
        return is_aux or "mem-loads-aux" in self.name

    @property
    def _is_of_core(self) -> bool:
        """Whether its config is an event of the processor: raw, or of cpu, cpu_core, cpu_atom."""
        return self.type == PerfType.RAW or self.pmu.startswith("cpu")

    def has_address(self, physical: bool) -> bool:
        """Whether its samples have addresses of that kind."""
        return (SampleType.PHYS_ADDR if physical else SampleType.ADDR) in self.sample_type

    def direction(self, intel: bool) -> ReportFlag:
        """What its accesses are where a sample itself does not say; 0 if that is unknown.

        ``intel``: the numbers of raw events are those of Intel's processors.
        """
        if self.type == PerfType.BREAKPOINT:
            kinds = {_WRITE_ONLY: ReportFlag.WRITE, _READ_ONLY: ReportFlag.READ}
            return kinds.get(self.bp_type & 3, ReportFlag(0))
        name = self.name.lower()
        reads = any(known in name for known in _READ_NAMES)
        writes = any(known in name for known in _WRITE_NAMES)
        if reads != writes:
            return ReportFlag.READ if reads else ReportFlag.WRITE
        if intel and self._is_of_core and not reads:
            number = self.config & 0xFFFF
            if number in _READS | _WRITES:
                return ReportFlag.READ if number in _READS else ReportFlag.WRITE
        return ReportFlag(0)

    def decoding(self, *, physical: bool, intel: bool) -> PerfDecoding:
        """How its samples become reports of virtual or physical addresses."""
        fixed = AttrFlag.FREQ not in self.flags
        tells = SampleType.DATA_SRC in self.sample_type
        return PerfDecoding(
            sample_type=self.sample_type,
            read_format=self.read_format,
            branch_sample_type=self.branch_sample_type,
            regs_user=self.regs_user,
            regs_intr=self.regs_intr,
            needs=ReportFlag.HAS_PADDR if physical else ReportFlag.HAS_VADDR,
            direction=Direction.DATA_SRC if tells else Direction.FIXED,
            flags=self.direction(intel),
            user_end=0 if physical else KERNEL_START,
            weight=min(self.sample_period, 2**32 - 1) if fixed else 1,
        )


def _harmless(name: str) -> str:
    return name if name.isprintable() else name.encode("unicode_escape").decode()
