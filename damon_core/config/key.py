"""What a key of a configuration file is: a type, a default, and words for the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NewType

import attrs
from attrs import NOTHING

TimeUs = NewType("TimeUs", int)
ByteSize = NewType("ByteSize", int)
Address = NewType("Address", int)
Count = NewType("Count", int)
Pid = NewType("Pid", int)
Share = NewType("Share", float)
Text = NewType("Text", str)
Cpus = NewType("Cpus", frozenset[int])
Command = NewType("Command", tuple[str, ...])


class Impossible(ValueError):
    """A value that is well written but cannot be; ``path`` leads to the key from the class."""

    def __init__(self, path: Sequence[str | int], got: str, expected: str) -> None:
        super().__init__(path, got, expected)
        self.path = tuple(path)
        self.got = got
        self.expected = expected


def key(
    doc: str, default: Any = NOTHING, *, example: str = "", shown: str = "", alias: str = ""
) -> Any:
    """A key: its words, its default, an example in YAML, the default in words, another name."""
    about = {"doc": doc, "example": example, "shown": shown, "alias": alias}
    return attrs.field(default=default, metadata=about)
