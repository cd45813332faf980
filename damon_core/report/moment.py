"""Times as people say them of a recording: so long after its start, or by the clock."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from attrs import frozen

from ..errors import ConfigError, RecordError
from ..units import parse_time_us

_EXPECTED = (
    "a time since the start such as '10s', a local time such as '14:05' or '14:05:30.5', "
    "or a date and time such as '2026-01-31T14:05'"
)
_OF_DAY = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?")
_NO_TIME = (ValueError, OverflowError, OSError)


@frozen
class Moment:
    """One of: nanoseconds since the start, a date and time, a local time of day."""

    since_start_ns: int | None = None
    date: datetime | None = None
    of_day: time | None = None

    @classmethod
    def parse(cls, text: str) -> Moment:
        """Read "10s", "1 m 2 s", "14:05", "2026-01-31T14:05+01:00"; ConfigError if it is none."""
        text = text.strip()
        if text.isdigit() and int(text):
            raise ConfigError(f"got {text!r}, expected a time with its unit, such as '{text}s'")
        if ":" not in text:
            return cls(since_start_ns=parse_time_us(text) * 1000)
        try:
            if _OF_DAY.fullmatch(text):
                form = "%H:%M" + ":%S" * (text.count(":") == 2) + ".%f" * text.count(".")
                return cls(of_day=datetime.strptime(text, form).time())
            date = datetime.fromisoformat(text)
            date.timestamp()
        except _NO_TIME:
            raise ConfigError(f"got {text!r}, expected {_EXPECTED}") from None
        return cls(date=date)

    def at_ns(self, start_ns: int) -> int:
        """CLOCK_REALTIME of it in a recording that began at ``start_ns``.

        A time of day is of the day of the start, or of the next day if it would be more than half
        a day before the start.  RecordError if no calendar has the day of the start.
        """
        if self.since_start_ns is not None:
            return start_ns + self.since_start_ns
        date = self.date
        try:
            if self.of_day is not None:
                began = datetime.fromtimestamp(start_ns / 1e9)
                date = datetime.combine(began.date(), self.of_day)
                if began - date > timedelta(hours=12):
                    date += timedelta(days=1)
            assert date is not None
            return round(date.timestamp() * 1_000_000) * 1000
        except _NO_TIME:
            raise RecordError(
                f"the recording began at {start_ns} ns, which no calendar has: "
                "select times since its start"
            ) from None


@frozen
class TimeSpan:
    """From one moment to another; None: from the first snapshot, to the last."""

    start: Moment | None = None
    end: Moment | None = None

    @classmethod
    def parse(cls, text: str) -> TimeSpan:
        """START-END or START..END, each of which may be left out."""
        dots = ".." in text
        start, separator, end = text.partition(".." if dots else "-")
        if not separator or (not dots and "-" in end) or not (start.strip() or end.strip()):
            raise ConfigError(
                f"got {text!r}, expected START-END such as 10s-20s, 10s-, -20s; "
                "with dates START..END"
            )
        span = cls(
            Moment.parse(start) if start.strip() else None,
            Moment.parse(end) if end.strip() else None,
        )
        if span._is_empty():
            raise ConfigError(f"got {text!r}, whose end is not after its start")
        return span

    def bounds_ns(self, start_ns: int) -> tuple[int, int]:
        """CLOCK_REALTIME of both ends, in a recording that began at ``start_ns``."""
        return (
            self.start.at_ns(start_ns) if self.start else -(2**63),
            self.end.at_ns(start_ns) if self.end else 2**63,
        )

    def _is_empty(self) -> bool:
        """True if nothing is in it whenever the recording began."""
        if not self.start or not self.end:
            return False
        start, end = self.start.since_start_ns, self.end.since_start_ns
        return start is not None and end is not None and start >= end
