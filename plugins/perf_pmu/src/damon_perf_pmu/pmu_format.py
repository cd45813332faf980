"""The fields of a PMU's events: which bits of ``config`` and its sisters a term is written to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from damon_core.errors import PrimitiveError

_FORMAT = re.compile(r"config([123]?):(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)")


@frozen
class PmuField:
    """Bits of one of the four words (config is 0), from the lowest of the value to the highest."""

    word: int
    bits: tuple[int, ...]

    @property
    def maximum(self) -> int:
        """The largest value that fits."""
        return (1 << len(self.bits)) - 1

    @property
    def mask(self) -> int:
        return sum(1 << bit for bit in self.bits)

    def write(self, words: list[int], value: int) -> None:
        """Put ``value``, at most :attr:`maximum`, in the place of what is there."""
        word = words[self.word] & ~self.mask
        for number, bit in enumerate(self.bits):
            word |= (value >> number & 1) << bit
        words[self.word] = word

    def read(self, words: Sequence[int]) -> int:
        """The value that was written."""
        word = words[self.word]
        return sum((word >> bit & 1) << number for number, bit in enumerate(self.bits))


def parse_format(text: str) -> PmuField:
    """What a file in ``format/`` says, such as "config:8-15,40-47"; PrimitiveError if nothing."""
    found = _FORMAT.fullmatch(text.strip())
    bits: list[int] = []
    for part in found[2].split(",") if found else ():
        first, _, last = part.partition("-")
        bits.extend(range(int(first), min(int(last or first), 64) + 1))
    if found is None or not bits or max(bits) > 63 or len(set(bits)) < len(bits):
        raise PrimitiveError(f"the kernel describes a field by {text.strip()!r}: not understood")
    return PmuField(int(found[1] or 0), tuple(bits))
