"""A configuration file that has been read: its keys, and where each of them stands."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from ..errors import ConfigError
from .context import Config, resolve
from .document import Mapping, Node, parse_document, read_document
from .key import Impossible
from .keys import ContextKeys, FileKeys
from .structure import dotted, line_at, structure


@frozen
class ConfigFile:
    """What a file says, before its parts are fitted together; options may still change it."""

    name: str
    contexts: tuple[ContextKeys, ...]
    _node: Node

    @classmethod
    def read(cls, path: Path | str) -> ConfigFile:
        """From a file, "-" for standard input; ConfigError names every fault in it, one a line."""
        return cls.of(read_document(path), "<stdin>" if str(path) == "-" else str(path))

    @classmethod
    def parse(cls, content: bytes, name: str) -> ConfigFile:
        """From bytes; ``name`` is what errors call them."""
        return cls.of(parse_document(content, name), name)

    @classmethod
    def empty(cls) -> ConfigFile:
        """One context of nothing but defaults, for options to fill."""
        return cls("", (ContextKeys(),), Mapping(0))

    @classmethod
    def of(cls, node: Node, name: str) -> ConfigFile:
        """From a document."""
        if isinstance(node, Mapping) and "contexts" in node.items:
            return cls(name, structure(node, FileKeys, name).contexts, node)
        return cls(name, (structure(node, ContextKeys, name),), node)

    def resolve(self) -> Config:
        """The contexts with defaults; ConfigError if keys do not fit together."""
        try:
            return resolve(self.contexts)
        except Impossible as error:
            several = isinstance(self._node, Mapping) and "contexts" in self._node.items
            path = ("contexts", *error.path) if several else error.path[1:]
            where = f"{self.name}:{line_at(self._node, path)}: " if self.name else ""
            text = f"got {error.got}, expected {error.expected}"
            raise ConfigError(f"{where}key {dotted(path)!r}: {text}") from None


def load_config(path: Path | str) -> Config:
    """The configuration in a file, "-" for standard input; ConfigError with every fault in it."""
    return ConfigFile.read(path).resolve()
