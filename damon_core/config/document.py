"""A YAML text as a tree of nodes that know their lines; made for files that nobody vouches for.

Built from parser events, so nothing recurses and nothing is resolved behind the reader's back: a
scalar stays the text that was written, and whoever knows the key decides what it means.  Refused:
anchors, aliases, tags, second documents, duplicate keys, and anything above the bounds below.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from attrs import define, field, frozen

from ..errors import ConfigError

MAX_BYTES = 1 << 20
MAX_NODES = 100_000
MAX_DEPTH = 32
_TOO_DEEP = f"nested more than {MAX_DEPTH} deep"

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufeff\uff00-\ufffd\U00010000-\U0010ffff]"
)
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"true|yes|on|y", re.IGNORECASE)
_FALSE = re.compile(r"false|no|off|n", re.IGNORECASE)
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,99})|0x[0-9a-fA-F]{1,64}|0o[0-7]{1,64}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,5})?")


@frozen
class Scalar:
    """A single value; ``plain`` if it was written without quotes."""

    text: str
    line: int
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Whether nothing was written."""
        return self.plain and _NULL.fullmatch(self.text) is not None

    def as_bool(self) -> bool | None:
        """True, False, or None if the text is neither; the words of YAML 1.1."""
        if _TRUE.fullmatch(self.text):
            return True
        return False if _FALSE.fullmatch(self.text) else None

    def as_value(self) -> object:
        """None, bool, int, float or str, by the core rules of YAML 1.2."""
        if not self.plain:
            return self.text
        if self.is_null:
            return None
        if self.text.lower() in ("true", "false"):
            return self.text.lower() == "true"
        if _INT.fullmatch(self.text):
            return int(self.text, 0)
        return float(self.text) if _FLOAT.fullmatch(self.text) else self.text

    def __str__(self) -> str:
        if self.is_null:
            return "nothing"
        return repr(self.text if len(self.text) <= 40 else self.text[:37] + "...")


@define
class List:
    """Values in order."""

    line: int
    items: list[Node] = field(factory=list)

    def as_value(self) -> object:
        """A list of plain values."""
        return [item.as_value() for item in self.items]

    def __str__(self) -> str:
        return "a list" if self.items else "an empty list"


@define
class Mapping:
    """Values by key; ``key_lines`` says where each key stands."""

    line: int
    items: dict[str, Node] = field(factory=dict)
    key_lines: dict[str, int] = field(factory=dict)

    def as_value(self) -> object:
        """A dictionary of plain values."""
        return {key: node.as_value() for key, node in self.items.items()}

    def __str__(self) -> str:
        return "a mapping" if self.items else "an empty mapping"


Node: TypeAlias = Scalar | List | Mapping


def read_document(path: Path | str) -> Node:
    """The document in a file, "-" for standard input; ConfigError if it cannot be read."""
    name = "<stdin>" if str(path) == "-" else str(path)
    try:
        if name == "<stdin>":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(path, "rb") as file:
                content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{name}: cannot be read: {reason}") from None
    return parse_document(content, name)


def parse_document(content: bytes, name: str) -> Node:
    """The document in these bytes; ``name`` is what errors call the file."""
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{name}: more than {MAX_BYTES:,} bytes; no configuration is that long")
    text = _decoded(content, name)
    try:
        return _build(yaml.parse(text, Loader=_LOADER), name)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax_message(error, text, name)) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise ConfigError(f"{name}: not YAML: {' '.join(str(error).split())}") from None


def _decoded(content: bytes, name: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{name}:{line}: not UTF-8 text (byte {content[error.start]:#04x})"
        ) from None
    if bad := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise ConfigError(f"{name}:{line}: control character {bad[0]!r}: is this a text file?")
    return text


def _syntax_message(error: yaml.MarkedYAMLError, text: str, name: str) -> str:
    mark = error.problem_mark or error.context_mark
    number = mark.line if mark else 0
    lines = text.splitlines()
    line = lines[number] if number < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return f"{name}:{number + 1}: a tab in the indentation; YAML takes only spaces there"
    problem = error.problem or error.context or "not YAML"
    if "nesting depth" in problem:  # libyaml from 0.2.6 on looks ahead of what we count
        return f"{name}:{number + 1}: {_TOO_DEEP}"
    return f"{name}:{number + 1}: not YAML: {' '.join(problem.split())}"


def _build(events: Iterable[yaml.Event], name: str) -> Node:
    root: Node | None = None
    open_nodes: list[List | Mapping] = []
    pending_keys: list[Scalar | None] = []
    nr_nodes = 0
    for event, line in _checked(events, name):
        if isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop()
            pending_keys.pop()
            continue
        node = _node(event, line)
        nr_nodes += 1
        if nr_nodes > MAX_NODES:
            raise ConfigError(f"{name}:{line}: more than {MAX_NODES:,} values")
        if not open_nodes:
            root = node
        elif isinstance(parent := open_nodes[-1], List):
            parent.items.append(node)
        elif (key := pending_keys[-1]) is None:
            pending_keys[-1] = _new_key(parent, node, name)
        else:
            parent.items[key.text] = node
            parent.key_lines[key.text] = key.line
            pending_keys[-1] = None
        if not isinstance(node, Scalar):
            open_nodes.append(node)
            pending_keys.append(None)
            if len(open_nodes) > MAX_DEPTH:
                raise ConfigError(f"{name}:{line}: {_TOO_DEEP}")
    if root is None:
        raise ConfigError(f"{name}: empty; a configuration begins with 'ops:' or 'contexts:'")
    return root


def _checked(events: Iterable[yaml.Event], name: str) -> Iterator[tuple[yaml.Event, int]]:
    """The events that make nodes, without what is refused."""
    nr_documents = 0
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            nr_documents += 1
            if nr_documents > 1:
                raise ConfigError(f"{name}:{line}: a second document; use 'contexts:' for several")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ConfigError(f"{name}:{line}: anchors and aliases are not taken; write it out")
        if (tag := getattr(event, "tag", None)) not in (None, "!"):
            raise ConfigError(f"{name}:{line}: tag {tag!r} is not taken; leave it out")
        if isinstance(event, yaml.ScalarEvent) and _UNUSABLE.search(event.value):
            raise ConfigError(f"{name}:{line}: a value with a NUL or half a character in it")
        if isinstance(event, (yaml.NodeEvent, yaml.CollectionEndEvent)):
            yield event, line


def _node(event: yaml.Event, line: int) -> Node:
    if isinstance(event, yaml.ScalarEvent):
        return Scalar(event.value, line, plain=not event.style)
    return List(line) if isinstance(event, yaml.SequenceStartEvent) else Mapping(line)


def _new_key(parent: Mapping, node: Node, name: str) -> Scalar:
    if not isinstance(node, Scalar):
        kind = "a list" if isinstance(node, List) else "a mapping"
        raise ConfigError(f"{name}:{node.line}: {kind} as a key, expected a word")
    if node.text in parent.items:
        before = parent.key_lines[node.text]
        raise ConfigError(f"{name}:{node.line}: key {node}: written twice, first in line {before}")
    return node
