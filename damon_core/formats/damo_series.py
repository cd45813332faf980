"""What a recording of damo holds, by columns: the windows of one target with their regions."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from typing import Any

from attrs import define, field, frozen

from ..errors import ConfigError, RecordError
from ..units import parse_time_us

MAX_REGIONS = 2**26
"""Regions in all windows of a file; they are kept in some 35 bytes each."""

_MAX_NS = 2**62
_DIGITS = re.compile(r"[0-9]{1,20}(?:\.[0-9]*)?")

PERCENT, NO_AGE, AGE_US = 1, 2, 4
"""Flags of a region: what its numbers are, where they are not samples and windows."""


@frozen
class SeriesKey:
    """Whose windows they are, in the words of damo."""

    kdamond: int = 0
    context: int = 0
    scheme: int | None = None
    target_id: int | str | None = None


@frozen
class DamoIntervals:
    """The intervals of a record, as they were asked for, in microseconds."""

    sample_us: int
    aggr_us: int
    ops_update_us: int

    @property
    def nr_samples(self) -> int:
        """The highest number of samples with an access."""
        return max(1, round(self.aggr_us / self.sample_us))


@define
class DamoSeries:
    """Windows in the order of the file; ``first`` is where the regions of each begin.

    ``accesses`` are samples, or percent where ``flags`` say so; ``age`` windows, or microseconds.
    ``remarks`` counts what could not be taken over as it is, by what was done.
    """

    key: SeriesKey = SeriesKey()
    intervals: DamoIntervals | None = None
    extras: dict[str, Any] = field(factory=dict)
    remarks: Counter[str] = field(factory=Counter)
    start_ns: array[int] = field(factory=lambda: array("q"))
    end_ns: array[int] = field(factory=lambda: array("q"))
    first: array[int] = field(factory=lambda: array("Q"))
    starts: array[int] = field(factory=lambda: array("Q"))
    ends: array[int] = field(factory=lambda: array("Q"))
    accesses: array[float] = field(factory=lambda: array("d"))
    age: array[float] = field(factory=lambda: array("d"))
    flags: array[int] = field(factory=lambda: array("B"))
    accessed_bytes: array[float] = field(factory=lambda: array("d"))
    hits: array[int] = field(factory=lambda: array("Q"))

    def __len__(self) -> int:
        return len(self.start_ns)

    def region_numbers(self, window: int) -> slice:
        """Where the regions of a window are in the columns."""
        last = self.first[window + 1] if window + 1 < len(self) else len(self.starts)
        return slice(self.first[window], last)

    def begin_window(self) -> None:
        """The regions that are added from now on are of a new window."""
        self.first.append(len(self.starts))

    def end_window(self, start_ns: int, end_ns: int) -> None:
        """The window is complete; RecordError if it has no length."""
        if not start_ns < end_ns:
            raise RecordError(f"has a window that ends at {end_ns} ns, before its start {start_ns}")
        self.start_ns.append(start_ns)
        self.end_ns.append(end_ns)

    def add(
        self, start: int, end: int, accesses: float, age: float, flags: int, told: float = -1
    ) -> None:
        """One region; ``told``: its accessed bytes, negative if unknown."""
        if len(self.starts) >= MAX_REGIONS:
            raise RecordError(f"has more than {MAX_REGIONS} regions: split it first")
        self.starts.append(start)
        self.ends.append(end)
        self.accesses.append(accesses)
        self.age.append(age)
        self.flags.append(flags)
        self.accessed_bytes.append(told)


def number(value: Any, what: str) -> float:
    """A number that is not negative: 20, "139,637,976,727,552", "12.5 %"; RecordError if none."""
    if type(value) is int or type(value) is float:
        result: float = value
    elif isinstance(value, str) and _DIGITS.fullmatch(
        text := value.replace(",", "").removesuffix("%").rstrip()
    ):
        result = float(text) if "." in text else int(text)
    else:
        raise RecordError(f"got {str(value)[:40]!r} as {what}, expected a number")
    if not 0 <= result < 2**64:
        raise RecordError(f"got {result} as {what}, expected a number of 64 bits")
    return result


def whole(value: Any, what: str) -> int:
    """A whole number that is not negative."""
    return int(number(value, what))


def time_us(value: Any, what: str) -> int:
    """Microseconds: a number, or a text such as "5 ms"."""
    try:
        return whole(value, what)
    except RecordError:
        if not isinstance(value, str):
            raise
    try:
        return parse_time_us(value)
    except ConfigError as error:
        raise RecordError(f"{what}: {error}") from None


def time_ns(value: Any, what: str) -> int:
    """Nanoseconds: a number, or a text such as "36 s 85 ms"."""
    try:
        result = whole(value, what)
    except RecordError:
        result = time_us(value, what) * 1000
    if result > _MAX_NS:
        raise RecordError(f"got {result} ns as {what}, expected a time within 146 years")
    return result
