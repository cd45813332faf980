"""The keys of targets and their ranges."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from itertools import pairwise

from attrs import frozen

from .key import Address, ByteSize, Command, Impossible, Pid, Text, key

# ruff: noqa: RUF009 - key() is attrs.field() with words

MAX_REGION_SZ = 2**40


@frozen
class RegionKeys:
    """One range of addresses."""

    start: Address = key("First address.", example="0x7f0000000000")
    end: Address = key("Address after the last one.", example="0x7f0000200000")

    def __attrs_post_init__(self) -> None:
        for name, address in (("start", self.start), ("end", self.end)):
            if address % mmap.PAGESIZE:
                expected = f"an address aligned to pages of {mmap.PAGESIZE} bytes"
                raise Impossible([name], f"{address:#x}", expected)
        if self.start >= self.end:
            raise Impossible(["end"], f"{self.end:#x}", f"an address above start {self.start:#x}")

    def __str__(self) -> str:
        return f"{self.start:#x}-{self.end:#x}"


@frozen
class RegionSizeKeys:
    """How small a region may be."""

    min: ByteSize = key(
        "Least size of a region: a power of two, at least a page. Ranges that then touch merge.",
        ByteSize(mmap.PAGESIZE),
        example="2 MiB",
        shown="a page",
    )

    def __attrs_post_init__(self) -> None:
        if not mmap.PAGESIZE <= self.min <= MAX_REGION_SZ or self.min & (self.min - 1):
            expected = f"a power of two from {mmap.PAGESIZE} (a page) to {MAX_REGION_SZ}"
            raise Impossible(["min"], str(self.min), expected)


@frozen
class TargetMatchKeys:
    """Which processes are targets, also those that start while monitoring runs; all must hold."""

    comm: Text | None = key("Process name, with * and ?.", None, example='"redis*"')
    cmdline: Text | None = key("Command line, with * and ?.", None, example='"*--port 6379*"')
    cgroup: Text | None = key("Control group, and those below it.", None, example="/user.slice")
    children: bool = key(
        "Also the descendants of the processes found, or of this target's pid or command.",
        False,
        shown="false",
    )

    @property
    def selects(self) -> bool:
        """Whether any condition is given."""
        return any(word is not None for word in (self.comm, self.cmdline, self.cgroup))

    def __attrs_post_init__(self) -> None:
        for name in ("comm", "cmdline", "cgroup"):
            if getattr(self, name) == "":
                raise Impossible([name], "''", "text; leave the key out to match any")
        if self.cgroup is not None and not self.cgroup.startswith("/"):
            raise Impossible(["cgroup"], repr(self.cgroup), "a path that begins with /")


@frozen
class TargetKeys:
    """One target: exactly one of pid, command and match; for paddr only regions."""

    pid: Pid | None = key("A running process.", None, example="4321")
    command: Command | None = key(
        "A command to start and to monitor from its first instruction.",
        None,
        example='[memcached, -m, "1024"]',
    )
    match: TargetMatchKeys | None = key("Processes found by what they are.", None)
    regions: tuple[RegionKeys, ...] = key("Ranges to watch in this target (fvaddr, paddr).", ())
    region_sz: RegionSizeKeys | None = key(
        "How small its regions may be.", None, example="{min: 2 MiB}", shown="the context's"
    )

    def __attrs_post_init__(self) -> None:
        check_apart(self.regions)
        if self.pid is not None and self.command is not None:
            raise Impossible(["command"], "pid and command", "one of pid, command and match")
        if self.match is not None:
            alone = self.pid is None and self.command is None
            if alone and not self.match.selects:
                raise Impossible(["match"], "no selector", "comm, cmdline or cgroup")
            if not alone and self.match.selects:
                got = "a selector beside pid or command"
                raise Impossible(["match"], got, "one of pid, command and match")


def check_apart(regions: Sequence[RegionKeys]) -> None:
    """Impossible if two ranges overlap."""
    order = sorted(range(len(regions)), key=lambda index: regions[index].start)
    for lower, upper in pairwise(order):
        if regions[upper].start < regions[lower].end:
            got = f"{regions[upper]}, which overlaps {regions[lower]}"
            raise Impossible(["regions", upper], got, "ranges without overlap")
