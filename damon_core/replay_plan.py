"""What of a file of samples is monitored, and in which intervals, where the user does not say."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from .errors import ConfigError, RecordError
from .model import AddrRange, Intervals
from .ops import align_down, align_up
from .perf_data.file import only_aux
from .replay_targets import ReplayTarget
from .report.text import printable
from .spans import Spans
from .units import format_time_us

if TYPE_CHECKING:
    from .perf_data.survey import Survey

NR_SAMPLES = 20
"""Sampling intervals of a window."""

MIN_WINDOWS, MAX_WINDOWS = 10, 200
_SAMPLES_PER_WINDOW = 200
_MAX_TICKS = 5_000_000
_MAX_SPAN_NS = 10 * 365 * 86_400 * 10**9
_WIDE_GAP, _MAX_RANGES = 64 << 20, 32
_SHOWN = 5


def check_span(path: str, survey: Survey) -> None:
    """RecordError unless there are samples, at times that can be of one recording."""
    if not survey.nr_samples:
        counts = survey.counts
        if counts.aux_bytes:
            raise RecordError(only_aux(path))
        raise RecordError(
            f"{path}: has no sample with an address that can be used: {counts.samples:,} samples, "
            f"of them {counts.counts.no_address:,} without an address, {counts.counts.kernel:,} of "
            f"the kernel, {counts.counts.no_access:,} of no memory access, "
            f"{counts.counts.prefetches:,} of prefetches, "
            f"{counts.other_event + counts.unknown_event:,} of other events"
        )
    if survey.last_ns - survey.first_ns > _MAX_SPAN_NS:
        raise RecordError(
            f"{path}: its samples are of {survey.first_ns} ns to {survey.last_ns} ns: more than "
            "ten years, so that some of these times are wrong"
        )


def choose_pids(path: str, survey: Survey, asked: Sequence[int]) -> tuple[int, ...]:
    """The processes that are asked for, or else that with most samples; RecordError: not there."""
    found = {one.pid: one.nr_samples for one in survey.processes if one.pid > 0}
    if not found:
        raise RecordError(
            f"{path}: its samples do not tell their process: use --target paddr, or record with TID"
        )
    for pid in asked:
        if pid not in found:
            raise RecordError(f"{path}: has no samples of process {pid}, but {_most(survey)}")
    return tuple(dict.fromkeys(asked)) or (next(iter(found)),)


def _most(survey: Survey) -> str:
    processes = [one for one in survey.processes if one.pid > 0]
    shown = [f"{one.nr_samples:,} of {_named(survey, one.pid)}" for one in processes[:_SHOWN]]
    rest = len(processes) - len(shown)
    return ", ".join(shown) + (f", and {rest:,} processes more" if rest else "")


def _named(survey: Survey, pid: int) -> str:
    comm = printable(survey.tasks.comm_of(pid))
    return f"{pid} ({comm})" if comm else str(pid)


def targets_note(survey: Survey, pids: Sequence[int], asked: Sequence[int]) -> str:
    """Which processes are monitored, and why, in one line."""
    nr = sum(one.nr_samples for one in survey.processes if one.pid in pids)
    names = ", ".join(f"process {_named(survey, pid)}" for pid in pids)
    of = f"{nr:,} of the {survey.nr_samples:,} samples with an address are of it"
    if asked or len(survey.processes) == 1:
        return f"monitoring {names}: {of}"
    return f"monitoring {names}, which was sampled most (--target chooses others): {_most(survey)}"


def choose_targets(
    survey: Survey, pids: Sequence[int], min_region_sz: int, *, mappings: bool
) -> list[ReplayTarget]:
    """The targets, around where they were sampled and, if ``mappings``, what they had mapped."""
    targets = []
    for pid in pids:
        mapped = survey.tasks.mappings_of(pid)
        ranges = [(one.start, one.end) for one in survey.places_of(pid)]
        if mappings:
            ranges += [(one.range.start, one.range.end) for one in mapped]
        targets.append(
            ReplayTarget(
                pid,
                survey.tasks.comm_of(pid),
                ranges_around(Spans.of(ranges), min_region_sz),
                tuple(mapped),
            )
        )
    return targets


def physical_target(survey: Survey, min_region_sz: int) -> ReplayTarget:
    """Physical memory, around where it was sampled."""
    ranges = ranges_around(survey.places_of(0), min_region_sz)
    return ReplayTarget(0, "physical memory", ranges)


def ranges_around(places: Spans, min_region_sz: int) -> tuple[AddrRange, ...]:
    """Ranges that hold all places, apart by gaps of 64 MiB or more, the widest if many.

    What lies between was neither sampled nor near it: three ranges, as for a process that runs,
    would be mostly gaps where it has executed several programs, each laid out elsewhere.
    """
    bounds = [
        (align_down(one.start, min_region_sz), align_up(one.end, min_region_sz)) for one in places
    ]
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(bounds)]
    wide = (index for index, gap in enumerate(gaps) if gap >= _WIDE_GAP)
    cuts = sorted(sorted(wide, key=lambda index: -gaps[index])[: _MAX_RANGES - 1])
    firsts = [0, *(index + 1 for index in cuts)]
    lasts = [*cuts, len(bounds) - 1]
    return tuple(
        AddrRange(bounds[first][0], bounds[last][1])
        for first, last in zip(firsts if bounds else [], lasts, strict=bool(bounds))
    )


def choose_intervals(survey: Survey, pids: Sequence[int] = ()) -> Intervals:
    """Windows that divide the time of the file, so many that each has samples of these processes.

    Of all processes without any.
    """
    nr_of_them = sum(one.nr_samples for one in survey.processes if one.pid in pids)
    nr_samples = nr_of_them if pids else survey.nr_samples
    span_us = (survey.last_ns - survey.first_ns) // 1000 + 1
    nr_windows = min(max(nr_samples // _SAMPLES_PER_WINDOW, MIN_WINDOWS), MAX_WINDOWS)
    sample_us = -(-span_us // (nr_windows * NR_SAMPLES))
    aggr_us = sample_us * NR_SAMPLES
    return Intervals(sample_us, aggr_us, max(1_000_000, aggr_us))


def check_intervals(survey: Survey, intervals: Intervals) -> None:
    """ConfigError for sampling intervals of which the file would have too many."""
    span_us = (survey.last_ns - survey.first_ns) // 1000 + 1
    if span_us // intervals.sample_us > _MAX_TICKS:
        least = format_time_us(-(-span_us // _MAX_TICKS))
        raise ConfigError(
            f"a sampling interval of {format_time_us(intervals.sample_us)} makes "
            f"{span_us // intervals.sample_us:,} of the {span_us / 1e6:,.0f} s of the file: "
            f"ask for {least} or more"
        )
