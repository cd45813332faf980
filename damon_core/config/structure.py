"""Turns the nodes of a document into the classes of its keys, and gathers every fault."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
from attrs import frozen
from cattrs import Converter

from ..errors import ConfigError
from ..host import PrimitiveChoice
from ..model import Match, Ops
from ..spelling import nearest
from . import scalars
from .document import List, Mapping, Node, Scalar
from .key import Impossible
from .keys import FilterType

T = TypeVar("T")
Path = tuple[str | int, ...]

_MAX_FAULTS = 20
_LONGEST_NAME = 64
_ELSEWHERE = {
    "primitives": "sample.primitives",
    "primitive": "sample.primitives",
    "filters": "sample.filters",
    "sample_control": "sample",
    "sample_filters": "filters",
    "path": "record.path",
    "pid": "targets",
    "command": "targets",
    "schemes": "",
    "kdamonds": "",
}
_DAMO = "; is this a file of damo? convert it: damon check --from-damo FILE"


@frozen
class Fault:
    """One thing that is wrong: the line, the path of the key, got and expected."""

    line: int
    path: Path
    text: str

    def __str__(self) -> str:
        return f"key {dotted(self.path)!r}: {self.text}" if self.path else self.text


class Faults(Exception):
    """All that is wrong below one node."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.faults = tuple(faults)

    def below(self, step: str | int) -> list[Fault]:
        """The faults as the node above sees them."""
        return [attrs.evolve(fault, path=(step, *fault.path)) for fault in self.faults]

    def as_error(self, name: str) -> ConfigError:
        """One line a fault, in the order of the file."""
        faults = sorted(self.faults, key=lambda fault: fault.line)
        lines = [f"{name}:{fault.line}: {fault}" for fault in faults[:_MAX_FAULTS]]
        if len(faults) > _MAX_FAULTS:
            lines.append(f"{name}: and {len(faults) - _MAX_FAULTS} more errors")
        return ConfigError("\n".join(lines))


def dotted(path: Path) -> str:
    """``targets[0].pid``"""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def structure(node: Node, kind: type[T], name: str) -> T:
    """The node as an instance of ``kind``; ConfigError with every fault, one a line."""
    try:
        return _converter(name).structure(node, kind)
    except Faults as faults:
        raise faults.as_error(name) from None


def line_at(node: Node, path: Path) -> int:
    """The line of what ``path`` leads to, or of the nearest thing above it that is written."""
    line = node.line
    for step in path:
        if isinstance(node, Mapping) and step in node.items:
            line, node = node.key_lines[str(step)], node.items[str(step)]
        elif isinstance(node, List) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            line = node.line
        else:
            break
    return line


def _converter(name: str) -> Converter:
    converter = Converter()
    for kind, (_, read) in scalars.READERS.items():
        converter.register_structure_hook(kind, _reader(read))
    for choice in (Ops, Match, FilterType):
        converter.register_structure_hook(choice, _reader(scalars.read_choice))
    converter.register_structure_hook_factory(_is_tuple, lambda kind: _tuple_hook(kind, converter))
    converter.register_structure_hook_factory(_is_or_word, lambda kind: _word_hook(kind, converter))
    converter.register_structure_hook_factory(attrs.has, lambda kind: _class_hook(kind, converter))
    converter.register_structure_hook(
        PrimitiveChoice, _reader(lambda node, _: scalars.read_primitive(node, name))
    )
    return converter


def _reader(read: Callable[[Node, Any], Any]) -> Callable[[Node, Any], Any]:
    def hook(node: Node, kind: Any) -> Any:
        try:
            return read(node, kind)
        except ConfigError as error:
            raise Faults([Fault(node.line, (), str(error))]) from None

    return hook


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _tuple_hook(kind: Any, converter: Converter) -> Callable[[Node, Any], Any]:
    element = get_args(kind)[0]

    def hook(node: Node, _: Any) -> Any:
        if not isinstance(node, List):
            raise Faults([Fault(node.line, (), f"got {node}, expected {scalars.expected(kind)}")])
        values = []
        faults: list[Fault] = []
        for index, item in enumerate(node.items):
            try:
                values.append(converter.structure(item, element))
            except Faults as error:
                faults += error.below(index)
        if faults:
            raise Faults(faults)
        return tuple(values)

    return hook


def _is_or_word(kind: Any) -> bool:
    """A class or one word, as in ``IntervalsKeys | Literal["auto"]``."""
    if get_origin(kind) not in (Union, types.UnionType):
        return False
    return any(get_origin(one) is Literal for one in get_args(kind))


def _word_hook(kind: Any, converter: Converter) -> Callable[[Node, Any], Any]:
    (cls,) = (one for one in get_args(kind) if attrs.has(one))
    words = [word for one in get_args(kind) if one is not cls for word in get_args(one)]

    def hook(node: Node, _: Any) -> Any:
        if not isinstance(node, Scalar):
            return converter.structure(node, cls)
        if node.text in words:
            return node.text
        raise Faults([Fault(node.line, (), f"got {node}, expected {scalars.expected(kind)}")])

    return hook


def _class_hook(cls: Any, converter: Converter) -> Callable[[Node, Any], Any]:
    fields = {field.name: field for field in attrs.fields(attrs.resolve_types(cls))}
    aliases = {field.metadata["alias"] or name: name for name, field in fields.items()}

    def hook(node: Node, _: Any) -> Any:
        if not isinstance(node, Mapping):
            raise Faults([Fault(node.line, (), f"got {node}, expected {scalars.expected(cls)}")])
        values: dict[str, Any] = {}
        faults: list[Fault] = []
        for written, child in node.items.items():
            name = written if written in fields else aliases.get(written, "")
            line = node.key_lines[written]
            if not name:
                faults.append(Fault(line, (written,), _unknown(written, tuple(fields))))
            elif name in values:
                faults.append(Fault(line, (written,), f"got it beside {name!r}, expected one"))
            else:
                try:
                    values[name] = converter.structure(child, fields[name].type)
                except Faults as error:
                    faults += error.below(written)
        faults += _missing(fields, {*values, *(fault.path[0] for fault in faults)}, node.line)
        if faults:
            raise Faults(faults)
        return _built(cls, values, node)

    return hook


def _missing(fields: dict[str, Any], written: set[Any], line: int) -> list[Fault]:
    return [
        Fault(line, (name,), f"got nothing, expected {scalars.expected(field.type)}")
        for name, field in fields.items()
        if field.default is attrs.NOTHING and name not in written
    ]


def _built(cls: Any, values: dict[str, Any], node: Node) -> Any:
    try:
        return cls(**values)
    except Impossible as error:
        text = f"got {error.got}, expected {error.expected}"
        raise Faults([Fault(line_at(node, error.path), error.path, text)]) from None


def _unknown(name: str, known: Sequence[str]) -> str:
    text = f"got an unknown key, expected one of {', '.join(known)}"
    if len(name) > _LONGEST_NAME:
        return text
    if name in _ELSEWHERE and _ELSEWHERE[name].split(".")[0] not in ("", *known):
        return text
    if name in _ELSEWHERE:
        return f"{text}; did you mean {_ELSEWHERE[name]!r}?" if _ELSEWHERE[name] else text + _DAMO
    meant = nearest(name.replace("-", "_"), known)
    return f"{text}; did you mean {meant!r}?" if meant else text
