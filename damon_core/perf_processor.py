"""The events and the ring of one processor: drained, counted, and grown without a gap."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from attrs import define, field

from .perf_attr import AttrFlag, PerfAttr
from .perf_event import Opener, PerfError, PerfEvent
from .perf_ring import PerfRing, Slots

if TYPE_CHECKING:
    from .perf_decoding import PerfDecoder


# A writer that had chosen the ring before events moved finishes within microseconds, unless its
# processor is a virtual one that stands still just then.
_LEAVING_NS = 1_000_000_000


@define(eq=False)
class _Counted:
    """An event, and how far it had counted when it was last read."""

    event: PerfEvent
    value: int = 0
    lost: int = 0
    enabled_ns: int = 0
    running_ns: int = 0


@define(eq=False)
class PerfProcessor:
    """Events of the processor ``cpu``, all written to one ring.

    ``nr_events`` counts events of it so far, ``nr_lost`` samples of them without room in the ring,
    ``nr_grown`` how often that became larger.  As events move to the larger ring while they go on,
    growing loses none.  ``enabled_ns`` and ``running_ns``, of events whose attributes ask for it:
    how long they were to count, and did.  ``leader`` leads each thread's events, and only counts.
    """

    cpu: int
    ring: PerfRing
    max_ring_size: int
    leader: PerfAttr | None = None
    opener: Opener = PerfEvent
    nr_events: int = 0
    nr_lost: int = 0
    nr_grown: int = 0
    enabled_ns: int = 0
    running_ns: int = 0
    _events: dict[int, list[_Counted]] = field(factory=dict)
    _leaders: dict[int, PerfEvent] = field(factory=dict)
    _left: list[tuple[PerfRing, int]] = field(factory=list)

    @classmethod
    def open(
        cls,
        cpu: int,
        attr: PerfAttr,
        ring_size: int,
        max_ring_size: int,
        leader: PerfAttr | None = None,
        opener: Opener = PerfEvent,
    ) -> PerfProcessor:
        """A processor with a ring for events that use the clock of ``attr``; PerfError."""
        monotonic = AttrFlag.USE_CLOCKID in attr.flags
        return cls(cpu, PerfRing(cpu, ring_size, monotonic), max_ring_size, leader, opener)

    @property
    def tids(self) -> frozenset[int]:
        """The threads whose events are open; -1 stands for all."""
        return frozenset(self._events)

    def open_events(self, attrs: Iterable[PerfAttr], tid: int, filter: str, enable: bool) -> bool:
        """Open events of a thread, with a filter unless it is ""; False if the thread has ended."""
        opened: list[_Counted] = []
        leader: PerfEvent | None = None
        try:
            if self.leader is not None:
                leader = self.opener(self.leader, pid=tid, cpu=self.cpu)
            for attr in attrs:
                group = leader.fd if leader is not None else -1
                event = self.opener(attr, pid=tid, cpu=self.cpu, group_fd=group)
                opened.append(_Counted(event))
                event.output_to(self.ring.fd)
                if filter:
                    event.set_filter(filter)
                if enable:
                    event.enable()
            if enable and leader is not None:
                leader.enable()
        except BaseException as error:
            for counted in opened:
                counted.event.close()
            if leader is not None:
                leader.close()
            if isinstance(error, PerfError) and error.errno == errno.ESRCH:
                return False
            raise
        self._events[tid] = opened
        if leader is not None:
            self._leaders[tid] = leader
        return True

    def close_events(self, tid: int) -> int:
        """Close the events of a thread; how many samples had been lost since the last drain."""
        lost = 0
        for counted in self._events.pop(tid):
            lost += self._count(counted)
            counted.event.close()
        if leader := self._leaders.pop(tid, None):
            leader.close()
        return lost

    def enable(self) -> None:
        """Let all events begin."""
        for event in (*(one.event for one in self._all()), *self._leaders.values()):
            event.enable()

    def disable(self) -> None:
        """Let all events pause; what they had counted stays."""
        for event in (*self._leaders.values(), *(one.event for one in self._all())):
            event.disable()

    def set_period(self, period: int) -> None:
        """Sample every so many events from now on."""
        for counted in self._all():
            counted.event.set_period(period)

    def drain(self, decoder: PerfDecoder, reports: Slots, now_ns: int) -> int:
        """Report what the ring has; how many samples were lost since the last time.

        After a loss the ring is doubled, up to its limit.
        """
        lost = sum(self._count(counted) for counted in self._all())
        told = decoder.c_counts.lost
        if self._left:
            self._leave(decoder, reports, now_ns)
        self.ring.drain(decoder, reports, now_ns)
        if not self._is_loss_counted:
            lost = decoder.c_counts.lost - told
            self.nr_lost += lost
        if lost:
            self._grow(decoder, reports, now_ns)
        return lost

    def close(self) -> None:
        """Close all; harmless a second time."""
        for event in (*(one.event for one in self._all()), *self._leaders.values()):
            event.close()
        self._events.clear()
        self._leaders.clear()
        for ring in (*(ring for ring, _ in self._left), self.ring):
            ring.close()
        self._left.clear()

    def _all(self) -> Sequence[_Counted]:
        return [counted for events in self._events.values() for counted in events]

    @property
    def _is_loss_counted(self) -> bool:
        return all(counted.event.counts_loss for counted in self._all())

    def _count(self, counted: _Counted) -> int:
        count = counted.event.read()
        lost = count.lost or 0
        fresh = lost - counted.lost
        self.nr_events += count.value - counted.value
        self.nr_lost += fresh
        counted.value, counted.lost = count.value, lost
        enabled_ns, running_ns = count.time_enabled or 0, count.time_running or 0
        self.enabled_ns += enabled_ns - counted.enabled_ns
        self.running_ns += running_ns - counted.running_ns
        counted.enabled_ns, counted.running_ns = enabled_ns, running_ns
        return fresh

    def _grow(self, decoder: PerfDecoder, reports: Slots, now_ns: int) -> None:
        """Go on in a ring twice as large, if there is one to be had."""
        larger = self._larger_ring()
        if larger is None:
            self.max_ring_size = self.ring.size  # nobody gives us more: do not ask again
            return
        for counted in self._all():
            counted.event.output_to(larger.fd)
        smaller, self.ring = self.ring, larger
        self._left.append((smaller, time.monotonic_ns() + _LEAVING_NS))
        smaller.drain(decoder, reports, now_ns)
        self.nr_grown += 1

    def _larger_ring(self) -> PerfRing | None:
        size = self.ring.size * 2
        if size > self.max_ring_size:
            return None
        try:
            larger = PerfRing(self.cpu, size, self.ring.monotonic)
        except PerfError:
            return None
        if larger.size < size:
            larger.close()
            return None
        return larger

    def _leave(self, decoder: PerfDecoder, reports: Slots, now_ns: int) -> None:
        """Drain the rings before, and close those that nobody can be writing to any more."""
        old_ns = time.monotonic_ns()
        for ring, _ in self._left:
            ring.drain(decoder, reports, now_ns)
        for ring, until_ns in self._left:
            if until_ns <= old_ns:
                ring.close()
        self._left = [(ring, until_ns) for ring, until_ns in self._left if until_ns > old_ns]
