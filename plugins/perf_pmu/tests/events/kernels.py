"""Kernels as tests want them: what they refuse, and what their events count."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from attrs import define, evolve, field

from damon_core.perf_attr import PerfAttr, PerfType, SoftwareEvent
from damon_core.perf_event import PerfError, PerfEvent

Rule = Callable[[PerfAttr, int, int], int]
"""The errno with which an event (attr, pid, cpu) is refused, 0 if it opens."""


def opens(attr: PerfAttr, pid: int, cpu: int) -> int:
    return 0


class _Opened:
    """An event that was opened, and does nothing."""

    fd = 99

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> _Opened:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is open."""


@define
class Kernel:
    """``asked`` has all attempts, as attributes, process, processor and file of the leader."""

    rule: Rule = opens
    asked: list[tuple[PerfAttr, int, int, int]] = field(factory=list)

    def __call__(
        self, attr: PerfAttr, *, pid: int = -1, cpu: int = -1, group_fd: int = -1
    ) -> PerfEvent:
        self.asked.append((attr, pid, cpu, group_fd))
        error = self.rule(attr, pid, cpu)
        if error:
            raise PerfError(f"an event on cpu {cpu} cannot be opened", error)
        return self.opened(attr, pid, cpu, group_fd)

    def opened(self, attr: PerfAttr, pid: int, cpu: int, group_fd: int) -> PerfEvent:
        return _Opened()  # type: ignore[return-value]  # as much of one as is used


@define
class StandIn(Kernel):
    """Opens events that the real kernel makes in the place of those of a PMU.

    They have the same samples; ``counts`` says which events of the kernel they are, ``period``
    how often these are sampled in truth, if not as asked.
    """

    counts: int = SoftwareEvent.PAGE_FAULTS_MIN
    period: int | None = None

    def opened(self, attr: PerfAttr, pid: int, cpu: int, group_fd: int) -> PerfEvent:
        stand_in = evolve(
            attr,
            type=PerfType.SOFTWARE,
            config=self.counts,
            config1=0,
            config2=0,
            precise_ip=0,
            sample_period=attr.sample_period if self.period is None else self.period,
        )
        return PerfEvent(stand_in, pid=pid, cpu=cpu, group_fd=group_fd)
