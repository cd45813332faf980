"""How the monitor comes by a userfaultfd of a target: the target cooperates, or it is injected."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from attrs import frozen

from damon_core.errors import DamonError, PrimitiveError
from damon_core.process import read_process_stat

from .cooperation import ask

if TYPE_CHECKING:
    from damon_core.target import Target

_PF_FORKNOEXEC = 0x40

HOW = (
    "say `inject: yes` to let the monitor stop one of its threads for a moment and open a "
    "userfaultfd in it, or call damon_page_fault.cooperate() in it, "
    "or use `mechanism: hint_faults` or `first_touch`"
)


class NotHandedOver(PrimitiveError):
    """A target of which no userfaultfd is to be had, and what would help."""


@frozen
class HandedOver:
    """A userfaultfd of a target, not yet agreed on; ``told``: what that has cost, in one line."""

    fd: int
    told: str = ""


def take_userfaultfd(target: Target, *, inject: bool) -> HandedOver:
    """Get a userfaultfd of this process; never by injection unless ``inject``.

    NotHandedOver says what would help.
    """
    try:
        fd = ask(target.pid)
    except OSError as error:
        raise not_handed_over(target, error) from error
    if fd is not None:
        return HandedOver(fd)
    if not inject:
        raise NotHandedOver(
            f"process {target.pid} ({target.comm}) does not cooperate, and nothing is injected "
            f"into a process unasked: {HOW}"
        )
    return _inject(target)


def not_handed_over(target: Target, error: OSError) -> NotHandedOver:
    """What an error on the way means for the user."""
    who = f"process {target.pid} ({target.comm})"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return NotHandedOver(f"{who}: too many open files: raise the limit (ulimit -n)")
    return NotHandedOver(f"{who}: {error}")


def is_held(target: Target) -> bool:
    """Whether it is a child that has yet to execute its program: all it has now will be gone."""
    stat = read_process_stat(target.pid)
    return stat is not None and bool(stat.flags & _PF_FORKNOEXEC)


def _inject(target: Target) -> HandedOver:
    from .injection import inject_userfaultfd

    try:
        injected = inject_userfaultfd(target)
    except DamonError as error:
        raise NotHandedOver(str(error)) from error
    return HandedOver(
        injected.fd,
        f"thread {injected.tid} of process {target.pid} ({target.comm}), {injected.thread_state}, "
        f"was stopped for {injected.stop_ns / 1000:.0f} us to open a userfaultfd in it",
    )
