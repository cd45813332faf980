"""The mappings of a process, parsed in C from /proc/PID/maps."""

from __future__ import annotations

import os
from enum import IntEnum, IntFlag

import numpy as np
from attrs import frozen

from ._native import ffi, lib
from .model import AddrRange

MAPPING_DTYPE = np.dtype(
    [
        ("start", np.uint64),
        ("end", np.uint64),
        ("inode", np.uint64),
        ("flags", np.uint32),
        ("kind", np.uint32),
    ]
)
"""``struct damon_mapping`` of ``maps.h``: addresses in bytes, half open."""

_NR_ROWS = 1024


class MappingFlag(IntFlag):
    """``flags`` of a mapping."""

    READ = 1 << 0
    WRITE = 1 << 1
    EXEC = 1 << 2
    SHARED = 1 << 3


class MappingKind(IntEnum):
    """``kind`` of a mapping, from its name; OTHER is any further name in brackets.

    DEVICE: pages of a device or of the kernel, such as the rings of io_uring and perf.
    """

    ANON = 0
    FILE = 1
    HEAP = 2
    STACK = 3
    VDSO = 4
    VVAR = 5
    OTHER = 6
    DEVICE = 7


@frozen
class Mapping:
    """One mapping with its name: a path, a name in brackets, or "" (escapes as the kernel's)."""

    range: AddrRange
    perms: str
    name: str


def read_maps(pid: int) -> np.ndarray:
    """The mappings of ``pid`` by address, MAPPING_DTYPE; empty of a zombie.  OSError if refused.

    ``[vsyscall]`` is left out: the kernel does not count it as a mapping of the process.
    """
    fd = os.open(f"/proc/{pid}/maps", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return parse_maps(fd)
    finally:
        os.close(fd)


def parse_maps(fd: int) -> np.ndarray:
    """Read the text of a maps file from ``fd`` to its end; OSError EBADMSG for other text."""
    maps = lib.damon_maps_create(fd)
    if maps == ffi.NULL:
        raise MemoryError("no memory to read the mappings of a process")
    try:
        parts = []
        while True:
            rows = np.empty(_NR_ROWS, MAPPING_DTYPE)
            nr = lib.damon_maps_next(
                maps, ffi.cast("struct damon_mapping *", rows.ctypes.data), len(rows)
            )
            if nr < 0:
                raise OSError(-nr, f"mappings of a process: {os.strerror(-nr)}")
            parts.append(rows[:nr])
            if nr < _NR_ROWS:
                return np.concatenate(parts)
    finally:
        lib.damon_maps_destroy(maps)


def named_mappings(pid: int) -> list[Mapping]:
    """The mappings of ``pid`` with their names, for reports; ``[vsyscall]`` is left out."""
    with open(f"/proc/{pid}/maps", "rb") as file:
        mappings = [_parse_named(line) for line in file]
    return [mapping for mapping in mappings if mapping.name != "[vsyscall]"]


def _parse_named(line: bytes) -> Mapping:
    fields = line.rstrip(b"\n").split(b" ", 5)
    start, end = (int(bound, 16) for bound in fields[0].split(b"-"))
    name = fields[5].lstrip(b" ") if len(fields) > 5 else b""
    return Mapping(AddrRange(start, end), fields[1].decode(), os.fsdecode(name))
