"""Virtual addresses of processes: followed as mappings change, or as given."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from .errors import ConfigError
from .maps import read_maps
from .model import AddrRange, Ops
from .ops import check_ranges, covering_regions

if TYPE_CHECKING:
    from .target import Target


@frozen
class Vaddr:
    """All of a process: three ranges, apart by the two biggest gaps, as the mappings are now.

    Deliberate difference from the kernel: a process with fewer than two gaps is monitored as the
    one or two ranges that it has, where the kernel would not monitor it at all; ranges that touch
    once aligned to min_region_sz become one.
    """

    ops: Ops = field(default=Ops.VADDR, init=False)

    def ranges(self, target: Target) -> tuple[AddrRange, ...] | None:
        """Ranges that hold all mappings; None when there are none to be read (any more)."""
        try:
            mappings = read_maps(target.pid)
        except OSError:
            return None
        if not target.alive():
            return None  # what was read may be of a later process with this pid
        return covering_regions(mappings, target.min_region_sz) or None


def user_space_end() -> int:
    """The first address, in bytes, above the user's half of the address space."""
    machine = platform.machine()
    if machine == "x86_64":
        return 1 << (56 if _has_five_levels() else 47)
    return 1 << (52 if machine == "aarch64" else 63)


def _has_five_levels() -> bool:
    with open("/proc/cpuinfo", "rb") as file:
        flags = next((line for line in file if line.startswith(b"flags")), b"")
    return b"la57" in flags.split()


@define
class FixedVaddr:
    """Just the given ranges of a process: the target's own, or else those of the context.

    ConfigError for ranges that are impossible, or none at all.
    """

    given: Sequence[AddrRange] = ()
    ops: Ops = field(default=Ops.FVADDR, init=False)
    _limit: int = field(factory=user_space_end, init=False)

    def ranges(self, target: Target) -> tuple[AddrRange, ...]:
        """Exactly the given ranges, whatever is mapped there."""
        given = target.given_ranges or self.given
        if not given:
            raise ConfigError(
                f"ops fvaddr has no ranges for pid {target.pid}: give its regions, or use vaddr"
            )
        return check_ranges(
            given,
            limit=self._limit,
            min_region_sz=target.min_region_sz,
            what="the user address space",
        )
