"""What a perf.data file says of itself behind its samples: machine, command, names of events."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

from attrs import field, frozen


class Feature(IntEnum):
    """Numbers of the parts that are read; others are skipped."""

    HOSTNAME = 3
    OSRELEASE = 4
    VERSION = 5
    ARCH = 6
    NRCPUS = 7
    CPUDESC = 8
    CPUID = 9
    CMDLINE = 11
    EVENT_DESC = 12
    PMU_MAPPINGS = 16
    AUXTRACE = 18
    SAMPLE_TIME = 21
    DIR_FORMAT = 24
    COMPRESSED = 27
    CLOCK_DATA = 29


MAX_SIZE = 1 << 20
"""Bytes of one part that are looked at."""

MAX_FEATURES = 256
"""Their numbers are below that."""

_MAX_TEXT = 4096


@frozen(kw_only=True)
class FileFeatures:
    """The parts of a file that are of use; "" and 0 for what it does not tell.

    ``names``: of events by id.  ``pmus``: names of event sources by type.  ``clock``: what
    CLOCK_REALTIME and the clock of the samples were at one moment, in ns.
    """

    present: frozenset[int] = frozenset()
    hostname: str = ""
    osrelease: str = ""
    version: str = ""
    arch: str = ""
    cpudesc: str = ""
    cpuid: str = ""
    nr_cpus: int = 0
    cmdline: tuple[str, ...] = ()
    names: Mapping[int, str] = field(factory=dict)
    names_in_order: tuple[str, ...] = ()
    pmus: Mapping[int, str] = field(factory=dict)
    clock: tuple[int, int] | None = None

    @property
    def is_intel(self) -> bool:
        """Whether the processor is one of Intel's; False if unknown."""
        return "GenuineIntel" in self.cpuid or "Intel" in self.cpudesc


class _Text:
    """Reads the fields of one part; LookupError where it is too short."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, size: int) -> bytes:
        if size > len(self._content) - self._at:
            raise LookupError("too short")
        self._at += size
        return self._content[self._at - size : self._at]

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def string(self) -> str:
        text = self.take(self.u32()).split(b"\0", 1)[0]
        return text[:_MAX_TEXT].decode(errors="replace")


def _event_names(text: _Text) -> dict[str, Any]:
    nr, attr_size = text.u32(), text.u32()
    names: dict[int, str] = {}
    in_order = []
    for _ in range(nr):
        text.take(attr_size)
        nr_ids, name = text.u32(), text.string()
        in_order.append(name)
        ids = struct.unpack(f"<{nr_ids}Q", text.take(8 * nr_ids))
        names.update(dict.fromkeys(ids, name))
    return {"names": names, "names_in_order": tuple(in_order)}


def _pmus(text: _Text) -> dict[str, Any]:
    return {"pmus": {text.u32(): text.string() for _ in range(text.u32())}}


def _clock(text: _Text) -> dict[str, Any]:
    text.take(8)  # version and clock
    return {"clock": (text.u64(), text.u64())}


def _command(text: _Text) -> dict[str, Any]:
    return {"cmdline": tuple(text.string() for _ in range(text.u32()))}


_READERS: Mapping[Feature, Callable[[_Text], dict[str, Any]]] = {
    Feature.HOSTNAME: lambda text: {"hostname": text.string()},
    Feature.OSRELEASE: lambda text: {"osrelease": text.string()},
    Feature.VERSION: lambda text: {"version": text.string()},
    Feature.ARCH: lambda text: {"arch": text.string()},
    Feature.CPUDESC: lambda text: {"cpudesc": text.string()},
    Feature.CPUID: lambda text: {"cpuid": text.string()},
    Feature.NRCPUS: lambda text: {"nr_cpus": text.u32()},
    Feature.CMDLINE: _command,
    Feature.EVENT_DESC: _event_names,
    Feature.PMU_MAPPINGS: _pmus,
    Feature.CLOCK_DATA: _clock,
}


def read_features(parts: Mapping[int, bytes]) -> FileFeatures:
    """What the parts say, by their numbers; one that is broken says nothing."""
    found: dict[str, Any] = {"present": frozenset(parts)}
    for number, read in _READERS.items():
        if number in parts:
            try:
                found |= read(_Text(parts[number]))
            except (LookupError, struct.error):
                continue
    return FileFeatures(**found)
