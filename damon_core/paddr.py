"""Physical memory: System RAM, or the ranges given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import define, field

from .errors import TargetError
from .model import AddrRange, Ops
from .ops import align_down, align_up, check_ranges
from .target import Target

# The architectures have up to 52 bits of physical address.
PHYSICAL_END = 1 << 52


def default_range(ram: Sequence[tuple[int, int]]) -> AddrRange:
    """From the start of the first to the end of the last System RAM, the holes included.

    ``ram``: half-open ranges; ValueError without any.  (Kernels up to 7.0 took the biggest one.)
    """
    return AddrRange(min(start for start, _ in ram), max(end for _, end in ram))


def biggest_range(ram: Sequence[tuple[int, int]]) -> AddrRange:
    """The biggest single System RAM, the first of equals: the default of kernels up to 7.0."""
    start, end = max(ram, key=lambda bounds: bounds[1] - bounds[0])
    return AddrRange(start, end)


def parse_iomem(lines: Iterable[str]) -> list[tuple[int, int]]:
    """The System RAM of /proc/iomem as half-open ranges; all (0, 1) where addresses are hidden."""
    ram = []
    for line in lines:
        bounds, _, name = line.partition(" : ")
        if name.strip() == "System RAM" and not line.startswith(" "):
            first, last = (int(bound, 16) for bound in bounds.split("-"))
            ram.append((first, last + 1))
    return ram


def system_ram(iomem: Iterable[str]) -> list[tuple[int, int]]:
    """The System RAM in the lines of /proc/iomem; TargetError when it is hidden from us."""
    ram = parse_iomem(iomem)
    if not any(start for start, _ in ram):
        raise TargetError(
            "physical memory: /proc/iomem shows no addresses: run with CAP_SYS_ADMIN, "
            "or give the regions to monitor"
        )
    return ram


@define
class Paddr:
    """Physical memory: the target's ranges, or the context's, or else all System RAM."""

    given: Sequence[AddrRange] = ()
    ops: Ops = field(default=Ops.PADDR, init=False)
    _ram: AddrRange | None = field(default=None, init=False)

    def ranges(self, target: Target) -> tuple[AddrRange, ...]:
        """Always the same ranges; ConfigError or TargetError if there cannot be any."""
        size = target.min_region_sz
        if given := target.given_ranges or self.given:
            return check_ranges(
                given, limit=PHYSICAL_END, min_region_sz=size, what="the physical address space"
            )
        if self._ram is None:
            with open("/proc/iomem") as iomem:
                self._ram = default_range(system_ram(iomem))
        return (AddrRange(align_down(self._ram.start, size), align_up(self._ram.end, size)),)
