"""What a workload does: regions of memory, and for each thread its phases of access patterns."""

from __future__ import annotations

from collections.abc import Sequence
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


RESIZABLE = (MemoryKind.ANON, MemoryKind.ANON_4K, MemoryKind.ANON_THP)
"""What can be mapped and unmapped bit by bit."""


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
class Resize:
    """From now on ``size`` bytes of a region are mapped, and those behind them are not."""

    region: int
    size: int


@frozen
class Phase:
    """Patterns that take turns for ``duration_us`` microseconds, once ``resizes`` are done."""

    name: str
    duration_us: int
    patterns: tuple[Pattern, ...]
    resizes: tuple[Resize, ...] = ()

    def __attrs_post_init__(self) -> None:
        _check_name("phase", self.name)
        _check_between(f"phase {self.name}: microseconds", self.duration_us, 0, MAX_DURATION_US)
        if not sum(pattern.weight for pattern in self.patterns):
            raise WorkloadError(
                f"phase {self.name}: no access pattern with a probability above 0, one is needed"
            )


@frozen
class WorkloadProcess:
    """Threads in a process of their own, which shares the shared regions of the first one."""

    name: str
    threads: tuple[tuple[Phase, ...], ...]


@frozen
class Workload:
    """A whole workload: ``threads`` run their phases at the same time, ``repeat`` times.

    ``processes`` do so beside the first one, whose ``threads`` are.  ``repeat`` 0 means for ever.
    ``seed`` decides every random choice.  ``quantum_us``: a record of the ground-truth log is
    closed after about this time.  ``folder``: where file regions are made.
    """

    regions: tuple[WorkloadRegion, ...]
    threads: tuple[tuple[Phase, ...], ...] = ((),)
    repeat: int = 1
    seed: int = 1
    quantum_us: int = 5_000
    folder: Path = field(default=Path("/var/tmp"))
    processes: tuple[WorkloadProcess, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not self.regions:
            raise WorkloadError("a workload without regions: at least one is needed")
        _check_between("repeat", self.repeat, 0, 2**63)
        _check_between("seed", self.seed, 0, 2**63)
        _check_between("number of processes", 1 + len(self.processes), 1, 256)
        _check_between("quantum in microseconds", self.quantum_us, 1, MAX_DURATION_US)
        for threads in (self.threads, *(one.threads for one in self.processes)):
            _check_between("number of threads", len(threads), 1, 1024)
            for phases in threads:
                check_phases(phases, self.regions, again=self.repeat != 1)
            check_owners(threads, self.regions)

    @property
    def all_threads(self) -> tuple[tuple[Phase, ...], ...]:
        """Of all processes."""
        return self.threads + tuple(one for each in self.processes for one in each.threads)

    @property
    def duration_us(self) -> int | None:
        """How long it runs, None for ever."""
        longest = max(sum(phase.duration_us for phase in phases) for phases in self.all_threads)
        return longest * self.repeat if self.repeat or not longest else None

    def length_of(self, pattern: Pattern) -> int:
        """The bytes that a pattern reaches over."""
        if pattern.length is not None:
            return pattern.length
        return self.regions[pattern.region].size - pattern.offset


def check_phases(
    phases: Sequence[Phase], regions: Sequence[WorkloadRegion], *, again: bool = False
) -> None:
    """WorkloadError if a phase of a thread touches what is not mapped then.

    ``again``: it runs them a second time.
    """
    sizes = [region.size for region in regions]
    for phase in (*phases, *(phases if again else ())):
        for resize in phase.resizes:
            _check_resize(phase, resize, regions)
            sizes[resize.region] = resize.size
        for pattern in phase.patterns:
            _check_pattern(phase, pattern, regions, sizes)


def check_owners(threads: Sequence[Sequence[Phase]], regions: Sequence[WorkloadRegion]) -> None:
    """WorkloadError if a region that a thread resizes is another's too: it would touch nothing."""
    for number, phases in enumerate(threads):
        resized = {resize.region for phase in phases for resize in phase.resizes}
        for other in (*threads[:number], *threads[number + 1 :]):
            used = {pattern.region for phase in other for pattern in phase.patterns}
            used |= {resize.region for phase in other for resize in phase.resizes}
            for region in sorted(resized & used):
                raise WorkloadError(
                    f"region {regions[region].name} is resized by one thread and used by another: "
                    "one thread alone may use it"
                )


def _check_resize(phase: Phase, resize: Resize, regions: Sequence[WorkloadRegion]) -> None:
    region = regions[resize.region]
    if region.memory not in RESIZABLE:
        raise WorkloadError(
            f"phase {phase.name}: region {region.name} is of {region.memory}, only "
            f"{', '.join(map(str, RESIZABLE))} can be resized"
        )
    _check_between(f"phase {phase.name}: size of region {region.name}", resize.size, 0, region.size)


def _check_pattern(
    phase: Phase, pattern: Pattern, regions: Sequence[WorkloadRegion], sizes: Sequence[int]
) -> None:
    if not 0 <= pattern.region < len(regions):
        raise WorkloadError(f"phase {phase.name}: region number {pattern.region} of {len(regions)}")
    region, size = regions[pattern.region], sizes[pattern.region]
    length = region.size - pattern.offset if pattern.length is None else pattern.length
    end = pattern.offset + length
    if pattern.offset < 0 or length < 1 or end > size:
        mapped = "" if size == region.size else " mapped"
        raise WorkloadError(
            f"phase {phase.name}: touches bytes {pattern.offset} to {end} of region "
            f"{region.name}, which has {size}{mapped}"
        )


def _check_name(what: str, name: str) -> None:
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise WorkloadError(
            f"{what} name {name[:MAX_NAME]!r}: 1 to {MAX_NAME} printable characters are needed"
        )


def _check_between(what: str, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise WorkloadError(f"{what} is {number}: {low} to {high} is needed")
