"""How rarely events must be sampled so that samples stay within the CPU quota."""

from __future__ import annotations

from attrs import define, field

from damon_core.perf_attr import AttrFlag, PerfType

from .layout import Layout

WINDOW_NS = 100_000_000
"""For so long is looked before the period is lengthened."""
CALM_NS = 1_000_000_000
"""So long must samples have been cheap before it is shortened."""
MIN_SAMPLES = 100
"""Fewer in a window say nothing of their cost."""

# What the kernel and the processor spend on a sample, where it happens.
FAULT_NS = 900
TRACEPOINT_NS = 1_300
BREAKPOINT_NS = 12_000
BUFFERED_NS = 800  # a precise sample, of many that are handed over at once
INTERRUPT_NS = 2_500  # each by an interrupt of its own: IBS, and with a frequency

# Half the period is twice the cost: that must be within the quota, with room to spare.
_SHORTEN_BELOW = 0.4


def kernel_ns(layout: Layout) -> int:
    """What a sample costs outside of the monitor, as measured or as others have."""
    if layout.attr.type == PerfType.BREAKPOINT:
        return BREAKPOINT_NS
    if layout.attr.type == PerfType.TRACEPOINT:
        return TRACEPOINT_NS
    if layout.event.is_kernel_made:
        return FAULT_NS
    is_interrupt = layout.event.by_ibs or AttrFlag.FREQ in layout.attr.flags
    return INTERRUPT_NS if is_interrupt else BUFFERED_NS


@define
class Budget:
    """Keeps account of what samples cost, and says how many times rarer they must become.

    ``scale``: periods are so many times those asked for, a power of two up to ``max_scale``.
    ``share``: of one CPU, what samples cost in the last window.  ``is_rarer``: that the last
    change was to a larger scale.
    """

    max_scale: int = 1 << 30
    scale: int = 1
    share: float = 0.0
    is_rarer: bool = False
    _begun_ns: int = -1
    _calm_since_ns: int = -1
    _spent_ns: float = 0.0
    _nr_samples: int = 0
    _idle_ns: float = field(default=float("inf"))

    def observe(
        self, now_ns: int, drain_cpu_ns: int, nr_samples: int, kernel_cpu_ns: int, quota: float
    ) -> bool:
        """Take in what has happened since the last call; whether ``scale`` has changed.

        ``drain_cpu_ns``: CPU time that reading the rings took.  What that takes with nothing in
        them is not the samples' fault, nor changed by fewer of them: Pace sees to that.
        """
        self._idle_ns = min(self._idle_ns, drain_cpu_ns)
        if self._begun_ns < 0:
            self._restart(now_ns)
            return False
        self._spent_ns += drain_cpu_ns - self._idle_ns + kernel_cpu_ns
        self._nr_samples += nr_samples
        if now_ns - self._begun_ns < WINDOW_NS:
            return False
        self.share = self._spent_ns / (now_ns - self._begun_ns)
        factor = self._factor(now_ns, quota)
        self._restart(now_ns)
        self.scale = int(self.scale * factor)
        self.is_rarer = factor > 1
        return factor != 1

    def _factor(self, now_ns: int, quota: float) -> float:
        if self.share >= quota * _SHORTEN_BELOW:
            self._calm_since_ns = -1
            is_dear = self.share > quota and self._nr_samples >= MIN_SAMPLES
            return 2 if is_dear and self.scale < self.max_scale else 1
        if self._calm_since_ns < 0:
            self._calm_since_ns = self._begun_ns
        if self.scale > 1 and now_ns - self._calm_since_ns >= CALM_NS:
            self._calm_since_ns = -1
            return 0.5
        return 1

    def _restart(self, now_ns: int) -> None:
        self._begun_ns, self._spent_ns, self._nr_samples = now_ns, 0.0, 0
