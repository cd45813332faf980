"""The monitoring loop: sample, aggregate, adapt, and hand out snapshots."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from enum import Enum

from .clock import Clock, MonotonicClock
from .errors import RunError
from .model import Intervals
from .ops import AddressSpace
from .pace import CALIBRATION_TICKS, Pace
from .primitive import Primitives
from .regions import RegionMap
from .schedule import Schedule
from .snapshot import Snapshot
from .sources import Sources
from .spec import ContextSpec, check_online_change
from .target import TargetSource
from .target_table import TargetTable
from .window import Window


class Ending(str, Enum):
    """Why a run ended."""

    STOPPED = "stopped"
    DURATION = "its time was up"
    TARGETS_ENDED = "the last target has ended"


class Monitor:
    """One context: monitors its targets with its primitives until told to stop.

    ``on_snapshot`` is called from the monitoring thread at the end of each window, and once more at
    the end for a window cut short; what it raises ends the run.  The order of steps is the kernel's
    (kdamond_fn); only a commit comes after the snapshot, so that a snapshot never mixes intervals.
    """

    def __init__(
        self,
        spec: ContextSpec,
        source: TargetSource,
        primitives: Primitives,
        on_snapshot: Callable[[Snapshot], None],
        *,
        space: AddressSpace,
        clock: Clock | None = None,
    ) -> None:
        self.spec = spec
        self.last_snapshot: Snapshot | None = None
        self._source = source
        self._on_snapshot = on_snapshot
        self._clock = clock or MonotonicClock()
        self._window = Window(self._clock)
        self._stop = False
        self._committed: tuple[ContextSpec, AddressSpace | None] | None = None
        seed = spec.seed if spec.seed is not None else secrets.randbits(64)
        self._regions = RegionMap(seed, spec.min_region_sz)
        self._table = TargetTable(self._regions, space)
        self._sources = Sources(primitives, spec, self._window.note, self._window.charge)
        self._pace = Pace(spec.intervals, spec.cpu_quota)
        self._schedule = Schedule(self._pace.intervals)
        self._sz_limit = 0
        self._drained_ns = 0

    @property
    def intervals(self) -> Intervals:
        """The intervals in force."""
        return self._schedule.intervals

    @property
    def pace_reason(self) -> str:
        """Why the intervals are what they are, in one line."""
        return self._pace.reason

    def stop(self) -> None:
        """End the run after the present wait; from any thread or a signal handler."""
        self._stop = True
        self._clock.wake()

    def note(self, text: str) -> None:
        """Have a one-line message for the user go out with the next snapshot."""
        self._window.note(text)

    def commit(self, spec: ContextSpec, *, space: AddressSpace | None = None) -> None:
        """Change the running context, all or nothing, at the end of the tick under way.

        ``space`` replaces the address space, for other fixed ranges.  ConfigError, and nothing
        changed, for what cannot change online.  What is equal stays untouched; changed intervals
        end the window under way and convert its results.
        """
        check_online_change(self.spec, spec)
        self._committed = (spec, space)

    def run(self, duration_us: int | None = None) -> Ending:
        """Monitor until stopped, out of time, or without live targets; why it ended.

        TargetError, PrimitiveError: it could not start.  RunError: every primitive has failed.
        """
        self._window.enter()
        try:
            self._start()
            end_ns = None if duration_us is None else self._window.start_ns + duration_us * 1000
            ending = self._loop(end_ns)
            if self._window.nr_ticks:
                self._emit()
            return ending
        finally:
            self._sources.cleanup()
            self._table.close()
            self._source.close()
            self._clock.close()

    def _start(self) -> None:
        self._find_targets()
        self._sources.init(self.spec.ops, self.intervals, self._table)
        self._source.release()
        self._pace = self._new_pace()
        self._use(self._pace.intervals)
        self._follow_targets()
        self._sz_limit = self._regions.apply_min_nr_regions(self.spec.nr_regions.min)
        self._window.begin()
        self._drained_ns = self._window.start_ns

    def _loop(self, end_ns: int | None) -> Ending:
        deadline_ns = self._window.start_ns
        going_on = self._table.any_alive
        while going_on and not self._stop:
            self._table.draw_sampling_addrs()
            self._sources.prepare()
            deadline_ns = self._next_deadline(deadline_ns)
            if end_ns is not None and deadline_ns > end_ns:
                return Ending.DURATION if self._clock.wait_until(end_ns) else Ending.STOPPED
            if not self._clock.wait_until(deadline_ns):
                break
            self._tick()
            if self._schedule.aggregation_due:
                self._end_window()
            elif self._schedule.passed == CALIBRATION_TICKS:
                self._change_pace(self._pace.calibrate(self._window.later_tick_cost), True)
            self._apply_commit()
            going_on = self._follow()
        return Ending.STOPPED if self._stop else Ending.TARGETS_ENDED

    def _next_deadline(self, last_ns: int) -> int:
        """One sampling interval after the last one; from now on if that has already passed."""
        sample_ns = self.intervals.sample_us * 1000
        now_ns = self._clock.now_ns()
        if last_ns + sample_ns >= now_ns:
            return last_ns + sample_ns
        self._window.nr_late += 1
        return now_ns + sample_ns

    def _tick(self) -> None:
        now_ns = self._clock.now_ns()
        self._sources.check(self._regions, self._drained_ns)
        self._regions.end_tick()
        self._drained_ns = now_ns
        self._window.ticked()
        self._schedule.tick()

    def _end_window(self) -> None:
        limits = self.spec.nr_regions
        self._table.note_ended()
        self._regions.merge(self.intervals.nr_samples, limits.max, self._sz_limit)
        self._sz_limit = self._regions.apply_min_nr_regions(limits.min)
        self._emit()
        self._schedule.aggregated()
        self._regions.reset_aggregated()
        if self._table.any_alive and self._table.drop_ended():
            self._sources.update_targets(self._table)
        self._regions.split(limits.max)
        self._change_pace(self._pace.observe(self._window.tick_cost), False)
        self._window.begin()

    def _follow(self) -> bool:
        """Look after targets and primitives; False once no target is alive and none is found."""
        self._table.note_ended()
        if self._schedule.ops_update_due or not self._table.any_alive:
            self._schedule.updated()
            self._find_targets()
            self._follow_targets()
        if not self._sources.notice_failures():
            self._emit()
            faults = "; ".join(self._sources.failures)
            raise RunError(f"every primitive has failed, nothing is seen any more: {faults}")
        return self._table.any_alive

    def _find_targets(self) -> None:
        for target in self._source.poll():
            self._table.add(target)

    def _follow_targets(self) -> None:
        for fault in self._table.update_ranges():
            self._window.note(fault)
        self._sources.update_targets(self._table)

    def _new_pace(self) -> Pace:
        return Pace(
            self.spec.intervals,
            self.spec.cpu_quota,
            self._sources.nr_samples,
            begins_long=self._sources.charges,
        )

    def _change_pace(self, intervals: Intervals | None, mid_window: bool) -> None:
        """Lengthen or shorten the intervals to what the CPU quota allows."""
        if intervals is not None:
            self._regions.update_results(self.intervals, intervals, aggregating=mid_window)
            self._use(intervals)
            # the wait for the next update begins anew, and a young program grows fast
            self._find_targets()
            self._follow_targets()
            self._window.begin()
        reason = self._pace.take_reason()
        if reason is not None:
            self._window.note(reason)

    def _use(self, intervals: Intervals) -> None:
        self._schedule.change(intervals)
        self._sources.use(intervals)

    def _apply_commit(self) -> None:
        if self._committed is None:
            return
        (spec, space), self._committed = self._committed, None
        old, self.spec = self.spec, spec
        if (spec.filters, spec.match) != (old.filters, old.match):
            self._sources.select_reports(spec)
        if (spec.intervals, spec.cpu_quota) != (old.intervals, old.cpu_quota):
            self._sources.share(spec.cpu_quota)
            self._commit_pace()
        if space is not None:
            self._table.space = space
            self._follow_targets()

    def _commit_pace(self) -> None:
        """Follow other intervals or another quota; the window goes on if it keeps its length."""
        before, self._pace = self.intervals, self._new_pace()
        if self._pace.intervals == before:
            return
        if self._window.nr_ticks:
            self._emit()
        self._use(self._pace.intervals)
        self._regions.update_results(before, self.intervals, aggregating=True)
        self._window.begin()

    def _emit(self) -> None:
        snapshot = self._window.snapshot(
            self._regions, self._table, self._sources, self.intervals.ops_update_us
        )
        self.last_snapshot = snapshot
        self._on_snapshot(snapshot)
