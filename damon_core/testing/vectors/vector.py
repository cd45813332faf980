"""A test vector, and the table of what evaluates which."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from ...errors import DamonError

# Columns for kernels whose rules are not ours; evaluators look at them where they can.
_OTHER_RULES = re.compile(r"(^|_)(v\d|rfc_v\d|without|recommended|note|derived_age_no)")


class Mismatch(AssertionError):
    """The engine's result is not the expected one."""


@define
class Vector:
    """One entry of a vector file: ``inputs`` and ``expected`` as the file has them.

    Every column of ``expected`` must be asked for: what nobody evaluates has not passed.
    """

    name: str
    function: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    _seen: set[str] = field(factory=set, init=False, repr=False)

    def expect(self, column: str, got: object, what: str = "") -> None:
        """Mismatch unless ``got`` is what the column says."""
        same(what or column, got, self.wanted(column))

    def wanted(self, column: str) -> Any:
        """What the column says; for the evaluator to compare."""
        self._seen.add(column)
        return self.expected[column]

    def expects(self, column: str) -> bool:
        return column in self.expected

    def unseen(self) -> list[str]:
        """Columns that were not evaluated, other than those for other kernels' rules."""
        return [c for c in self.expected if c not in self._seen and not _OTHER_RULES.search(c)]


def same(what: str, got: object, wanted: object) -> None:
    """Mismatch unless the two are equal."""
    if got != wanted:
        raise Mismatch(f"{what}: got {got!r}, expected {wanted!r}")


def holds(fact: bool, what: str) -> None:
    """Mismatch unless it is so."""
    if not fact:
        raise Mismatch(f"not so: {what}")


def cases(inputs: Mapping[str, Any], *names: str) -> list[dict[str, Any]]:
    """The cases of a vector by column name; the inputs themselves if they are the only case.

    ``names``: the columns where the vector does not name them.
    """
    if "cases" not in inputs:
        return [dict(inputs)]
    columns = inputs.get("columns", names)
    return [
        case if isinstance(case, dict) else dict(zip(columns, case, strict=False))
        for case in inputs["cases"]
    ]


def refusal(attempt: Callable[[], object]) -> int | str:
    """0 if the attempt is accepted; as vectors name it, "EINVAL", if it is refused."""
    try:
        attempt()
    except (DamonError, ValueError):
        return errno.errorcode[errno.EINVAL]
    return 0


Evaluate = Callable[[Vector], None]


@frozen
class Evaluator:
    """Evaluates vectors of some functions, or with some beginning of the name.

    ``inputs``: names that the vector's inputs must have.
    """

    evaluate: Evaluate
    functions: tuple[str, ...]
    names: tuple[str, ...]
    inputs: tuple[str, ...]

    def rank(self, vector: Vector) -> int:
        """How well it fits: by name before by function, 0 for not at all."""
        if not all(name in vector.inputs for name in self.inputs):
            return 0
        by_name = max((len(n) for n in self.names if vector.name.startswith(n)), default=0)
        by_function = vector.function in self.functions
        return 2 * by_name + by_function + bool(by_name or by_function) * len(self.inputs)


EVALUATORS: list[Evaluator] = []


def evaluates(
    *functions: str, names: tuple[str, ...] = (), inputs: tuple[str, ...] = ()
) -> Callable[[Evaluate], Evaluate]:
    """Register an evaluator for kernel functions, or for names that begin so."""

    def register(evaluate: Evaluate) -> Evaluate:
        EVALUATORS.append(Evaluator(evaluate, functions, names, inputs))
        return evaluate

    return register


def evaluate(vector: Vector) -> str | None:
    """Evaluate against the engine; what is wrong, or None."""
    fitting = max(EVALUATORS, key=lambda each: each.rank(vector), default=None)
    if fitting is None or not fitting.rank(vector):
        return f"no evaluator for {vector.function!r} with inputs {sorted(vector.inputs)}"
    try:
        fitting.evaluate(vector)
    except Mismatch as mismatch:
        return str(mismatch)
    except Exception as error:  # a vector of a shape that its evaluator does not know
        return f"{type(error).__name__}: {error}"
    unseen = vector.unseen()
    return f"nothing evaluates expected {', '.join(unseen)}" if unseen else None
