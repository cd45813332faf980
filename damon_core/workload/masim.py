"""Reads the configuration files of masim, a memory access simulator by SeongJae Park.

Paragraphs with blank lines between; lines that start with ``#`` are comments.  The first paragraph
has the regions, ``NAME, SIZE[, FILE|none]``; each other one a phase: its name, its length in
milliseconds, then ``REGION, RANDOM, STRIDE, PROBABILITY[, ro|wo|rw]`` for each access pattern.
Comments that start with ``#damon`` say what masim has no words for: see directives.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import define, evolve, field, frozen

from ..errors import ConfigError, WorkloadError
from ..spelling import did_you_mean
from ..units import parse_size
from .directives import MODES, Directives, Window
from .plan import Pattern, Phase, Resize, Workload, WorkloadProcess, WorkloadRegion
from .window import moving

MAX_FILE = 4 << 20


@frozen
class _Line:
    number: int
    text: str


def load_masim(path: Path, defaults: Directives | None = None) -> Workload:
    """The workload of a file.  WorkloadError, with file and line, for one that makes no sense."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise WorkloadError(f"cannot read the workload {path}: {error.strerror}") from None
    if len(content) > MAX_FILE:
        raise WorkloadError(f"{path}: more than {MAX_FILE} bytes, no workload is that long")
    try:
        return parse_masim(content.decode(), str(path), defaults)
    except UnicodeDecodeError as error:
        raise WorkloadError(f"{path}: byte {error.start} is no UTF-8 text") from None


def parse_masim(text: str, name: str = "<text>", defaults: Directives | None = None) -> Workload:
    """As load_masim, of the text itself; ``name`` is for the errors."""
    return _Parser(name, evolve(defaults or Directives())).parse(text)


@define
class _Parser:
    file: str
    said: Directives
    regions: list[WorkloadRegion] = field(factory=list)
    resized: dict[tuple[str, int], int] = field(factory=dict)
    processes: dict[str, dict[str, list[Phase]]] = field(factory=dict)
    line: int = 0

    def parse(self, text: str) -> Workload:
        try:
            return self._parse(text)
        except (WorkloadError, ConfigError) as error:
            raise WorkloadError(f"{self.file}:{self.line}: {error}") from None

    def _parse(self, text: str) -> Workload:
        for paragraph in self._paragraphs(text):
            if not self.regions:
                for line in self._lines(paragraph):
                    self.regions.append(self._region(line))
            else:
                phases = self._phase(self._lines(paragraph))
                threads = self.processes.setdefault(self.said.process, {})
                threads.setdefault(self.said.thread, []).extend(phases)
        if self.said.resizes:
            raise WorkloadError("a resize without a phase after it: it is done when a phase begins")
        if not self.regions:
            raise WorkloadError("no regions, expected lines such as 'a, 10000000'")
        processes = [
            WorkloadProcess(name, tuple(map(tuple, threads.values())))
            for name, threads in self.processes.items()
            if any(threads.values())
        ]
        if not processes:
            raise WorkloadError(
                "no phases, expected a blank line, a name, milliseconds, and patterns"
            )
        return Workload(
            tuple(self.regions),
            processes[0].threads,
            repeat=self.said.repeat,
            seed=self.said.seed,
            processes=tuple(processes[1:]),
        )

    def _paragraphs(self, text: str) -> Iterator[list[_Line]]:
        paragraph: list[_Line] = []
        for number, raw in enumerate(text.splitlines(), start=1):
            line = _Line(number, raw.strip())
            if line.text:
                paragraph.append(line)
            elif any(not line.text.startswith("#") for line in paragraph):
                yield paragraph
                paragraph = []
        if paragraph:
            yield paragraph

    def _lines(self, paragraph: list[_Line]) -> Iterator[str]:
        """The lines that are no comments; directives are obeyed on the way."""
        for line in paragraph:
            self.line = line.number
            if not line.text.startswith("#"):
                yield line.text
            elif line.text.startswith("#damon"):
                self.said.obey(line.text.removeprefix("#damon"))

    def _region(self, line: str) -> WorkloadRegion:
        fields = _fields(line, (2, 3), "'NAME, SIZE' or 'NAME, SIZE, FILE'")
        if any(region.name == fields[0] for region in self.regions):
            raise WorkloadError(f"a second region named {fields[0]}")
        load = Path(fields[2]) if len(fields) == 3 and fields[2] != "none" else None
        if load is not None and not load.is_file():
            raise WorkloadError(f"region {fields[0]}: no such file to load: {load}")
        return WorkloadRegion(
            fields[0], parse_size(fields[1]), self.said.memory, self.said.populate, load
        )

    def _phase(self, lines: Iterator[str]) -> tuple[Phase, ...]:
        name = next(lines, None)
        if name is None:
            return ()
        if "," in name and len(name.split(",")) in (4, 5):
            raise WorkloadError(f"got {name!r}, expected the name of a phase")
        duration_ms = _number(next(lines, ""), "the phase's milliseconds")
        patterns: list[tuple[Pattern, Window | None]] = []
        resizes: list[Resize] = []
        for line in lines:
            if not patterns:
                resizes = self._resizes()
            patterns.append((self._pattern(line), self.said.take_window()))
        if self.said.resizes:
            raise WorkloadError(f"phase {name}: a resize stands before the patterns of its phase")
        if not patterns:
            raise WorkloadError(
                f"phase {name}: no access pattern, expected 'REGION, RANDOM, STRIDE, PROBABILITY'"
            )
        sizes = [self._size_of(number) for number in range(len(self.regions))]
        first, *others = moving(name, duration_ms * 1000, patterns, sizes)
        return (evolve(first, resizes=tuple(resizes)), *others)

    def _resizes(self) -> list[Resize]:
        resizes = []
        for one in self.said.take_resizes():
            resizes.append(Resize(self._region_number(one.region), one.size))
            self.resized[self.said.process, resizes[-1].region] = one.size
        return resizes

    def _size_of(self, region: int) -> int:
        """How much of it this process has mapped at this line."""
        return self.resized.get((self.said.process, region), self.regions[region].size)

    def _region_number(self, name: str) -> int:
        names = [region.name for region in self.regions]
        if name not in names:
            hint = did_you_mean(name, names)
            raise WorkloadError(f"no region is named {name} (there are {', '.join(names)}){hint}")
        return names.index(name)

    def _pattern(self, line: str) -> Pattern:
        fields = _fields(line, (4, 5), "'REGION, RANDOM, STRIDE, PROBABILITY[, ro|wo|rw]'")
        region = self._region_number(fields[0])
        size = self._size_of(region)
        if fields[1] not in ("0", "1"):
            raise WorkloadError(f"randomness is {fields[1]!r}, expected 0 or 1")
        if len(fields) == 5 and fields[4] not in MODES:
            raise WorkloadError(f"mode is {fields[4]!r}, expected ro, wo or rw")
        return Pattern(
            region,
            length=None if size == self.regions[region].size else size,
            stride=parse_size(fields[2]),
            random=fields[1] == "1",
            weight=_number(fields[3], "a probability"),
            mode=MODES[fields[4]] if len(fields) == 5 else self.said.mode,
            pause_us=self.said.pause_us,
        )


def _fields(line: str, numbers: tuple[int, ...], expected: str) -> list[str]:
    fields = [text.strip() for text in line.split(",")]
    if len(fields) not in numbers:
        raise WorkloadError(f"got {line[:80]!r}, expected {expected}")
    return fields


def _number(text: str, expected: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise WorkloadError(f"got {text[:80]!r}, expected {expected}, a whole number")
    return int(text)
