"""A line of the live view: pieces of text with styles, as wide as the cells they take."""

from __future__ import annotations

from attrs import define, field
from rich.cells import cell_len, set_cell_size

STYLES = {
    "": "",
    "bold": "1",
    "dim": "2",
    "head": "7",
    "hot": "31",
    "warm": "33",
    "cool": "36",
    "bad": "1;31",
}
"""Escape codes (SGR) by style; without colour only those that need none."""

_COLORLESS = {"": "", "bold": "1", "dim": "2", "head": "7", "bad": "1"}


@define
class Line:
    """Text in pieces; :meth:`add` returns the line, for the next piece."""

    pieces: list[tuple[str, str]] = field(factory=list)

    def add(self, text: str, style: str = "") -> Line:
        """Put a piece at the end."""
        if text:
            self.pieces.append((text, style))
        return self

    @property
    def width(self) -> int:
        return sum(cell_len(text) for text, _ in self.pieces)

    @property
    def text(self) -> str:
        """Without styles, and without blanks at its end."""
        return "".join(text for text, _ in self.pieces).rstrip()

    def fitted(self, width: int, more: str = "") -> Line:
        """At most ``width`` cells of it; ``more`` marks that there was more."""
        if self.width <= width:
            return self
        left = max(0, width - cell_len(more))
        fitted = Line()
        for text, style in self.pieces:
            part = text if cell_len(text) <= left else set_cell_size(text, left)
            fitted.add(part, style)
            left -= cell_len(part)
            if left <= 0:
                break
        return fitted.add(more[:width])

    def filled(self, width: int, style: str = "") -> Line:
        """With blanks up to ``width`` cells."""
        return self.add(" " * (width - self.width), style)

    def painted(self, color: bool) -> str:
        """With escape codes."""
        codes = STYLES if color else _COLORLESS
        return "".join(
            f"\x1b[{codes[style]}m{text}\x1b[0m" if codes.get(style) else text
            for text, style in self.pieces
        )


def cells(text: str, width: int, *, right: bool = False, more: str = "") -> str:
    """``text`` in exactly ``width`` cells."""
    if cell_len(text) > width:
        text = set_cell_size(text, max(0, width - cell_len(more))) + more[:width]
    blanks = " " * (width - cell_len(text))
    return blanks + text if right else text + blanks
