"""Times as people say them of a recording: so long after its start, or by the clock."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from attrs import frozen

from ..errors import ConfigError
from ..units import parse_time_us

_EXPECTED = (
    "a time since the start such as '10s', a local time such as '14:05' or '14:05:30.5', "
    "or a date and time such as '2026-01-31T14:05'"
)
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?")


@frozen
class Moment:
    """``since_start_ns``, or ``clock``: local date and time, or only time of day (of year 1)."""

    since_start_ns: int = 0
    clock: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> Moment:
        """ "10s", "1 m 2 s", "14:05", "2026-01-31T14:05:00+01:00"; ConfigError if it is none."""
        text = text.strip()
        if text.isdigit() and int(text):
            raise ConfigError(f"got {text!r}, expected a time with its unit, such as '{text}s'")
        if ":" not in text:
            return cls(since_start_ns=parse_time_us(text) * 1000)
        try:
            if _CLOCK.fullmatch(text):
                form = "%H:%M:%S.%f"[: (5, 8, 11)[text.count(":") - 1 + text.count(".")]]
                return cls(clock=datetime.strptime(text, form).replace(year=1))
            return cls(clock=datetime.fromisoformat(text))
        except ValueError:
            raise ConfigError(f"got {text!r}, expected {_EXPECTED}") from None

    def at_ns(self, start_ns: int) -> int:
        """CLOCK_REALTIME of it in a recording that began at ``start_ns``.

        A time of day is of the day of the start, or of the next day if it would be more than half
        a day before the start.
        """
        if self.clock is None:
            return start_ns + self.since_start_ns
        clock = self.clock
        if clock.year == 1:
            began = datetime.fromtimestamp(start_ns / 1e9)
            clock = clock.replace(year=began.year, month=began.month, day=began.day)
            if began - clock > timedelta(hours=12):
                clock += timedelta(days=1)
        return round(clock.timestamp() * 1_000_000) * 1000


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
        low, high = span.bounds_ns(0)
        if low >= high and (
            span.start and span.end and not span.start.clock and not span.end.clock
        ):
            raise ConfigError(f"got {text!r}, whose end is not after its start")
        return span

    def bounds_ns(self, start_ns: int) -> tuple[int, int]:
        """CLOCK_REALTIME of both ends, in a recording that began at ``start_ns``."""
        return (
            self.start.at_ns(start_ns) if self.start else -(2**63),
            self.end.at_ns(start_ns) if self.end else 2**63,
        )

    def _is_backwards(self) -> bool:
        """True if it is empty whenever the recording began."""
        if not self.start or not self.end or self.start.clock or self.end.clock:
            return False
        return self.start.since_start_ns >= self.end.since_start_ns
