"""What to try when the kernel does not open an event as it was asked for: less, step by step.

Never less than is needed for an address, nor other than what the user has named.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

from attrs import evolve, frozen

from damon_core.perf_attr import PerfAttr
from damon_core.perf_event import Opener, PerfError, PerfEvent

from .intel_events import LOADS_BY_LATENCY
from .layout import EXCLUDES, LEAST_PRECISE, Layout

_EVENT_AND_UMASK = 0xFFFF
_AUXILIARY = 0x8203  # mem-loads-aux, wherever there is one

_WITHOUT_EXCLUDES = (
    "this kernel samples user space and kernel alike: addresses of the kernel are dropped"
)
_WITH_AUXILIARY = "in a group with the auxiliary event that its processor asks for"


@frozen
class Found:
    """A layout that opens; ``steps`` says what is other than asked, a few words each.

    ``unable``: processors that cannot count the event.
    """

    layout: Layout
    steps: tuple[str, ...] = ()
    unable: frozenset[int] = frozenset()


def find_opening(
    layout: Layout, cpus: Iterable[int], *, pid: int = -1, opener: Opener = PerfEvent
) -> Found:
    """The most that opens on the first of ``cpus`` that can count it; PerfError if nothing does.

    ``pid``: a thread, or -1 for all of a processor.
    """
    unable: list[int] = []
    for cpu in sorted(cpus):
        try:
            found = _on_cpu(layout, pid, cpu, opener)
        except PerfError as error:
            if error.errno != errno.ENODEV:
                raise
            unable.append(cpu)
        else:
            return evolve(found, unable=frozenset(unable))
    listed = ", ".join(map(str, unable)) or "there is none"
    raise PerfError(
        _cannot(layout), errno.ENODEV, f"no processor that runs can count it ({listed})"
    )


def _on_cpu(layout: Layout, pid: int, cpu: int, opener: Opener) -> Found:
    steps: tuple[str, ...] = ()
    while True:
        try:
            _try(layout, pid, cpu, opener)
        except PerfError as error:
            lower = _lower(layout, error.errno)
            if lower is None:
                raise _explained(layout, error) from error
            layout, step = lower
            steps += (step,)
        else:
            if layout.may_be_less_precise:
                steps = (*_others(steps), f"precision {layout.attr.precise_ip}")
            return Found(layout, steps)


def _try(layout: Layout, pid: int, cpu: int, opener: Opener) -> None:
    if layout.leader is None:
        opener(layout.attr, pid=pid, cpu=cpu).close()
        return
    with opener(layout.leader, pid=pid, cpu=cpu) as leader:
        opener(layout.attr, pid=pid, cpu=cpu, group_fd=leader.fd).close()


def _lower(layout: Layout, error: int) -> tuple[Layout, str] | None:
    """What to try instead, and what is other about it; None if there is nothing."""
    attr = layout.attr
    if error == errno.ENODATA and layout.leader is None and _is_load_by_latency(layout):
        auxiliary = PerfAttr(type=attr.type, config=attr.config & ~_EVENT_AND_UMASK | _AUXILIARY)
        return evolve(layout, leader=auxiliary), _WITH_AUXILIARY
    if error not in (errno.EINVAL, errno.EOPNOTSUPP):
        return None
    if layout.event.by_ibs and attr.flags & EXCLUDES:
        return layout.with_flags(attr.flags & ~EXCLUDES), _WITHOUT_EXCLUDES
    if layout.may_be_less_precise and attr.precise_ip > LEAST_PRECISE:
        lower = attr.precise_ip - 1
        return evolve(layout, attr=evolve(attr, precise_ip=lower)), f"precision {lower}"
    return None


def _others(steps: Iterable[str]) -> tuple[str, ...]:
    return tuple(step for step in steps if not step.startswith("precision "))


def _is_load_by_latency(layout: Layout) -> bool:
    is_load = layout.attr.config & _EVENT_AND_UMASK == LOADS_BY_LATENCY
    return is_load and not layout.event.is_kernel_made


def _explained(layout: Layout, error: PerfError) -> PerfError:
    if error.errno == errno.ENODEV:
        return error
    why = str(error).split(" cannot be opened: ", 1)[-1]
    if error.errno == errno.EINVAL and layout.leader is not None:
        why = (
            "the kernel does not take it into one group with its leader: all events of a group are "
            "of one PMU, or of the kernel, and no more than the processor has counters; write "
            "them without braces"
        )
    elif error.errno == errno.EINVAL and layout.event.freq:
        why += ", or not this freq (sysctl kernel.perf_event_max_sample_rate)"
    return PerfError(_cannot(layout), error.errno, why)


def _cannot(layout: Layout) -> str:
    return f"event {layout.event.text!r} cannot be opened"
