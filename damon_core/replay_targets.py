"""The targets of a replay: processes that ran when the file was made, and need not run now."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from .maps import Mapping
from .model import AddrRange, Ops
from .target import Target


@frozen
class ReplayTarget:
    """A process of the file (``pid`` 0: physical memory), and what of it is monitored."""

    pid: int
    comm: str
    ranges: tuple[AddrRange, ...] = ()
    mappings: tuple[Mapping, ...] = ()


class ReplayTargets:
    """All targets at the first poll; none of them ever ends."""

    def __init__(self, targets: Sequence[ReplayTarget]) -> None:
        self._targets = targets
        self._polled = False

    def poll(self) -> Sequence[Target]:
        if self._polled:
            return ()
        self._polled = True
        return [_target(one) for one in self._targets]

    def release(self) -> None:
        """There is nothing to be let go."""

    def close(self) -> None:
        """Nor to be ended."""

    def mappings_of(self, pid: int) -> Sequence[Mapping]:
        """What was mapped, as far as the file tells."""
        return next(one.mappings for one in self._targets if one.pid == pid)


class AsGiven:
    """The ranges that the targets came with."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops

    @property
    def ops(self) -> Ops:
        return self._ops

    def ranges(self, target: Target) -> tuple[AddrRange, ...] | None:
        return target.given_ranges or None


def _target(one: ReplayTarget) -> Target:
    if not one.pid:
        return Target.physical(given_ranges=one.ranges)
    # No process that runs here has this start time: none is taken for the one of the file.
    return Target(pid=one.pid, comm=one.comm, start_time=-1, given_ranges=one.ranges)
