"""Bars and sparklines, of block elements or of what ASCII has."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from attrs import frozen


@frozen
class Glyphs:
    """``eighths`` fill one cell from the left by eighths, ``levels`` from below; blank first."""

    eighths: str
    levels: str
    more: str
    dot: str
    down: str

    @classmethod
    def of(cls, encoding: str | None) -> Glyphs:
        """Those that an encoding can carry."""
        try:
            "█▏▁…·▾".encode(encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return ASCII
        return BLOCKS

    def bar(self, share: float, width: int) -> str:
        """A bar of 0 to ``width`` cells; anything above nothing is seen."""
        steps = len(self.eighths) - 1
        filled = round(min(1.0, max(0.0, share)) * width * steps)
        if share > 0:
            filled = max(1, filled)
        whole, part = divmod(filled, steps)
        bar = self.eighths[-1] * whole + (self.eighths[part] if part else "")
        return bar.ljust(width)

    def spark(self, values: Iterable[float], width: int) -> str:
        """The last values, the newest at the right, the largest of them as high as a cell."""
        last = list(values)[-width:]
        largest = max(last, default=0.0) or 1.0
        top = len(self.levels) - 1
        cells = (max(1, round(value / largest * top)) if value > 0 else 0 for value in last)
        return "".join(islice((self.levels[cell] for cell in cells), width)).rjust(width)


BLOCKS = Glyphs(" ▏▎▍▌▋▊▉█", " ▁▂▃▄▅▆▇█", "…", "·", "▾")
ASCII = Glyphs(" #", " .:-=+*#", "~", "|", "v")
