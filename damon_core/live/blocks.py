"""Blocks of the live view around its table: title, pace, targets, primitives."""

from __future__ import annotations

from attrs import frozen

from ..report.text import about_time, printable
from ..snapshot import SourceState, TargetState
from ..tally import COUNTERS, Tally
from ..units import about_size
from .glyphs import Glyphs
from .line import Line, cells
from .table import about_count
from .watch import Seen, Sizes, Watch

_MAX_SPARK = 30


@frozen
class Blocks:
    """Lines of a given width about one context, or its snapshot."""

    watch: Watch
    seen: Seen
    glyphs: Glyphs
    width: int

    def pace(self, view_share: float, nr_not_drawn: int) -> Line:
        """The intervals in force, and what monitoring costs."""
        context, intervals = self.watch.context, self.seen.intervals
        tally = context.tally
        charged = tally.target_cpu_share * 100
        in_targets = f" + {charged:.1f} % in targets" if charged else ""
        words = [
            f"sampling {about_time(intervals.sample_us)}",
            f"window {about_time(intervals.aggr_us)}",
            f"CPU {tally.cpu_share * 100:.1f} %{in_targets} "
            f"(quota {context.config.spec.cpu_quota * 100:g} %)",
            f"view {view_share * 100:.1f} %",
            f"{len(self.seen.snapshot.regions)} regions",
        ]
        words += [f"{tally.nr_late} late"] if tally.nr_late else []
        words += [f"{nr_not_drawn} not drawn"] if nr_not_drawn else []
        return Line().add(f" {self.glyphs.dot} ".join(words)).fitted(self.width, self.glyphs.more)

    def reason(self) -> Line:
        """Why the intervals are these."""
        text = f"as {self.seen.pace_reason}"
        return Line().add(text, "dim").fitted(self.width, self.glyphs.more)

    def targets(self, chosen: int | None, nr_lines: int) -> list[Line]:
        """Who they are, their working set and RSS; of too many those that use most."""
        targets = [
            target for target in self.seen.snapshot.targets if chosen in (None, target.index)
        ]
        if len(targets) > nr_lines:
            targets.sort(key=self._last_working_set, reverse=True)
        if len(targets) > nr_lines > 1:
            nr_more = len(targets) - nr_lines + 1
            lines = [self._target(target) for target in targets[: nr_lines - 1]]
            rest = sum(map(self._last_working_set, targets[nr_lines - 1 :]))
            text = f"   and {nr_more} targets more, wss {about_size(rest)}"
            return [*lines, Line().add(text, "dim").fitted(self.width)]
        return [self._target(target) for target in targets[:nr_lines]]

    def _target(self, target: TargetState) -> Line:
        sizes = self.watch.sizes.get(target.index, Sizes())
        with_rss, with_sparks = self.width >= 48, self.width >= 60
        fixed = 14 + (15 if with_rss else 0)
        spark = min(_MAX_SPARK, (self.width - fixed - 24) // 2) if with_sparks else 0
        who = max(4, self.width - fixed - (2 * spark + 2 if spark else 0))
        line = Line().add(cells(_who(target), who, more=self.glyphs.more), "bold")
        working_set = about_size(self._last_working_set(target))
        line.add(" wss ", "dim").add(cells(working_set, 9, right=True))
        if spark:
            line.add(" ").add(self.glyphs.spark(sizes.working_set, spark), "cool")
        if with_rss:
            rss = "-" if target.rss is None else about_size(target.rss)
            line.add("  rss ", "dim").add(cells(rss, 9, right=True))
        if spark:
            line.add(" ").add(self.glyphs.spark(sizes.rss, spark), "cool")
        return line.fitted(self.width)

    def _last_working_set(self, target: TargetState) -> float:
        sizes = self.watch.sizes.get(target.index)
        return sizes.working_set[-1] if sizes and sizes.working_set else 0.0

    def sources(self, nr_lines: int) -> list[Line]:
        """Each primitive: reports a second, what becomes of them, and losses since the start;
        of too many those that have failed."""
        sources = self.seen.snapshot.sources
        if len(sources) > nr_lines:
            sources = tuple(sorted(sources, key=lambda source: source.failure is None))
        return [self._source(source) for source in sources[:nr_lines]]

    def _source(self, source: SourceState) -> Line:
        name = f"{printable(source.name)} {printable(source.mechanism)}".rstrip()
        line = Line().add(cells(name, min(24, self.width // 3), more=self.glyphs.more), "bold")
        if source.failure is not None:
            text = f" stopped: {printable(source.failure)}"
            return line.add(text, "bad").fitted(self.width, self.glyphs.more)
        aggr_s = self.seen.snapshot.intervals.aggr_us / 1e6
        per_second = about_count(source.counters.total / aggr_s)
        line.add(cells(per_second, 9, right=True)).add(" reports/s")
        lost = self.watch.context.tally.reports_of[source.name]["lost"]
        line.add(f"  {about_count(lost)} lost", "bad" if lost else "dim")
        line.add(f"  {_outcomes(self.watch.context.tally, source.name)}", "dim")
        return line.fitted(self.width, self.glyphs.more)


def _who(target: TargetState) -> str:
    if not target.pid:
        return f"{target.index} physical memory"
    ended = "" if target.alive else " ended"
    return f"{target.index} {printable(target.comm)} ({target.pid}){ended}"


def _outcomes(tally: Tally, name: str) -> str:
    """Shares of all reports since the start: "98 % credited, 2 % no_target"."""
    reports = tally.reports_of[name]
    total = sum(reports.values())
    if not total:
        return "none yet"
    words = []
    for outcome in COUNTERS:
        if reports[outcome]:
            share = 100 * reports[outcome] / total
            words.append(f"{'<1' if share < 1 else f'{share:.0f}'} % {outcome}")
    return ", ".join(words)
