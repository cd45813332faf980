"""Where a process has hugetlb memory, whose accessed bits the kernel cannot clear."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from damon_core.model import AddrRange

HUGE_PAGES = "/sys/kernel/mm/hugepages"
TOLD = (
    "hugetlb memory is left out: the kernel does not clear its accessed bits, "
    "so it would look accessed for ever"
)

_MFD_HUGETLB = 4
_SIZE_SHIFT = 26  # of the log2 of the page size in memfd_create's flags


def exists() -> bool:
    """Whether the machine has any hugetlb page now; without one nothing need be left out."""
    return any(int(_read(f"{folder}/nr_hugepages") or 0) for folder, _ in _sizes())


def ranges_of(pid: int) -> Sequence[AddrRange]:
    """The hugetlb mappings of a process, ascending; nothing if it has ended.

    Told by their device: that of the kernel's own hugetlb mounts, or of one the process sees.
    """
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            maps = file.read()
        with open(f"/proc/{pid}/mountinfo", "rb") as file:
            mounts = file.read()
    except OSError:
        return ()
    devices = sorted({_device(device) for device in (*_own_devices(), *_mounted_devices(mounts))})
    if not devices:
        return ()
    line = rb"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ (?:" + b"|".join(devices) + rb") "
    found = re.finditer(line, maps, re.MULTILINE)
    return tuple(AddrRange(int(m[1], 16), int(m[2], 16)) for m in found)


def _sizes() -> Iterator[tuple[str, int]]:
    """Folder and size in bytes of each kind of huge page."""
    try:
        names = os.listdir(HUGE_PAGES)
    except OSError:
        return
    for name in names:
        if match := re.fullmatch(r"hugepages-(\d+)kB", name):
            yield f"{HUGE_PAGES}/{name}", int(match[1]) * 1024


def _own_devices() -> Iterator[int]:
    """Devices of the kernel's own mounts: anonymous huge pages, memfd and System V memory."""
    for _, size in _sizes():
        order = size.bit_length() - 1
        try:
            fd = os.memfd_create("damon", os.MFD_CLOEXEC | _MFD_HUGETLB | order << _SIZE_SHIFT)
        except OSError:
            continue
        try:
            yield os.fstat(fd).st_dev
        finally:
            os.close(fd)


def _mounted_devices(mountinfo: bytes) -> Iterator[int]:
    for line in mountinfo.splitlines():
        before, _, after = line.partition(b" - ")
        if after.startswith(b"hugetlbfs "):
            major, minor = before.split()[2].split(b":")
            yield os.makedev(int(major), int(minor))


def _device(device: int) -> bytes:
    """As /proc/PID/maps writes it."""
    return b"%02x:%02x" % (os.major(device), os.minor(device))


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
