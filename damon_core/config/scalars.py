"""Reads the single values of a configuration, each by what its key is."""

from __future__ import annotations

import re
import shlex
import types
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from ..errors import ConfigError
from ..host import PrimitiveChoice
from ..spelling import nearest
from ..units import parse_count, parse_share, parse_size, parse_time_us
from .document import List, Mapping, Node, Scalar
from .key import Address, ByteSize, Command, Count, Cpus, Pid, Share, Text, TimeUs

MAX_PID = 2**22
MAX_CPUS = 8192

_PRIMITIVE = "the name of a primitive, or {name: {option: value}}"
_COMMAND = "a command as a list of words, or as one line"
_CPUS = 'processors such as "0-3,8"'
_CPU_RANGE = re.compile(r"\s*([0-9]{1,5})\s*(?:-\s*([0-9]{1,5})\s*)?")
_LONGEST_WORD = 64


def expected(kind: Any) -> str:
    """What a value of this kind looks like, in words."""
    if kind in READERS:
        return READERS[kind][0]
    if kind is PrimitiveChoice:
        return _PRIMITIVE
    if is_choice(kind):
        return f"one of {', '.join(one.value for one in kind)}"
    if get_origin(kind) is tuple:
        return f"a list, each item {expected(get_args(kind)[0])}"
    if get_origin(kind) is Literal:
        return " or ".join(repr(word) for word in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(expected(one) for one in get_args(kind) if one is not type(None))
    return f"a mapping of {', '.join(field.name for field in attrs.fields(kind))}"


def is_choice(kind: Any) -> bool:
    """Whether a value is one word of a few."""
    return isinstance(kind, type) and issubclass(kind, Enum)


def read_choice(node: Node, kind: Any) -> Any:
    """A member of an enumeration, by its word."""
    word = _text(node, expected(kind))
    for one in kind:
        if one.value == word:
            return one
    meant = nearest(word, [one.value for one in kind]) if len(word) <= _LONGEST_WORD else None
    hint = f"; did you mean {meant!r}?" if meant else ""
    raise ConfigError(f"got {node}, expected {expected(kind)}{hint}")


def read_primitive(node: Node, file_name: str) -> PrimitiveChoice:
    """A primitive by name, or with its options; they stay as they are, the host checks them."""
    where = f"{file_name}:{node.line}"
    if isinstance(node, Scalar):
        return PrimitiveChoice(_text(node, _PRIMITIVE), where=where)
    if not isinstance(node, Mapping):
        raise ConfigError(f"got {node}, expected {_PRIMITIVE}")
    if len(node.items) != 1:
        hint = "; indent the options below the name" if node.items else ""
        raise ConfigError(f"got a mapping of {len(node.items)} keys, expected {_PRIMITIVE}{hint}")
    ((name, options),) = node.items.items()
    if isinstance(options, Mapping):
        return PrimitiveChoice(
            name, {key: one.as_value() for key, one in options.items.items()}, where
        )
    if isinstance(options, Scalar) and options.is_null:
        return PrimitiveChoice(name, where=where)
    raise ConfigError(f"got {options} as options of {name!r}, expected {_PRIMITIVE}")


def _text(node: Node, wanted: str) -> str:
    if not isinstance(node, Scalar) or node.is_null:
        raise ConfigError(f"got {node}, expected {wanted}")
    return node.text


def _number(parse: Callable[[str], Any], wanted: str) -> tuple[str, Callable[[Node, Any], Any]]:
    return wanted, lambda node, _: parse(_text(node, wanted))


def _pid(text: str) -> int:
    pid = parse_count(text)
    if not 1 <= pid <= MAX_PID:
        raise ConfigError(f"got {text!r}, expected an id from 1 to {MAX_PID}")
    return pid


def parse_cpus(text: str) -> frozenset[int]:
    """The processors of a list such as "0-3,8"."""
    cpus: set[int] = set()
    for part in text.split(",") if len(text) <= 4096 else [""]:
        match = _CPU_RANGE.fullmatch(part)
        first = int(match[1]) if match else MAX_CPUS
        last = int(match[2]) if match and match[2] else first
        if not first <= last < MAX_CPUS:
            raise ConfigError(f"got {Scalar(text, 0)!s}, expected {_CPUS}, below {MAX_CPUS}")
        cpus.update(range(first, last + 1))
    return frozenset(cpus)


def _bool(node: Node, _: Any) -> bool:
    value = node.as_bool() if isinstance(node, Scalar) else None
    if value is None:
        raise ConfigError(f"got {node}, expected true or false")
    return value


def _command(node: Node, _: Any) -> tuple[str, ...]:
    if isinstance(node, List):
        words = tuple(_text(item, _COMMAND) for item in node.items)
    else:
        try:
            words = tuple(shlex.split(_text(node, _COMMAND)))
        except ValueError:
            raise ConfigError(f"got {node}, expected {_COMMAND} with its quotes closed") from None
    if not words or not words[0] or any("\0" in word for word in words):
        raise ConfigError(f"got {node}, expected {_COMMAND}")
    return words


READERS: dict[Any, tuple[str, Callable[[Node, Any], Any]]] = {
    TimeUs: _number(parse_time_us, "a time such as '5 ms'"),
    ByteSize: _number(parse_size, "a size such as '2 MiB'"),
    Address: _number(parse_size, "an address such as 0x7f0000000000"),
    Count: _number(parse_count, "a whole number such as 1,000"),
    Share: _number(parse_share, "a share such as '5 %'"),
    Pid: _number(_pid, "a process or thread id"),
    Cpus: _number(parse_cpus, _CPUS),
    Text: _number(str, "text"),
    bool: ("true or false", _bool),
    Command: (_COMMAND, _command),
}
