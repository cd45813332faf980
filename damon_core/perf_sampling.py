"""Events armed on every processor, for all threads or some, and drained into access reports."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from .cpus import SYSFS, offline_cpus, online_cpus
from .perf_decoding import PerfCounts, PerfDecoder, PerfDecoding
from .perf_event import Opener, PerfError, PerfEvent
from .perf_processor import PerfProcessor

if TYPE_CHECKING:
    from .perf_attr import PerfAttr
    from .perf_ring import Slots

ALL_THREADS = -1

# Of processors, and of PerfTotals.
_SUMMED = ("nr_events", "nr_lost", "nr_grown", "enabled_ns", "running_ns")


@attrs.frozen
class PerfTotals:
    """Since the start, over all processors: with a period of 1 ``nr_events`` = samples in rings +
    ``nr_lost``, once everything is drained.

    ``counts`` says what became of the samples that were in rings.  ``enabled_ns`` and
    ``running_ns``: how long events were to count and did, summed over them, if they were asked.
    """

    nr_events: int
    nr_lost: int
    nr_grown: int
    ring_bytes: int
    counts: PerfCounts
    enabled_ns: int = 0
    running_ns: int = 0


class PerfSampling:
    """Events (``attrs``, all of one layout of samples) on every processor that runs.

    With ``filter``, a text for tracepoints, the kernel drops what does not match.  Each processor
    has one ring of ``ring_size`` bytes, which doubles after a loss up to ``max_ring_size``; what
    is lost is counted exactly where the kernel does (from Linux 6.0 on).  ``leader`` is opened
    before them, and leads their group without being sampled; ``cpus``: on these alone (None: all).
    ``offline``: processors that are not sampled, as they are out of use; ``unable``: as they
    cannot count the event.
    """

    def __init__(
        self,
        attrs: Sequence[PerfAttr],
        decoding: PerfDecoding,
        *,
        ring_size: int,
        max_ring_size: int,
        filter: str = "",
        leader: PerfAttr | None = None,
        cpus: frozenset[int] | None = None,
        sysfs: Path = SYSFS,
        opener: Opener = PerfEvent,
    ) -> None:
        self.decoder = PerfDecoder(decoding)
        self.offline: frozenset[int] = frozenset()
        self.unable: frozenset[int] = frozenset()
        self._attrs = attrs
        self._filter = filter
        self._leader = leader
        self._cpus = cpus
        self._opener = opener
        self._sizes = (ring_size, max(ring_size, max_ring_size))
        self._sysfs = sysfs
        self._tids: set[int] = set()
        self._enabled = False
        self._processors: dict[int, PerfProcessor] = {}
        self._ended = PerfTotals(0, 0, 0, 0, PerfCounts())

    def open(self, tids: Iterable[int] = (ALL_THREADS,)) -> None:
        """Open the events, still disabled; PerfError, and nothing is left open."""
        self._tids = set(tids)
        try:
            self._begin(self._list_cpus())
            if not self._processors:
                raise self._nowhere()
        except OSError as error:
            self.close()
            raise PerfError("the processors cannot be listed", error.errno or 0) from error
        except BaseException:
            self.close()
            raise

    def follow(self, tids: Iterable[int], reports: Slots) -> None:
        """Sample these threads from now on: new ones are added, those that are not named let go."""
        self._tids = set(tids)
        for processor in self._processors.values():
            for tid in processor.tids - self._tids:
                reports.lose(processor.close_events(tid))
            for tid in self._tids - processor.tids:
                processor.open_events(self._attrs, tid, self._filter, self._enabled)

    def follow_cpus(self, reports: Slots, now_ns: int) -> None:
        """Begin on processors that have come into use; report the rest of those that left it.

        PerfError, OSError: not on all of them; another call tries those again.
        """
        online = self._list_cpus()
        for cpu in self._processors.keys() - online:
            self._drain(self._processors[cpu], reports, now_ns)
            self._end(self._processors.pop(cpu))
        self._begin(online)

    def set_filter(self, text: str, reports: Slots) -> None:
        """Let the kernel drop what does not match this text (tracepoints only), "" for nothing.

        A filter cannot be changed: events are opened anew, and for a moment there are none.
        """
        if text == self._filter:
            return
        self._filter = text
        for processor in self._processors.values():
            for tid in processor.tids:
                reports.lose(processor.close_events(tid))
                processor.open_events(self._attrs, tid, text, self._enabled)

    def set_period(self, period: int) -> None:
        """Sample every so many events from now on, on all processors and threads."""
        self._attrs = [attrs.evolve(one, sample_period=period) for one in self._attrs]
        self.decoder.weigh(period)
        for processor in self._processors.values():
            processor.set_period(period)

    def enable(self) -> None:
        """Let the events begin, also those that are opened later; harmless a second time."""
        if not self._enabled:
            self._enabled = True
            for processor in self._processors.values():
                processor.enable()

    def disable(self) -> None:
        """Let the events pause."""
        if self._enabled:
            self._enabled = False
            for processor in self._processors.values():
                processor.disable()

    def drain(self, reports: Slots, now_ns: int) -> None:
        """Report what all rings have; what was lost since the last time is counted as lost."""
        for processor in self._processors.values():
            self._drain(processor, reports, now_ns)

    @property
    def totals(self) -> PerfTotals:
        """What was seen so far."""
        processors = self._processors.values()
        sums = {
            name: getattr(self._ended, name) + sum(getattr(one, name) for one in processors)
            for name in _SUMMED
        }
        ring_bytes = sum(processor.ring.size for processor in processors)
        return PerfTotals(ring_bytes=ring_bytes, counts=self.decoder.counts, **sums)

    @property
    def nr_opened(self) -> int:
        """How many events are open, leaders not counted."""
        return sum(len(one.tids) for one in self._processors.values()) * len(self._attrs)

    def close(self) -> None:
        """Close all; harmless a second time."""
        while self._processors:
            self._end(self._processors.popitem()[1])

    def _begin(self, online: frozenset[int]) -> None:
        for cpu in sorted(online - self._processors.keys() - self.unable):
            processor = PerfProcessor.open(
                cpu, self._attrs[0], *self._sizes, self._leader, self._opener
            )
            self._processors[cpu] = processor
            try:
                for tid in self._tids:
                    processor.open_events(self._attrs, tid, self._filter, self._enabled)
            except BaseException as error:
                self._end(self._processors.pop(cpu))
                if not isinstance(error, PerfError) or error.errno != errno.ENODEV:
                    raise
                self.unable |= {cpu}

    def _list_cpus(self) -> frozenset[int]:
        """The processors to sample that run now."""
        online, offline = online_cpus(self._sysfs), offline_cpus(self._sysfs)
        self.offline = offline if self._cpus is None else offline & self._cpus
        return online if self._cpus is None else online & self._cpus

    def _nowhere(self) -> PerfError:
        cpus = ", ".join(map(str, sorted(self.unable | self.offline)))
        attr = self._attrs[0]
        return PerfError(
            f"perf event type {attr.type} config {attr.config:#x} cannot be opened",
            errno.ENODEV,
            f"no processor can count it (asked: {cpus or 'none'})",
        )

    def _drain(self, processor: PerfProcessor, reports: Slots, now_ns: int) -> None:
        if lost := processor.drain(self.decoder, reports, now_ns):
            reports.lose(lost)

    def _end(self, processor: PerfProcessor) -> None:
        sums = {name: getattr(self._ended, name) + getattr(processor, name) for name in _SUMMED}
        self._ended = attrs.evolve(self._ended, **sums)
        processor.close()
