"""Which mechanisms work on this machine, and which one fits what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, cast

from damon_core import Availability
from damon_core.errors import PrimitiveError
from damon_core.model import Ops

from .mechanism import Choice, Options

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext

    from .mechanism import Mechanism

# Name to class; a mechanism is imported when it is tried, so that one which cannot
# be imported here leaves the others usable.
_CLASSES = {
    Choice.RWP: "ReadWriteProtect",
    Choice.WP_ASYNC: "WriteProtect",
    Choice.HINT_FAULTS: "HintFaults",
    Choice.FIRST_TOUCH: "FirstTouch",
}
PAGES = (Choice.RWP, Choice.WP_ASYNC)
"""The mechanisms that see every page; they need a userfaultfd of each target."""
WRITES = (Choice.WP_ASYNC,)
"""Those among them that know the direction."""


def mechanism_class(choice: Choice) -> type[Mechanism]:
    """The class of a mechanism; ``choice`` is not AUTO."""
    module = import_module(f".{choice.value}", __package__)
    return cast("type[Mechanism]", getattr(module, _CLASSES[choice]))


def missing(choice: Choice, ops: Ops, pids: Sequence[int] = ()) -> str:
    """What ``choice`` lacks for ``ops`` on these processes, "" if nothing."""
    try:
        cls = mechanism_class(choice)
    except ImportError as error:
        return f"it cannot be imported: {error}"
    for pid in pids or (None,):
        if lack := cls.probe(ops, pid or None):
            return lack
    return ""


def probe_all(ops: Ops) -> Availability:
    """The answer of the primitive's ``probe``: the first that works, and what each one lacks."""
    fitting = who(Options()) if ops is Ops.PADDR else (*PAGES, *who(Options()))
    lacks = {choice: missing(choice, ops) for choice in fitting}
    lacks |= {choice: missing(choice, ops) for choice in _CLASSES if choice not in lacks}
    texts = {choice.value: lack for choice, lack in lacks.items()}
    for choice, lack in lacks.items():
        if not lack:
            provides = mechanism_class(choice)(Options()).provides
            return Availability(True, choice.value, mechanisms=texts, provides=provides)
    return Availability(usable=False, missing=next(iter(texts.values())), mechanisms=texts)


def choose(options: Options, ctx: PrimitiveContext) -> Mechanism:
    """The mechanism asked for, or the first that fits; PrimitiveError says what each lacks."""
    pids = [target.pid for target in ctx.targets]
    if options.mechanism is not Choice.AUTO:
        if lack := missing(options.mechanism, ctx.ops, pids):
            raise PrimitiveError(
                f"mechanism {options.mechanism} is not usable for {ctx.ops}: {lack}"
            )
        return mechanism_class(options.mechanism)(options)
    lacks = []
    for choice in _fitting(options, ctx):
        lack = missing(choice, ctx.ops, pids)
        if not lack:
            return mechanism_class(choice)(options)
        lacks.append(f"{choice}: {lack}")
    raise PrimitiveError(f"no mechanism is usable for {ctx.ops}; " + "; ".join(lacks))


def who(options: Options) -> tuple[Choice, ...]:
    """The mechanisms that know direction, thread and CPU, the best first.

    Hint faults only where the machine has them on, or may be made to.
    """
    from .numa_balancing import NumaBalancing

    if options.enable_numa_balancing or NumaBalancing().is_on:
        return Choice.HINT_FAULTS, Choice.FIRST_TOUCH
    return (Choice.FIRST_TOUCH,)


def _fitting(options: Options, ctx: PrimitiveContext) -> tuple[Choice, ...]:
    """The mechanisms whose reports can be filtered as the context wants, the best first."""
    types = {one.type for one in ctx.filters}
    if types & {"threads", "cpumask"} or ctx.ops is Ops.PADDR:
        return who(options)
    return WRITES if "write" in types else PAGES
