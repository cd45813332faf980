"""One aggregation interval under way: its times, its cost, and the snapshot it ends in."""

from __future__ import annotations

import numpy as np

from .clock import Clock
from .model import Intervals
from .pace import TickCost
from .regions import REGION_DTYPE, RegionMap
from .snapshot import Snapshot, SnapshotRegions, TargetState
from .sources import Sources
from .target_table import TargetTable


class Window:
    """Real start, ticks and cost of the aggregation interval; keeps notes until they are shown."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._index = 0
        self._notes: list[str] = []
        self.enter()

    def enter(self) -> None:
        """Start in the calling thread, whose CPU time counts from now on."""
        self._shown_cpu_ns = self._clock.thread_cpu_ns()
        self.begin()

    def begin(self) -> None:
        """Start anew, now."""
        self.start_ns = self._clock.now_ns()
        self.nr_ticks = 0
        self.nr_late = 0
        self._charged_ns = self._first_charged_ns = 0
        self._start_realtime_ns = self._clock.realtime_ns()
        self._start_cpu_ns = self._first_cpu_ns = self._clock.thread_cpu_ns()

    def note(self, text: str) -> None:
        """Keep a one-line message for the user; it goes out with the next snapshot."""
        self._notes.append(text)

    def charge(self, cpu_ns: int) -> None:
        """Add CPU time that the targets have paid for ticks of this window."""
        self._charged_ns += cpu_ns

    def ticked(self) -> None:
        self.nr_ticks += 1
        if self.nr_ticks == 1:
            self._first_cpu_ns = self._clock.thread_cpu_ns()
            self._first_charged_ns = self._charged_ns

    @property
    def tick_cost(self) -> TickCost:
        """Mean cost of a tick, everything in the window shared out."""
        nr = max(1, self.nr_ticks)
        cpu_ns = self._clock.thread_cpu_ns() - self._start_cpu_ns
        return TickCost(cpu_ns // nr, self._charged_ns // nr)

    @property
    def later_tick_cost(self) -> TickCost:
        """Mean cost of a tick without the first, which meets a target never looked at."""
        nr = max(1, self.nr_ticks - 1)
        cpu_ns = self._clock.thread_cpu_ns() - self._first_cpu_ns
        return TickCost(cpu_ns // nr, (self._charged_ns - self._first_charged_ns) // nr)

    def snapshot(
        self, regions: RegionMap, table: TargetTable, sources: Sources, ops_update_us: int
    ) -> Snapshot:
        """What is known now, with the real lengths of the window and of its sampling intervals."""
        aggr_us = max(1, (self._clock.now_ns() - self.start_ns) // 1000)
        states = sources.take_states()
        cpu_ns = self._clock.thread_cpu_ns()
        snapshot = Snapshot(
            index=self._index,
            start_ns=self._start_realtime_ns,
            end_ns=self._clock.realtime_ns(),
            intervals=Intervals(aggr_us // max(1, self.nr_ticks), aggr_us, ops_update_us),
            nr_samples=self.nr_ticks,
            nr_late=self.nr_late,
            targets=tuple(
                TargetState(t.index, t.pid, t.comm, t.index not in table.ended, t.rss())
                for t in table.targets
            ),
            regions=_columns(
                regions, table, len(states), self.nr_ticks if sources.sees_every_page else None
            ),
            sources=states,
            cpu_ns=cpu_ns - self._shown_cpu_ns,
            notes=tuple(self._notes),
        )
        self._shown_cpu_ns = cpu_ns  # what the snapshot itself costs belongs to the next one
        self._index += 1
        self._notes.clear()
        return snapshot


def _columns(
    regions: RegionMap, table: TargetTable, nr_sources: int, nr_page_ticks: int | None
) -> SnapshotRegions:
    parts = [regions.regions(slot) for slot in range(len(table.targets))]
    rows = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, REGION_DTYPE), *parts])
    lengths = [len(part) for part in parts]
    return SnapshotRegions(
        start=rows["start"].copy(),
        end=rows["end"].copy(),
        nr_accesses=rows["nr_accesses"].copy(),
        age=rows["age"].copy(),
        target=np.repeat(np.array([t.index for t in table.targets], np.uint32), lengths),
        pid=np.repeat(np.array([t.pid for t in table.targets], np.int32), lengths),
        hits=np.ascontiguousarray(rows["hits"][:, :nr_sources].T),
        accessed_bytes=(
            np.full(len(rows), np.nan)
            if nr_page_ticks is None
            else rows["accessed_bytes"] / max(1, nr_page_ticks)
        ),
    )
