"""One picture of the live view: lines for a terminal of a given size, or a block of plain text."""

from __future__ import annotations

import textwrap

from ..report.text import about_time, printable
from .blocks import Blocks
from .line import Line
from .table import RegionTable
from .view import View
from .watch import Seen, Watch

_PLAIN_REGIONS = 10
_ROOMY = 40

HELP = (
    "s S      next or previous order: rate, size, age, address",
    "r        reverse the order",
    "/        only mappings whose name contains ...",
    "m        only regions of a minimum rate",
    "t T      next target alone; all targets",
    "c        clear all filters",
    "Up Down  scroll; also j k, PgUp PgDn, Home",
    "Tab      next context",
    "p Space  pause the picture; monitoring goes on",
    "w        write the snapshot shown to a recording",
    "n        notes so far",
    "h ?      this help",
    "q        quit; also Ctrl-C",
    "",
    "rate: samples with an access; age: time at a similar rate;",
    "hits: reports in the window; wss: working set, bytes in use",
)


def frame(view: View, width: int, height: int) -> list[Line]:
    """At most ``height`` lines of at most ``width`` cells."""
    watch = view.watch
    seen = view.shown
    lines = [_title(view, watch, seen, width)]
    foot = _foot(view, width) if height >= 3 else []
    body = height - len(lines) - len(foot)
    if view.page == "help":
        lines += _texts(HELP, body, width)
    elif view.page == "notes":
        notes = list(watch.notes) or ["no notes so far"]
        wrapped = [line for note in notes for line in textwrap.wrap(note, max(10, width))]
        lines += _texts(wrapped[-body:] if body > 0 else [], body, width)
    elif seen is None:
        lines += _texts(["", "waiting for the end of the first window"], body, width)
    else:
        lines += _body(view, watch, seen, width, body)
    lines = lines[: height - len(foot)]
    lines += [Line()] * (height - len(foot) - len(lines))
    return [*lines, *foot]


def block(view: View, watch: Watch, seen: Seen, width: int) -> str:
    """A snapshot of a context without a terminal: a few lines, the regions of highest rate."""
    blocks = Blocks(watch, seen, view.glyphs, width)
    table = RegionTable(seen, view.choice, view.glyphs)
    lines = [
        _title(view, watch, seen, width),
        blocks.pace(view.cpu_share, view.nr_not_drawn),
        *blocks.targets(None, 8),
        *blocks.sources(8),
        table.head(width),
        *table.lines(width, 0, _PLAIN_REGIONS),
    ]
    if table.nr_rows > _PLAIN_REGIONS:
        lines.append(Line().add(f"and {table.nr_rows - _PLAIN_REGIONS} regions more"))
    lines += [Line().add(f"note: {printable(note)}") for note in seen.snapshot.notes]
    return "".join(f"{line.text}\n" for line in lines)


def _body(view: View, watch: Watch, seen: Seen, width: int, height: int) -> list[Line]:
    blocks = Blocks(watch, seen, view.glyphs, width)
    table = RegionTable(seen, view.choice, view.glyphs)
    above: list[Line] = []
    if height >= 6:
        above.append(blocks.pace(view.cpu_share, view.nr_not_drawn))
    if height >= 16:
        above.append(blocks.reason())
    if height >= 7:
        above += blocks.targets(view.choice.target, max(1, (height - 6) // 3))
    below: list[Line] = []
    if height >= 9:
        below += blocks.sources(max(1, (height - 6) // 3))
    if height >= 14 and watch.notes:
        below += [
            Line().add(line, "dim").fitted(width)
            for line in textwrap.wrap(
                watch.notes[-1],
                max(10, width),
                max_lines=1 + (height >= 24),
                placeholder=view.glyphs.more,
            )
        ]
    if height >= 3:
        above.append(table.head(width))
    room = max(0, height - len(above) - len(below))
    view.keep_in_sight(table.nr_rows, room)
    rows = table.lines(width, view.first, room)
    if not rows and room:
        rows = [Line().add("no region to show".ljust(1), "dim").fitted(width)]
    rows += [Line()] * (room - len(rows))
    return [*above, *rows, *below]


def _title(view: View, watch: Watch, seen: Seen | None, width: int) -> Line:
    line = Line().add("damon monitor", "bold")
    for one in view.watches if len(view.watches) > 1 else ():
        name = printable(one.context.config.name)
        line.add(" ").add(f"[{name}]" if one is watch else f" {name} ", "bold")
    line.add(f" {watch.context.config.spec.ops}", "dim")
    if view.choice.filters:
        line.add(f" only {view.choice.filters}", "warm")
    state, style = _state(view, watch, seen)
    if seen is not None and width >= _ROOMY:
        state = f"{_elapsed(watch, seen)}  {state}"
    room = width - len(state) - 1
    if room < 4:
        return Line().add(state, style).fitted(width)
    return line.fitted(room, view.glyphs.more).filled(room + 1).add(state, style)


def _state(view: View, watch: Watch, seen: Seen | None) -> tuple[str, str]:
    number = "" if seen is None else f"#{seen.snapshot.index}"
    if watch.ending is not None:
        return f"ended {number}".rstrip(), "bad"
    if view.stopping:
        return "stopping", "bad"
    if view.paused:
        return f"PAUSED {number}".rstrip(), "bad"
    return number or "starting", "dim"


def _elapsed(watch: Watch, seen: Seen) -> str:
    return about_time(max(0, seen.snapshot.end_ns - watch.context.tally.start_ns) // 1000)


def _foot(view: View, width: int) -> list[Line]:
    if view.prompt is not None:
        return [Line().add(f"{view.prompt.label}{view.prompt.text}_", "bold").fitted(width)]
    if view.message:
        return [Line().add(view.message, "bold").fitted(width, view.glyphs.more)]
    if view.page:
        return [Line().add("any key: back", "dim").fitted(width)]
    order = f"{view.choice.sort}{' reversed' if view.choice.reverse else ''}"
    keys = ("q quit", f"s sort: {order}", "/ name", "m rate", "t target", "p pause", "w save")
    line = Line().add("? help", "dim")
    for key in keys:
        longer = Line([*line.pieces]).add(f"  {key}", "dim")
        if longer.width > width:
            break
        line = longer
    return [line.fitted(width)]


def _texts(texts: tuple[str, ...] | list[str], height: int, width: int) -> list[Line]:
    return [Line().add(text).fitted(width) for text in texts[: max(0, height)]]
