"""Structures a primitive's options from configuration into its attrs class ``Options``."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from cattrs import ClassValidationError, Converter, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from .errors import ConfigError, DamonError, one_line
from .spelling import did_you_mean

_EXACT: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}
_LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    tuple: tuple,
    Sequence: tuple,
    frozenset: frozenset,
    set: set,
}


class _Element(Exception):
    """The element of a list that could not be structured, and why."""

    def __init__(self, index: int, kind: Any, cause: Exception) -> None:
        super().__init__(index, kind, cause)
        self.index = index
        self.kind = kind
        self.cause = cause


class _Unconverted(Exception):
    """A field's own converter does not take the value; the message is the converter's."""


def structure_options(kind: type[Any], options: Mapping[str, object]) -> Any:
    """``options`` as an instance of the attrs class ``kind``; ConfigError names key, got, expected.

    Numbers are not cut and words not guessed: 1.5 is no whole number, "yes" is not true.  A field
    with an attrs converter gets the value as it was written, so ``converter=`` is how a primitive
    reads "5 ms".  TypeError and NameError say that ``kind`` itself cannot be used.
    """
    structure = _converter().get_structure_hook(kind)
    try:
        return structure(dict(options), kind)
    except Exception as error:
        raise ConfigError(_fault(error, "", kind, options)) from error


@cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, prefer_attrib_converters=True)
    for kind in _EXACT:
        converter.register_structure_hook(kind, _exact)
    converter.register_structure_hook_factory(
        lambda kind: get_origin(kind) in _LISTS, lambda kind: _list_hook(kind, converter)
    )
    converter.register_structure_hook_factory(
        lambda kind: attrs.has(kind), lambda kind: _class_hook(kind, converter)
    )
    return converter


def _exact(value: object, kind: type[Any]) -> object:
    if kind not in _EXACT:
        return kind(value)  # an Enum whose members are text or numbers
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"not {_EXACT[kind]}")
    return value


def _list_hook(kind: Any, converter: Converter) -> Callable[[object, Any], Any]:
    element = get_args(kind)[0]
    build = _LISTS[get_origin(kind)]

    def hook(value: object, _: Any) -> Any:
        # A text is a sequence of letters to Python, and never what was meant.
        if not isinstance(value, (list, tuple)):
            raise TypeError("not a list")
        structured = []
        for index, one in enumerate(value):
            try:
                structured.append(converter.structure(one, element))
            except Exception as error:
                raise _Element(index, element, error) from error
        return build(structured)

    return hook


def _class_hook(kind: Any, converter: Converter) -> Callable[[object, Any], Any]:
    attrs.resolve_types(kind)
    overrides = {
        one.name: override(struct_hook=_tried(one.converter))
        for one in attrs.fields(kind)
        if callable(one.converter)
    }
    structure = make_dict_structure_fn(
        kind,
        converter,
        _cattrs_forbid_extra_keys=True,
        **overrides,  # type: ignore[arg-type]  # these are fields, not the function's options
    )

    def hook(value: object, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise TypeError("not keys with values")
        return structure(dict(value), kind)

    return hook


def _tried(convert: Callable[[Any], Any]) -> Callable[[object, Any], object]:
    # Called for its errors, which then carry the key; the class converts again when it is built.
    def hook(value: object, _: Any) -> object:
        try:
            convert(value)
        except DamonError:
            raise
        except Exception as error:
            raise _Unconverted(one_line(error)) from error
        return value

    return hook


def _fault(error: BaseException, path: str, kind: Any, got: object) -> str:
    """The first fault in a tree of errors, in one line, with the path of its key."""
    if isinstance(error, _Element):
        inner = got[error.index] if isinstance(got, Sequence) else got
        return _fault(error.cause, f"{path}[{error.index}]", error.kind, inner)
    if isinstance(error, ClassValidationError):
        return _class_fault(error, path, kind, got)
    if isinstance(error, DamonError):
        return f"option {path}: {error}"
    if isinstance(error, _Unconverted):
        return f"option {path} is {got!r}: {error}"
    hint = did_you_mean(str(got), _choices(kind))
    return f"option {path} is {got!r}: expected {_expected(kind)}{hint}"


def _class_fault(error: ClassValidationError, path: str, kind: Any, got: object) -> str:
    with_key, others = error.group_exceptions()
    values = got if isinstance(got, Mapping) else {}
    prefix = f"{path}." if path else ""
    # Before anything that is missing: a misspelt key makes the right one look missing.
    for other in others:
        if isinstance(other, ForbiddenExtraKeysError):
            key = min(other.extra_fields)
            known = [one.name for one in attrs.fields(kind)]
            expected = f"expected {', '.join(known)}" if known else "it has no options"
            return (
                f"unknown option {prefix}{key} (with value {values.get(key)!r}): "
                f"{expected}{did_you_mean(key, known)}"
            )
    for inner, note in with_key:
        if note.name not in values:
            return f"option {prefix}{note.name} is missing: expected {_expected(note.type)}"
        return _fault(inner, f"{prefix}{note.name}", note.type, values[note.name])
    where = f"option {path}: " if path else ""
    # Validators of attrs put the message first, and more for programs behind it.
    first = others[0]
    text = first.args[0] if first.args and isinstance(first.args[0], str) else one_line(first)
    return f"{where}{' '.join(text.split())}"


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return [str(one) for one in get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(one.value) for one in kind]
    if get_origin(kind) in (Union, types.UnionType):
        return [choice for one in get_args(kind) for choice in _choices(one)]
    return []


def _expected(kind: Any) -> str:
    if kind in _EXACT:
        return _EXACT[kind]
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(_expected(one) for one in get_args(kind))
    if choices := _choices(kind):
        return f"one of {', '.join(choices)}"
    if get_origin(kind) in _LISTS:
        return f"a list, of {_expected(get_args(kind)[0])} each"
    if kind is type(None):
        return "nothing"
    if attrs.has(kind):
        return f"keys with values ({', '.join(one.name for one in attrs.fields(kind))})"
    return getattr(kind, "__name__", str(kind))
