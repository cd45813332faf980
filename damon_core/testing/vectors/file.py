"""A file of test vectors: read, checked, evaluated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from ...errors import ConfigError
from .vector import Vector, evaluate

# Importing them fills the table of evaluators.
from . import (  # isort: skip
    attributes,
    commits,
    filters,
    numbers,
    ranges,
    regions,
    reports,
    seed,
    selftests,
    splits,
    ticks,
)

SCHEMA = 1
EVALUATED = (
    attributes, commits, filters, numbers, ranges, regions, reports, seed, selftests, splits, ticks,
)  # fmt: skip


@frozen
class Verdict:
    """What came of one vector; ``fault`` is None if it passed."""

    name: str
    fault: str | None


def read_vectors(path: Path | str) -> list[Vector]:
    """The vectors of a file; ConfigError if it is none, or of another schema."""
    try:
        content: Any = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON file: {error}") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA or not isinstance(content.get("vectors"), list):
        raise ConfigError(
            f"{path} has schema {schema!r}: a vector file of schema {SCHEMA} is needed"
        )
    return [_vector(path, number, entry) for number, entry in enumerate(content["vectors"])]


def _vector(path: Path | str, number: int, entry: Any) -> Vector:
    try:
        name, function = str(entry["name"]), str(entry["function"])
        inputs, expected = dict(entry["inputs"]), dict(entry["expected"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path}: vector {number} needs name, function, inputs and expected: {error!r}"
        ) from error
    return Vector(name, function, inputs, expected)


def evaluate_file(path: Path | str) -> Iterator[Verdict]:
    """Evaluate each vector of a file against the engine."""
    for vector in read_vectors(path):
        yield Verdict(vector.name, evaluate(vector))
