"""What a workload does: regions of memory, and for each thread its phases of access patterns."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from attrs import field, frozen

from ..errors import WorkloadError

MAX_SIZE = 2**46
"""Bytes of a region: half of what a process can address."""
MAX_DURATION_US = 2**53
MAX_NAME = 100
TURN_TOUCHES = 128 * 1024
"""Touches before another pattern of the phase may have its turn, the figure of masim."""


class MemoryKind(str, Enum):
    """What a region is made of; ANON leaves huge pages to the system's setting, as malloc does."""

    ANON = "anon"
    ANON_4K = "anon_4k"
    ANON_THP = "anon_thp"
    SHMEM = "shmem"
    MEMFD = "memfd"
    FILE_PRIVATE = "file_private"
    FILE_SHARED = "file_shared"

    def __str__(self) -> str:
        return self.value


class Mode(str, Enum):
    """How a byte is touched: read, written, or read and written back one higher."""

    READ = "r"
    WRITE = "w"
    BOTH = "rw"

    def __str__(self) -> str:
        return self.value


@frozen
class WorkloadRegion:
    """Memory to be touched: ``size`` bytes; ``populate`` makes all of it present at the start.

    ``load``: a file whose content it starts with.
    """

    name: str
    size: int
    memory: MemoryKind = MemoryKind.ANON
    populate: bool = False
    load: Path | None = None

    def __attrs_post_init__(self) -> None:
        _check_name("region", self.name)
        _check_between(f"region {self.name}: size", self.size, 1, MAX_SIZE)
        if self.load is not None and "\n" in str(self.load):
            raise WorkloadError(f"region {self.name}: a line break in the path {str(self.load)!r}")


@frozen
class Pattern:
    """Touches of ``length`` bytes from ``offset`` of a region (None: to its end).

    In order, ``stride`` bytes apart; or one byte in a page drawn at random.  ``weight``: how often
    it has its turn, relative to the others of the phase.  ``pause_us``: rest after each pass, or
    after each turn at random.
    """

    region: int
    offset: int = 0
    length: int | None = None
    stride: int = 4096
    random: bool = False
    mode: Mode = Mode.WRITE
    weight: int = 1
    pause_us: int = 0

    def __attrs_post_init__(self) -> None:
        _check_between("pattern: stride", self.stride, 1, MAX_SIZE)
        _check_between("pattern: probability", self.weight, 0, 2**31)
        _check_between("pattern: pause in microseconds", self.pause_us, 0, MAX_DURATION_US)


@frozen
class Phase:
    """Patterns that take turns for ``duration_us`` microseconds."""

    name: str
    duration_us: int
    patterns: tuple[Pattern, ...]

    def __attrs_post_init__(self) -> None:
        _check_name("phase", self.name)
        _check_between(f"phase {self.name}: microseconds", self.duration_us, 0, MAX_DURATION_US)
        if not sum(pattern.weight for pattern in self.patterns):
            raise WorkloadError(
                f"phase {self.name}: no access pattern with a probability above 0, one is needed"
            )


@frozen
class Workload:
    """A whole workload: ``threads`` run their phases at the same time, ``repeat`` times.

    ``repeat`` 0 means for ever.  ``seed`` decides every random choice.  ``quantum_us``: a record of
    the ground-truth log is closed after about this time.  ``folder``: where file regions are made.
    """

    regions: tuple[WorkloadRegion, ...]
    threads: tuple[tuple[Phase, ...], ...] = ((),)
    repeat: int = 1
    seed: int = 1
    quantum_us: int = 5_000
    folder: Path = field(default=Path("/var/tmp"))

    def __attrs_post_init__(self) -> None:
        if not self.regions:
            raise WorkloadError("a workload without regions: at least one is needed")
        _check_between("repeat", self.repeat, 0, 2**63)
        _check_between("seed", self.seed, 0, 2**63)
        _check_between("number of threads", len(self.threads), 1, 1024)
        _check_between("quantum in microseconds", self.quantum_us, 1, MAX_DURATION_US)
        for phases in self.threads:
            for phase in phases:
                for pattern in phase.patterns:
                    self._check_pattern(phase, pattern)

    @property
    def duration_us(self) -> int | None:
        """How long it runs, None for ever."""
        longest = max(sum(phase.duration_us for phase in phases) for phases in self.threads)
        return longest * self.repeat if self.repeat or not longest else None

    def length_of(self, pattern: Pattern) -> int:
        """The bytes that a pattern reaches over."""
        if pattern.length is not None:
            return pattern.length
        return self.regions[pattern.region].size - pattern.offset

    def _check_pattern(self, phase: Phase, pattern: Pattern) -> None:
        if not 0 <= pattern.region < len(self.regions):
            raise WorkloadError(
                f"phase {phase.name}: region number {pattern.region} of {len(self.regions)}"
            )
        region = self.regions[pattern.region]
        end = pattern.offset + self.length_of(pattern)
        if pattern.offset < 0 or self.length_of(pattern) < 1 or end > region.size:
            raise WorkloadError(
                f"phase {phase.name}: touches bytes {pattern.offset} to {end} of region "
                f"{region.name}, which has {region.size}"
            )


def _check_name(what: str, name: str) -> None:
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise WorkloadError(
            f"{what} name {name[:MAX_NAME]!r}: 1 to {MAX_NAME} printable characters are needed"
        )


def _check_between(what: str, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise WorkloadError(f"{what} is {number}: {low} to {high} is needed")
