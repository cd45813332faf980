"""A primitive of several mechanisms: ways to see the same accesses, of which one works here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from attrs import frozen

from .errors import PrimitiveError
from .hookspecs import hookimpl
from .primitive import Availability

if TYPE_CHECKING:
    from .model import Ops
    from .primitive import PrimitiveContext, Provides
    from .reports import SourceReports
    from .target import Target

AUTO = "auto"
"""The name, in options, of whichever mechanism works."""


class Mechanism(Protocol):
    """One way to learn of accesses; built with the primitive's options.

    The methods are the hooks of the primitive, called in the same order.  ``init`` raises
    PrimitiveError.
    """

    name: ClassVar[str]
    provides: Provides

    @classmethod
    def probe(cls, ops: Ops, pid: int | None = None) -> str:
        """ "" if usable here (for ``pid``, if given), else what is missing and how to get it.

        One line; found out by trying, never from the kernel's version.
        """

    def __init__(self, options: Any) -> None: ...

    def init(self, ctx: PrimitiveContext) -> None: ...

    def update_targets(self, ctx: PrimitiveContext) -> None: ...

    def prepare(self, ctx: PrimitiveContext) -> None: ...

    def check(self, ctx: PrimitiveContext, reports: SourceReports) -> None: ...

    def cleanup(self) -> None:
        """Undo ``init``; idempotent, and fine after an ``init`` that failed."""


@frozen
class MechanismTable:
    """The mechanisms of one primitive: ``classes`` maps a name, which is also that of its module
    in ``package``, to its class.

    A module is imported when its mechanism is tried, so that one which cannot be imported here
    leaves the others usable.
    """

    package: str
    classes: Mapping[str, str]

    def load(self, name: str) -> type[Mechanism]:
        """The class of a mechanism; ImportError."""
        module = import_module(f".{name}", self.package)
        return cast("type[Mechanism]", getattr(module, self.classes[name]))

    def missing(self, name: str, ops: Ops, targets: Sequence[Target] = ()) -> str:
        """What a mechanism lacks for ``ops`` on these targets, "" if nothing.

        What it lacks for one that has ended meanwhile is no lack.
        """
        try:
            cls = self.load(name)
        except ImportError as error:
            return f"it cannot be imported: {error}"
        for target in targets:
            if (lack := cls.probe(ops, target.pid or None)) and target.alive():
                return lack
        return "" if targets else cls.probe(ops)

    def probe(self, order: Sequence[str], ops: Ops, options: Any) -> Availability:
        """The answer of the primitive's ``probe``: the first in ``order`` that works, and what
        each one lacks; ``options`` are the default ones.
        """
        names = (*order, *(name for name in self.classes if name not in order))
        lacks = {name: self.missing(name, ops) for name in names}
        for name in order:
            if not lacks[name]:
                provides = self.load(name)(options).provides
                return Availability(True, name, mechanisms=lacks, provides=provides)
        return Availability(usable=False, missing=lacks[order[0]], mechanisms=lacks)

    def choose(
        self, asked: str, order: Sequence[str], options: Any, ops: Ops, targets: Sequence[Target]
    ) -> Mechanism:
        """The mechanism ``asked`` for, or the first in ``order`` that works if that is "auto".

        PrimitiveError says what each lacks.
        """
        if asked != AUTO:
            if lack := self.missing(asked, ops, targets):
                raise PrimitiveError(f"mechanism {asked} is not usable for {ops}: {lack}")
            return self.load(asked)(options)
        lacks = []
        for name in order:
            lack = self.missing(name, ops, targets)
            if not lack:
                return self.load(name)(options)
            lacks.append(f"{name}: {lack}")
        raise PrimitiveError(f"no mechanism is usable for {ops}; " + "; ".join(lacks))


class MechanismPrimitive(ABC):
    """Base of a primitive that hands its hooks to the mechanism of its choice."""

    provides: Provides
    _mechanism: Mechanism | None = None

    @abstractmethod
    def choose_mechanism(self, ctx: PrimitiveContext) -> Mechanism:
        """For the primitive to write: the mechanism for this context; PrimitiveError."""

    @property
    def _chosen(self) -> Mechanism:
        if self._mechanism is None:
            raise PrimitiveError(f"{type(self).__name__}: a hook was called before damon_init")
        return self._mechanism

    @hookimpl
    def damon_init(self, ctx: PrimitiveContext) -> None:
        mechanism = self.choose_mechanism(ctx)
        self._mechanism = mechanism
        mechanism.init(ctx)
        self.provides = mechanism.provides
        ctx.mechanism = mechanism.name

    @hookimpl
    def damon_update_targets(self, ctx: PrimitiveContext) -> None:
        self._chosen.update_targets(ctx)

    @hookimpl
    def damon_prepare_access_checks(self, ctx: PrimitiveContext) -> None:
        self._chosen.prepare(ctx)

    @hookimpl
    def damon_check_accesses(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        self._chosen.check(ctx, reports)

    @hookimpl
    def damon_cleanup(self, ctx: PrimitiveContext) -> None:
        if self._mechanism is not None:
            self._mechanism.cleanup()
