"""The decodings of all events of a file, and what became of their samples."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
from attrs import field, frozen

from .._native import ffi, lib
from ..perf_decoding import PerfCounts, PerfDecoder
from .event import FileEvent
from .layout import PerfLayout

_NR_COUNTS = len(attrs.fields(PerfCounts))


@frozen
class FileCounts:
    """What became of the records of a file; each sample is in ``counts`` or one of the next two.

    ``counts``: of the samples of the events that are wanted.  ``unknown_records``: of kinds that
    are not known.  ``unread_bytes``: behind bytes that are no record.
    """

    counts: PerfCounts = field(factory=PerfCounts)
    other_event: int = 0
    unknown_event: int = 0
    unknown_records: int = 0
    unread_bytes: int = 0
    aux_bytes: int = 0
    cut_short: bool = False

    @property
    def samples(self) -> int:
        return self.counts.samples + self.other_event + self.unknown_event


class FileDecoding:
    """The decodings of the events of a file that have addresses of the kind that is wanted."""

    def __init__(self, layout: PerfLayout, *, physical: bool) -> None:
        places = []
        events: list[FileEvent] = []
        for event in layout.events:
            wanted = event.has_address(physical) and not event.is_bystander
            places.append(len(events) if wanted else lib.DAMON_PERF_NO_EVENT)
            events += [event] if wanted else []
        self.events = tuple(events)
        intel = layout.features.is_intel
        self._decoders = [
            PerfDecoder(event.decoding(physical=physical, intel=intel)) for event in events
        ]
        by_id = {
            id_: place
            for place, event in reversed(list(zip(places, layout.events, strict=True)))
            for id_ in event.ids
        }
        id_at = layout.id_at
        self._counts = ffi.new("struct damon_perf_counts[]", len(events))
        self._ids = ffi.new("struct damon_perf_id[]", sorted(by_id.items()))
        self._pointers = (
            ffi.new("struct damon_perf_decoding *[]", [one.c_decoding for one in self._decoders]),
            ffi.new("struct damon_perf_counts *[]", [self._counts + i for i in range(len(events))]),
        )
        self.c = ffi.new(
            "struct damon_perf_file *",
            {
                "decodings": self._pointers[0],
                "counts": self._pointers[1],
                "nr_events": len(events),
                "ids": self._ids,
                "nr_ids": len(by_id),
                "id_at": lib.DAMON_PERF_NO_ID if id_at is None else id_at,
                "first": places[0],
            },
        )

    def only(self, pids: Iterable[int]) -> None:
        """Report samples of these processes alone; of all if there are none."""
        pids = tuple(pids)
        for decoder in self._decoders:
            decoder.only(pids)

    @property
    def counts(self) -> PerfCounts:
        """The sum over all events."""
        table = np.frombuffer(ffi.buffer(self._counts), np.uint64).reshape(-1, _NR_COUNTS)
        return PerfCounts(*table.sum(axis=0).tolist())
