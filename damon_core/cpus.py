"""Which processors are there, and which of them run now."""

from __future__ import annotations

from pathlib import Path

SYSFS = Path("/sys/devices/system/cpu")


def parse_cpu_list(text: str) -> frozenset[int]:
    """The numbers in a list of the kernel, such as "0-3,8"; ValueError for anything else."""
    cpus: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if part:
            cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)


def online_cpus(sysfs: Path = SYSFS) -> frozenset[int]:
    """Processors that run now."""
    return parse_cpu_list((sysfs / "online").read_text())


def offline_cpus(sysfs: Path = SYSFS) -> frozenset[int]:
    """Processors that are there but have been taken out of use."""
    return parse_cpu_list((sysfs / "present").read_text()) - online_cpus(sysfs)
