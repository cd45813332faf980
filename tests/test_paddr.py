"""Physical memory is all System RAM with the holes between, or what was asked for."""

from __future__ import annotations

import pytest

from damon_core.errors import ConfigError, TargetError
from damon_core.model import AddrRange, Ops
from damon_core.paddr import Paddr, biggest_range, default_range, parse_iomem, system_ram
from damon_core.target import PAGE_SIZE, Target

IOMEM = """\
00000000-00000fff : Reserved
00001000-0009fbff : System RAM
  00002000-00002fff : System RAM
00100000-bfffffff : System RAM
  01000000-02209987 : Kernel code
fec00000-fec003ff : IOAPIC 0
200000000-23fffffff : System RAM (kmem)
100000000-1ffffffff : System RAM
"""
RAM = [(0x1000, 0x9FC00), (0x100000, 0xC0000000), (0x100000000, 0x200000000)]


def test_only_top_level_system_ram_counts() -> None:
    assert parse_iomem(IOMEM.splitlines()) == RAM


def test_the_default_range_spans_all_ram_with_its_holes() -> None:
    assert default_range(RAM) == AddrRange(0x1000, 0x200000000)


def test_the_biggest_range_is_the_first_of_equals() -> None:
    assert biggest_range([(0, 10), (20, 40), (50, 70)]) == AddrRange(20, 40)


def test_without_ram_there_is_no_default() -> None:
    with pytest.raises(ValueError, match="empty"):
        default_range([])


@pytest.mark.live
def test_the_default_range_of_this_machine_holds_its_memory() -> None:
    target = Target.physical(min_region_sz=1 << 21)
    (whole,) = Paddr().ranges(target)
    assert whole.start % (1 << 21) == whole.end % (1 << 21) == 0
    with open("/proc/meminfo") as file:
        total = int(file.readline().split()[1]) * 1024
    assert whole.size >= total
    assert Paddr().ops is Ops.PADDR


def test_hidden_addresses_name_the_capability() -> None:
    hidden = "00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n"
    with pytest.raises(TargetError, match="shows no addresses: run with CAP_SYS_ADMIN"):
        system_ram(hidden.splitlines())


def test_given_ranges_are_taken_as_they_are() -> None:
    given = AddrRange(0x100000, 0x200000)
    assert Paddr((given,)).ranges(Target.physical()) == (given,)
    own = AddrRange(0x300000, 0x400000)
    assert Paddr((given,)).ranges(Target.physical(given_ranges=(own,))) == (own,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((0x1000, 1 << 53), "is outside the physical address space, which ends at 0x1000000000"),
        ((0x1000, 0x1000), "range 0x1000-0x1000 of the physical address space is empty"),
        ((0x1000, 0x1000 + PAGE_SIZE // 2), "is not aligned to pages of"),
    ],
)
def test_impossible_ranges_are_refused_by_name(given: tuple[int, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Paddr((AddrRange(*given),)).ranges(Target.physical())
