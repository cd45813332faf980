"""The figures that a comparison shows of each contender: what they mean, and how they are got."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from attrs import frozen

from .accuracy import Accuracy
from .comparison import Cell, Spread
from .monitoring import MonitorCost
from .page_accuracy import PageAccuracy
from .trial import Sight


@frozen
class Figure:
    """``key`` names it in JSON; ``better`` is "high", "low" or "one" (the nearer to 1)."""

    key: str
    title: str
    meaning: str
    better: str
    format: Callable[[float], str]
    take: Callable[[Cell], Spread | None]


def _seen(figure: Callable[[Sight], float | None]) -> Callable[[Cell], Spread | None]:
    return lambda cell: cell.spread(figure)


def _true(figure: Callable[[Accuracy], float | None]) -> Callable[[Cell], Spread | None]:
    return _seen(lambda sight: figure(sight.accuracy) if sight.accuracy else None)


def _paged(figure: Callable[[PageAccuracy], float | None]) -> Callable[[Cell], Spread | None]:
    return _true(lambda accuracy: figure(accuracy.pages) if accuracy.pages else None)


def _per_gib(spent_ns: Callable[[MonitorCost], int]) -> Callable[[Cell], Spread | None]:
    """Seconds of CPU time that one sample takes, per GiB; only of what is monitored by page."""

    def figure(sight: Sight) -> float | None:
        pages = sight.accuracy.pages if sight.accuracy else None
        if pages is None or not pages.size or not sight.cost.nr_checks:
            return None
        return spent_ns(sight.cost) / 1e9 / sight.cost.nr_checks / (pages.size / (1 << 30))

    return _seen(figure)


def _delay_s(accuracy: Accuracy) -> float | None:
    known = [one for one in accuracy.delays_s if one is not None]
    return median(known) if known else None


def _nr_unseen(accuracy: Accuracy) -> float | None:
    delays = accuracy.delays_s
    return float(sum(one is None for one in delays)) if delays else None


def _ratio(value: float) -> str:
    return f"{value:.3f}"


def _times(value: float) -> str:
    return f"{value:.2f}x"


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _milliseconds(value: float) -> str:
    return f"{value * 1e3:.2f} ms"


def _mean(value: float) -> str:
    return f"{value:,.1f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _mib(value: float) -> str:
    return f"{value / (1 << 20):.0f} MiB"


FIGURES = (
    Figure(
        "precision", "precision", "of the bytes said to be accessed, the share that was touched",
        "high", _ratio, _true(lambda one: one.precision),
    ),
    Figure(
        "recall", "recall", "of the bytes touched, the share that was said to be accessed",
        "high", _ratio, _true(lambda one: one.recall),
    ),
    Figure(
        "f1", "F1", "harmonic mean of precision and recall",
        "high", _ratio, _true(lambda one: one.f1),
    ),
    Figure(
        "recall_of_writes", "writes", "recall of the bytes that were written",
        "high", _ratio, _true(lambda one: one.recall_of_writes),
    ),
    Figure(
        "page_precision", "page precision",
        "of the pages said to be accessed in a window, the share that was touched",
        "high", _ratio, _paged(lambda one: one.precision),
    ),
    Figure(
        "page_recall", "page recall",
        "of the pages touched in a window, the share that was said to be accessed",
        "high", _ratio, _paged(lambda one: one.recall),
    ),
    Figure(
        "page_f1", "page F1", "harmonic mean of page precision and page recall",
        "high", _ratio, _paged(lambda one: one.f1),
    ),
    Figure(
        "nr_false_pages", "false pages", "pages of a window said to be accessed, but not touched",
        "low", _mean, _paged(lambda one: one.nr_false),
    ),
    Figure(
        "nr_missed_pages", "missed pages", "pages of a window touched, but not said to be accessed",
        "low", _mean, _paged(lambda one: one.nr_missed),
    ),
    Figure(
        "rank", "rank", "Spearman's correlation of the heat of pages, seen and true",
        "high", _ratio, _true(lambda one: one.rank),
    ),
    Figure(
        "wss", "wss", "bytes of regions accessed in a window over bytes touched in it",
        "one", _times, _true(lambda one: one.wss),
    ),
    Figure(
        "delay_s", "delay", "from a change of phase to the end of a window with an F1 of 0.8",
        "low", _seconds, _true(_delay_s),
    ),
    Figure(
        "nr_unseen", "unseen", "changes of phase that no window showed with an F1 of 0.8",
        "low", _whole, _true(_nr_unseen),
    ),
    Figure(
        "slowdown", "slow-down",
        "CPU time of a touch, a request or a command over that of the unmonitored run",
        "low", _times, lambda cell: cell.slowdown,
    ),
    Figure(
        "speed", "speed", "touches, or requests, in a second over those of the unmonitored run",
        "high", _times, lambda cell: cell.speed,
    ),
    Figure(
        "used", "in use", "working set as damon report wss tells it, median of the windows",
        "", _mib, _seen(lambda one: None if one.accuracy else one.wss),
    ),
    Figure(
        "user_share", "user", "CPU of the monitor in its own code, of one CPU",
        "low", _percent, _seen(lambda one: one.cost.user_ns / max(1, one.cost.span_ns)),
    ),
    Figure(
        "system_share", "system", "CPU of the kernel in the monitor's name, of one CPU",
        "low", _percent, _seen(lambda one: one.cost.system_ns / max(1, one.cost.span_ns)),
    ),
    Figure(
        "target_share", "charged", "CPU that it says it has cost others, the target, of one CPU",
        "low", _percent, _seen(lambda one: one.target_cpu_share),
    ),
    Figure(
        "prepare_s", "prepare", "CPU time to prepare one sample, for 1 GiB of the areas' pages",
        "low", _milliseconds, _per_gib(lambda cost: cost.prepare_ns),
    ),
    Figure(
        "check_s", "check", "CPU time to check one sample, for 1 GiB of the areas' pages",
        "low", _milliseconds, _per_gib(lambda cost: cost.check_ns),
    ),
    Figure(
        "sample_s", "sample", "sampling interval that the CPU quota allowed",
        "low", _seconds, _seen(lambda one: one.sample_us / 1e6),
    ),
    Figure(
        "nr_reports", "reports", "access reports, each page of a bitmap counted",
        "", _whole, _seen(lambda one: float(one.nr_reports)),
    ),
    Figure(
        "nr_lost", "lost", "reports lost",
        "low", _whole, _seen(lambda one: float(one.nr_lost)),
    ),
    Figure(
        "max_rss", "memory", "resident memory of the monitor at its largest, Python included",
        "low", _mib, _seen(lambda one: float(one.cost.max_rss)),
    ),
)  # fmt: skip
"""In the order of the table."""
