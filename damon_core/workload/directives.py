"""What a workload file says beyond masim, in comments that masim passes over.

``#damon memory KIND`` and ``#damon populate yes|no`` hold for the regions after it; ``#damon pause
TIME`` and ``#damon mode ro|wo|rw`` for the patterns after it; ``#damon thread NAME`` and ``#damon
process NAME`` for the phases after it; ``#damon resize REGION SIZE`` for the next phase; ``#damon
window SIZE every TIME [step SIZE]`` for the next pattern; ``#damon repeat N`` and ``#damon seed N``
for the whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from attrs import define, field, frozen

from ..errors import WorkloadError
from ..spelling import did_you_mean
from ..units import parse_count, parse_size, parse_time_us
from .plan import MemoryKind, Mode

T = TypeVar("T")
MODES = {"ro": Mode.READ, "wo": Mode.WRITE, "rw": Mode.BOTH}
"""How masim writes them."""
_PROCESS = re.compile(r"[A-Za-z0-9_-]{1,32}")
_YES_NO = {"yes": True, "no": False}


@frozen
class Window:
    """A hot window: ``size`` bytes of the region, moved on by ``step`` bytes every ``every_us``."""

    size: int
    every_us: int
    step: int

    def __attrs_post_init__(self) -> None:
        for name in ("size", "every_us", "step"):
            if getattr(self, name) < 1:
                raise WorkloadError(
                    f"window: {name} is {getattr(self, name)}, at least 1 is needed"
                )


@frozen
class NamedResize:
    """So many bytes of a region are mapped from the start of a phase on."""

    region: str
    size: int


@define
class Directives:
    """What holds at this line of the file; at its start, what a caller wants by default."""

    memory: MemoryKind = MemoryKind.ANON
    populate: bool = False
    mode: Mode = Mode.WRITE
    pause_us: int = 0
    process: str = "main"
    thread: str = "main"
    repeat: int = 1
    seed: int = 1
    window: Window | None = None
    resizes: list[NamedResize] = field(factory=list)

    def obey(self, text: str) -> None:
        """Take one directive in, without its ``#damon``.  WorkloadError or ConfigError."""
        word, _, value = text.strip().partition(" ")
        value = value.strip()
        if word not in WORDS:
            hint = did_you_mean(word, WORDS)
            raise WorkloadError(f"#damon {word}: expected one of {', '.join(WORDS)}{hint}")
        if not value:
            raise WorkloadError(f"#damon {word}: a value is missing")
        name, read = WORDS[word]
        got = read(value)
        if isinstance(got, NamedResize):
            self.resizes.append(got)
        else:
            setattr(self, name, got)

    def take_window(self) -> Window | None:
        """The window for this pattern, which no later one gets."""
        window, self.window = self.window, None
        return window

    def take_resizes(self) -> list[NamedResize]:
        """The resizes for this phase, which no later one gets."""
        resizes, self.resizes = self.resizes, []
        return resizes


def read_resize(text: str) -> NamedResize:
    """``REGION SIZE``; the name may have blanks, the size begins with a digit."""
    match = re.fullmatch(r"(.*\S)\s+(\d.*)", text)
    if match is None:
        raise WorkloadError(f"got {text!r}, expected 'REGION SIZE', such as 'heap 16 MiB'")
    return NamedResize(match[1], 0 if match[2] == "0" else parse_size(match[2]))


def read_process(text: str) -> str:
    """The name of a process, at the end of that of its log."""
    if not _PROCESS.fullmatch(text):
        raise WorkloadError(f"got {text!r}, expected 1 to 32 letters, digits, _ and -")
    return text


def read_window(text: str) -> Window:
    """``SIZE every TIME [step SIZE]``."""
    size, every, rest = text.partition(" every ")
    time, _, step = rest.partition(" step ")
    if not every:
        raise WorkloadError(f"got {text!r}, expected 'SIZE every TIME', such as '16 MiB every 6 s'")
    return Window(parse_size(size), parse_time_us(time), parse_size(step or size))


def _one_of(known: Mapping[str, T]) -> Callable[[str], T]:
    def read(text: str) -> T:
        if text not in known:
            hint = did_you_mean(text, known)
            raise WorkloadError(f"got {text!r}, expected one of {', '.join(known)}{hint}")
        return known[text]

    return read


WORDS: dict[str, tuple[str, Callable[[str], object]]] = {
    "memory": ("memory", _one_of({str(kind): kind for kind in MemoryKind})),
    "populate": ("populate", _one_of(_YES_NO)),
    "mode": ("mode", _one_of(MODES)),
    "pause": ("pause_us", parse_time_us),
    "thread": ("thread", str),
    "process": ("process", read_process),
    "resize": ("resizes", read_resize),
    "repeat": ("repeat", parse_count),
    "seed": ("seed", parse_count),
    "window": ("window", read_window),
}
"""What may follow ``#damon``: which attribute it sets, and how its value is read."""
