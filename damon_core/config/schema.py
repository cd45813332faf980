"""The JSON schema of configuration files, for editors; made from the classes of the keys."""

from __future__ import annotations

import json
import types
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from ..host import PrimitiveChoice
from . import scalars
from .key import Address, ByteSize, Command, Count, Cpus, Pid, Share, Text, TimeUs
from .keys import ContextKeys, FileKeys

_WORD = {"type": ["string", "number", "boolean"]}
_HUMAN = {"type": ["integer", "string"], "minimum": 0}
_OPTIONS = {"type": ["object", "null"]}

_SCALARS: dict[Any, dict[str, Any]] = {
    TimeUs: {**_HUMAN, "examples": ["5 ms"]},
    ByteSize: {**_HUMAN, "examples": ["2 MiB"]},
    Address: {**_HUMAN, "examples": ["0x7f0000000000"]},
    Count: _HUMAN,
    Pid: {"type": "integer", "minimum": 1, "maximum": scalars.MAX_PID},
    Share: {"type": ["number", "string"], "examples": ["5 %"]},
    Cpus: {"type": ["string", "integer"], "examples": ["0-3,8"]},
    Text: {"type": ["string", "number"]},
    bool: {"type": "boolean"},
    Command: {"anyOf": [{"type": "string"}, {"type": "array", "items": _WORD, "minItems": 1}]},
    PrimitiveChoice: {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": _OPTIONS,
            },
        ]
    },
}


def schema_text() -> str:
    """The schema as indented JSON."""
    return json.dumps(schema(), indent=2) + "\n"


def schema() -> dict[str, Any]:
    """The schema: one context, or several under ``contexts``."""
    definitions: dict[str, Any] = {}
    either = [_schema_of(cls, definitions) for cls in (ContextKeys, FileKeys)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of damon",
        "anyOf": either,
        "$defs": dict(sorted(definitions.items())),
    }


def name_of(cls: type[Any]) -> str:
    """What a class of keys is called where its mapping is described."""
    return cls.__name__.removesuffix("Keys")


def _schema_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    if scalars.is_choice(kind):
        return {"enum": [one.value for one in kind]}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _schema_of(get_args(kind)[0], definitions)}
    if get_origin(kind) in (Union, types.UnionType):
        either = [_schema_of(one, definitions) for one in get_args(kind) if one is not type(None)]
        return either[0] if len(either) == 1 else {"anyOf": either}
    if name_of(kind) not in definitions:
        definitions[name_of(kind)] = {}  # the name is taken while the keys are looked at
        definitions[name_of(kind)] = _class_schema(kind, definitions)
    return {"$ref": f"#/$defs/{name_of(kind)}"}


def _class_schema(cls: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required = []
    for field in attrs.fields(attrs.resolve_types(cls)):
        of_key = {**_schema_of(field.type, definitions), "description": field.metadata["doc"]}
        names = [name for name in (field.name, field.metadata["alias"]) if name]
        properties |= dict.fromkeys(names, of_key)
        if field.default is attrs.NOTHING:
            required.append({"anyOf": [{"required": [name]} for name in names]})
    described = {"type": "object", "description": cls.__doc__, "properties": properties}
    described["additionalProperties"] = False
    return {**described, "allOf": required} if required else described
