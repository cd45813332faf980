"""JSON read piece by piece, so that a file of any size needs the memory of one value.

Made for files that nobody vouches for: a value has at most MAX_VALUE characters, and whatever is
wrong is a RecordError that says where.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VALUE = 1 << 20
"""Characters of a value that is read as a whole."""

_SPACE = re.compile(r"[ \t\n\r]*")


class JsonStream:
    """A JSON text that comes in chunks; lists and objects are walked, their values read whole."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._text = ""
        self._position = 0
        self._before = 0  # characters that have gone
        self._decode = json.JSONDecoder(parse_constant=_no_number).raw_decode

    def begins(self) -> str:
        """The next character that is no space."""
        if not self._skip_space():
            raise RecordError("breaks off in the middle")
        return self._text[self._position]

    def value(self) -> Any:
        """The next value, whole."""
        self.begins()
        while True:
            try:
                value, end = self._decode(self._text, self._position)
            except (ValueError, RecursionError):
                end = 0
            # What ends with the text may go on in the next chunk.
            if 0 < end < len(self._text):
                break
            if len(self._text) - self._position > MAX_VALUE or not self._more():
                if end:
                    break
                self._refuse("a value")
        self._position = end
        return value

    def items(self) -> Iterator[None]:
        """Stops at each item of a list; the caller reads or walks it before the next."""
        self._take("[")
        if self.begins() == "]":
            self._take("]")
            return
        while True:
            yield
            if self._take("],") == "]":
                return

    def members(self) -> Iterator[str]:
        """Stops at each value of an object and gives its key; the caller reads or walks it."""
        self._take("{")
        if self.begins() == "}":
            self._take("}")
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                self._refuse("a key")
            self._take(":")
            yield key
            if self._take("},") == "}":
                return

    def end(self) -> None:
        """Refuse anything that follows."""
        if self._skip_space():
            self._refuse("the end")

    def _skip_space(self) -> bool:
        """Whether anything follows."""
        while True:
            match = _SPACE.match(self._text, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._text):
                return True
            if not self._more():
                return False

    def _take(self, wanted: str) -> str:
        found = self.begins()
        if found not in wanted:
            self._refuse(" or ".join(repr(one) for one in wanted))
        self._position += 1
        return found

    def _more(self) -> bool:
        chunk = next(self._chunks, "")
        self._before += self._position
        self._text = self._text[self._position :] + chunk
        self._position = 0
        return bool(chunk)

    def _refuse(self, wanted: str) -> NoReturn:
        got = self._text[self._position : self._position + 20]
        where = f"character {self._before + self._position}"
        if not got:
            raise RecordError("breaks off in the middle")
        raise RecordError(f"is no JSON at {where}: got {got!r}, expected {wanted}")


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
