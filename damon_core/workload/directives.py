"""What a workload file says beyond masim, in comments that masim passes over.

``#damon memory KIND`` and ``#damon populate yes|no`` hold for the regions after it; ``#damon pause
TIME`` and ``#damon mode ro|wo|rw`` for the patterns after it; ``#damon thread NAME`` for the phases
after it; ``#damon window SIZE every TIME [step SIZE]`` for the next pattern; ``#damon repeat N``
and ``#damon seed N`` for the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from attrs import define, frozen

from ..errors import WorkloadError
from ..spelling import did_you_mean
from ..units import parse_count, parse_size, parse_time_us
from .plan import MemoryKind, Mode

T = TypeVar("T")
MODES = {"ro": Mode.READ, "wo": Mode.WRITE, "rw": Mode.BOTH}
"""How masim writes them."""
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


@define
class Directives:
    """What holds at this line of the file; at its start, what a caller wants by default."""

    memory: MemoryKind = MemoryKind.ANON
    populate: bool = False
    mode: Mode = Mode.WRITE
    pause_us: int = 0
    thread: str = "main"
    repeat: int = 1
    seed: int = 1
    window: Window | None = None

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
        setattr(self, name, read(value))

    def take_window(self) -> Window | None:
        """The window for this pattern, which no later one gets."""
        window, self.window = self.window, None
        return window


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
    "repeat": ("repeat", parse_count),
    "seed": ("seed", parse_count),
    "window": ("window", read_window),
}
"""What may follow ``#damon``: which attribute it sets, and how its value is read."""
