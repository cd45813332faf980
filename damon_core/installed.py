"""Each installed primitive: whose it is, what it says of itself, whether it works here."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from .catalogue import declarations, find, load
from .errors import PrimitiveError, one_line
from .model import Ops
from .primitive import Availability, Provides
from .registration import check_class, supported_ops


@frozen(eq=False)
class InstalledPrimitive:
    """One installed primitive: whose it is, what it says of itself, or why it cannot be loaded."""

    name: str
    distribution: str
    version: str
    ops: frozenset[Ops] = frozenset()
    provides: Provides = field(factory=Provides)
    error: str | None = None
    _loaded: type[Any] | None = field(default=None, repr=False)

    def probe(self, ops: Ops) -> Availability:
        """Whether it is usable here for ``ops``; never raises."""
        if self._loaded is None:
            return Availability(False, missing=self.error or "")
        if ops not in self.ops:
            return Availability(False, missing=f"it has no {ops}, only {listed(self.ops)}")
        try:
            return probe(self._loaded, ops)
        except PrimitiveError as error:
            return Availability(False, missing=str(error))


def installed() -> list[InstalledPrimitive]:
    """All installed primitives by name; one that is broken comes with its ``error``."""
    declared = declarations()
    found = []
    for declaration in declared:
        about = (declaration.name, declaration.distribution, declaration.version)
        try:
            cls = check_class(declaration, load(find(declaration.name, declared)))
        except PrimitiveError as error:
            found.append(InstalledPrimitive(*about, error=str(error)))
        else:
            ops = supported_ops(declaration, cls)
            found.append(InstalledPrimitive(*about, ops, cls.provides, None, cls))
    return found


def probe(cls: type[Any], ops: Ops) -> Availability:
    """The answer of a class's ``probe``, usable if it has none; PrimitiveError if that fails."""
    asked = getattr(cls, "probe", None)
    if asked is None:
        return Availability(True)
    try:
        answer = asked(ops)
    except Exception as error:
        raise PrimitiveError(f"its probe({ops}) raised {one_line(error)}") from error
    if not isinstance(answer, Availability):
        raise PrimitiveError(f"its probe({ops}) returned {answer!r}, not an Availability")
    return answer


def listed(ops: frozenset[Ops]) -> str:
    """``ops`` in the order in which people name them."""
    return ", ".join(one for one in Ops if one in ops)
