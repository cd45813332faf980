"""What became of the samples of an event, as counters that users see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from damon_core.perf_sampling import PerfTotals
    from damon_core.primitive import PrimitiveContext


@define
class Tally:
    """Adds to the context's counters what is new; those that stay 0 are left out.

    ``is_physical``: physical addresses are what samples must have.  ``is_of_machine``: events of
    threads do not count while these run elsewhere, which says nothing of multiplexing.
    """

    is_physical: bool
    is_of_machine: bool
    _counted: dict[str, int] = field(factory=dict)

    def add(self, ctx: PrimitiveContext, totals: PerfTotals) -> int:
        """Count what came since the last call; how many samples that were, the lost included."""
        nr = self._fresh("samples", totals.counts.samples)
        ctx.count("samples", nr)
        lost = self._fresh("lost_in_ring", totals.nr_lost)
        missed = self._fresh("lost_in_hardware", totals.counts.lost_samples)
        ctx.reports.lose(missed)
        named = {
            "lost_in_ring": lost,
            "lost_in_hardware": missed,
            **{name: self._fresh(name, total) for name, total in self._totals(totals).items()},
        }
        for name, fresh in named.items():
            if fresh:
                ctx.count(name, fresh)
        return nr + lost

    def _totals(self, totals: PerfTotals) -> dict[str, int]:
        counts = totals.counts
        stopped_ns = max(0, totals.enabled_ns - totals.running_ns) if self.is_of_machine else 0
        return {
            "other_process": counts.other_process,
            "kernel_address": counts.kernel,
            "no_physical_address" if self.is_physical else "no_address": counts.no_address,
            "no_operation": counts.no_access,
            "prefetches": counts.prefetches,
            "malformed": counts.malformed,
            "corrupt_rings": counts.corrupt,
            "throttled": counts.throttled,
            "multiplexed_us": stopped_ns // 1000,
            "rings_grown": totals.nr_grown,
        }

    def _fresh(self, name: str, total: int) -> int:
        fresh = total - self._counted.get(name, 0)
        self._counted[name] = total
        return fresh
