"""A perf.data file that is open: surveyed first, then read by time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from types import TracebackType

import attrs
import numpy as np

from ..errors import RecordError
from ..perf_attr import SampleType
from ..perf_decoding import PerfCounts
from .container import read_layout
from .decoding import FileCounts, FileDecoding
from .features import Feature
from .layout import PerfLayout
from .order import TimeOrder
from .records import RecordPass
from .survey import Survey, Surveyor
from .tasks import Tasks

_MOST = 2**62  # recordings hold numbers of 63 bits, and a file may say anything

# Reports are counted where they end; what the file has of other records is of no use.
_SHOWN = sorted(
    {one.name for one in attrs.fields(PerfCounts)} - {"samples", "reports", "others", "corrupt"}
)
_SHOWN_OF_FILE = ("other_event", "unknown_event", "unknown_records", "unread_bytes", "aux_bytes")


class PerfFile:
    """Samples with virtual or, if ``physical``, physical addresses.

    RecordError for a file that is none, or was recorded without what is needed; it names the option
    of perf that was missing.
    """

    def __init__(self, layout: PerfLayout, fd: int, *, physical: bool) -> None:
        self.layout = layout
        self.physical = physical
        self.counts = FileCounts()
        self._fd = fd
        self._check_samples()
        self.decoding = FileDecoding(layout, physical=physical)

    @classmethod
    def open(cls, path: str, *, physical: bool) -> PerfFile:
        """Open a file by name."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise RecordError(f"{path}: cannot be read ({why}): give a perf.data file") from error
        try:
            return cls(read_layout(path, fd), fd, physical=physical)
        except BaseException:
            os.close(fd)
            raise

    def survey(self) -> Survey:
        """Read it once, in any order."""
        surveyor, tasks = Surveyor(physical=self.physical), Tasks()
        records = self._pass(surveyor, tasks)
        for _ in records:
            pass
        return surveyor.result(records.counts, tasks)

    def by_time(self, pids: Iterable[int] = ()) -> Iterator[np.ndarray]:
        """Reports of these processes, or of all, as rows of REPORT_DTYPE; ``counts`` grow with it.

        However the file is, each report comes once; if it breaks perf's rules, some come late.
        """
        order = TimeOrder()
        try:
            records = self._pass(order, None, pids)
            for _ in records:
                self.counts = records.counts
                yield from order.end_round()
            self.counts = records.counts
            yield from order.end()
        finally:
            order.close()

    @property
    def mechanism(self) -> str:
        """The events whose samples are read."""
        return ", ".join(event.title for event in self.decoding.events)

    def counters(self) -> dict[str, int]:
        """What became of the records that :meth:`by_time` has read, as far as there were any."""
        found = {
            "samples": self.counts.samples,
            **{name: getattr(self.counts.counts, name) for name in _SHOWN},
            **{name: getattr(self.counts, name) for name in _SHOWN_OF_FILE},
        }
        return {name: min(nr, _MOST) for name, nr in found.items() if nr}

    def close(self) -> None:
        """Close it; harmless a second time."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> PerfFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _pass(
        self, room: Surveyor | TimeOrder, tasks: Tasks | None, pids: Iterable[int] = ()
    ) -> RecordPass:
        self.decoding = FileDecoding(self.layout, physical=self.physical)
        self.decoding.only(pids)
        tell = tasks.tell if tasks is not None else None
        return RecordPass(self.layout, self.decoding, self._fd, room, tell)

    def _check_samples(self) -> None:
        """RecordError unless an event has addresses and times."""
        path = self.layout.path
        events = [event for event in self.layout.events if not event.is_bystander]
        having = [event for event in events if event.has_address(self.physical)]
        names = ", ".join(event.title for event in events[:3]) or "none"
        if not having and Feature.AUXTRACE in self.layout.features.present:
            raise RecordError(only_aux(path))
        if not having:
            kind, option = (
                ("physical addresses", "--phys-data") if self.physical else ("addresses", "-d")
            )
            raise RecordError(
                f"{path}: was recorded without {kind} (events: {names}): record with `perf mem "
                f"record`{' --phys-data' if self.physical else ''}, or `perf record {option}`"
            )
        if not all(SampleType.TIME in event.sample_type for event in having):
            raise RecordError(
                f"{path}: was recorded without times (events: {names}): record with `perf record "
                "--timestamp`"
            )


def only_aux(path: str) -> str:
    """What to do with a file that has an AUX trace, of which only perf can make samples."""
    return (
        f"{path}: has an AUX trace (Arm SPE, Intel PT) instead of samples: use `perf script "
        f"--itrace=M -i {path} -F pid,tid,cpu,time,addr,data_src | damon import -`"
    )
