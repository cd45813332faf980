"""Words for people: times, frequencies, targets; and texts of others made harmless."""

from __future__ import annotations

from datetime import datetime
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model import Intervals
    from ..snapshot import TargetState


def printable(text: str) -> str:
    """``text`` with what could steer a terminal spelled out: names in recordings are not ours."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def about_time(time_us: float) -> str:
    """A time in about three digits: "20 ms", "12.3 s", "4m 05s", "2h 30m", "3d 04h"."""
    if time_us < 1_000:
        return f"{time_us:.0f} us"
    if time_us < 999_500:
        return f"{time_us / 1_000:.3g} ms"
    seconds = round(time_us / 1_000_000)
    if time_us < 59_950_000:
        return f"{time_us / 1_000_000:.3g} s"
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02}s"
    minutes = seconds // 60
    if minutes < 1440:
        return f"{minutes // 60}h {minutes % 60:02}m"
    return f"{minutes // 1440}d {minutes % 1440 // 60:02}h"


def clock_time(realtime_ns: int) -> str:
    """Local date and time to the millisecond, or the number if no calendar has it."""
    try:
        moment = datetime.fromtimestamp(realtime_ns // 1_000_000 / 1000).astimezone()
    except (ValueError, OverflowError, OSError):
        return f"{realtime_ns} ns"
    return moment.isoformat(" ", "milliseconds")


def intervals_text(intervals: Intervals) -> str:
    """Intervals in one line."""
    return (
        f"sample {about_time(intervals.sample_us)}, aggregation {about_time(intervals.aggr_us)}, "
        f"ops update {about_time(intervals.ops_update_us)}"
    )


def target_text(target: TargetState) -> str:
    """Who a target is: "target 0: pid 4321 (redis-server)"; recordings of others may not know."""
    if not target.pid:
        return f"target {target.index}: physical memory"
    words = [printable(target.comm)] if target.comm else []
    words += [] if target.alive else ["ended"]
    who = f"pid {target.pid}" if target.pid > 0 else "a process of unknown pid"
    return f"target {target.index}: {who}" + (f" ({', '.join(words)})" if words else "")


def mapping_text(name: str | None) -> str:
    """A name of a mapping; None is nothing mapped, "" anonymous memory."""
    if name is None:
        return "(unmapped)"
    return printable(name.rsplit("/", 1)[-1]) or "(anonymous)"


def shortened(text: str, width: int) -> str:
    """The beginning of a text that is too long, so marked."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def wrapped(text: str, width: int) -> list[str]:
    """A text for people in lines of at most ``width`` columns, where its words allow it."""
    return wrap(text, max(width, 12), break_long_words=False, break_on_hyphens=False)


def bar(share: float, width: int) -> str:
    """A bar of ``width`` marks for a share of 1, at least one for more than nothing."""
    if not share > 0:
        return ""
    return "#" * max(1, round(width * min(float(share), 1)))


def fitting_columns(
    rows: Sequence[Sequence[str]], width: int, expendable: Sequence[int], left: int = 1
) -> list[str]:
    """As ``columns_text``, without as many of the expendable columns, by number, as do not fit."""
    gone: set[int] = set()
    for number in (*expendable, None):
        kept = [[cell for at, cell in enumerate(row) if at not in gone] for row in rows]
        lines = columns_text(kept, left)
        if number is None or max(map(len, lines)) <= width:
            return lines
        gone.add(number)
    raise AssertionError("the last round returns")


def columns_text(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Rows of equal length as lines of aligned columns; the first ``left`` flush left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        " ".join(
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
