"""Which mechanisms work on this machine: tries each in the order of preference."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, cast

from damon_core import Availability
from damon_core.errors import PrimitiveError

from .mechanism import Choice, Options

if TYPE_CHECKING:
    from damon_core.model import Ops

    from .mechanism import Mechanism

# Name to class; a mechanism is imported when it is tried, so that one which cannot
# be imported here leaves the others usable.
_CLASSES = {
    Choice.BPF: "PageTableWalk",
    Choice.PAGE_IDLE: "PageIdle",
    Choice.COLD: "Cold",
    Choice.SMAPS: "Smaps",
}
PREFERENCE = (Choice.BPF, Choice.PAGE_IDLE, Choice.SMAPS)
"""The order in which ``auto`` tries; ``cold`` disturbs the target and must be asked for."""


def mechanism_class(choice: Choice) -> type[Mechanism]:
    """The class of a mechanism; ``choice`` is not AUTO."""
    module = import_module(f".{choice.value}", __package__)
    return cast("type[Mechanism]", getattr(module, _CLASSES[choice]))


def missing(choice: Choice, ops: Ops, pids: Sequence[int] = ()) -> str:
    """What ``choice`` lacks for ``ops`` on these processes, "" if nothing."""
    cls = mechanism_class(choice)
    for pid in pids or (None,):
        if lack := cls.probe(ops, pid or None):
            return lack
    return ""


def probe_all(ops: Ops) -> Availability:
    """The answer of the primitive's ``probe``: what ``auto`` would take, and each one's lack."""
    lacks = {choice.value: missing(choice, ops) for choice in _CLASSES}
    for choice in PREFERENCE:
        if not lacks[choice.value]:
            provides = mechanism_class(choice)(Options()).provides
            return Availability(True, choice.value, mechanisms=lacks, provides=provides)
    first = lacks[PREFERENCE[0].value]
    return Availability(usable=False, missing=first, mechanisms=lacks)


def choose(options: Options, ops: Ops, pids: Sequence[int]) -> Mechanism:
    """The mechanism asked for, or the first that works; PrimitiveError says what each lacks."""
    if options.mechanism is not Choice.AUTO:
        if lack := missing(options.mechanism, ops, pids):
            raise PrimitiveError(f"mechanism {options.mechanism} is not usable for {ops}: {lack}")
        return mechanism_class(options.mechanism)(options)
    lacks = []
    for choice in PREFERENCE:
        lack = missing(choice, ops, pids)
        if not lack:
            return mechanism_class(choice)(options)
        lacks.append(f"{choice}: {lack}")
    raise PrimitiveError(f"no mechanism is usable for {ops}; " + "; ".join(lacks))
