"""The JSON of damo's recordings: a list of records, each the windows of one target."""

from __future__ import annotations

from typing import Any

from ..errors import RecordError
from .damo_series import (
    AGE_US,
    NO_AGE,
    PERCENT,
    DamoIntervals,
    DamoSeries,
    SeriesKey,
    number,
    time_ns,
    time_us,
    whole,
)
from .json_stream import JsonStream

MAX_RECORDS = 2**16
MAX_WINDOWS = 2**22

EXTRAS = ("x_ops", "x_pid", "x_comm", "x_primitives", "x_host", "x_kernel")
"""What our own writer adds to a record."""

_MAX_TEXT = 256
_MAX_LIST = 64

_COMING = ("damo_records", "damon_records", "record_list")
"""Where the list is in the form that damo's versions to come will write."""


def read_json(stream: JsonStream) -> list[DamoSeries]:
    """All records of a file; RecordError if it is no recording of damo."""
    series: list[DamoSeries] = []
    _find_list(stream, _COMING, series)
    stream.end()
    return series


def _find_list(stream: JsonStream, path: tuple[str, ...], series: list[DamoSeries]) -> None:
    if stream.begins() == "[":
        nr_windows = 0
        for _ in stream.items():
            series.append(_read_record(stream, MAX_WINDOWS - nr_windows))
            nr_windows += len(series[-1])
            if len(series) > MAX_RECORDS:
                raise RecordError(f"has more than {MAX_RECORDS} records: it is no recording")
        return
    found = False
    for key in stream.members():
        if path and key == path[0]:
            found = True
            _find_list(stream, path[1:], series)
        else:
            stream.value()
    if not found:
        raise RecordError(f"is no recording of damo: it has no {(path or _COMING[-1:])[0]!r}")


def _read_record(stream: JsonStream, max_windows: int) -> DamoSeries:
    series = DamoSeries()
    head: dict[str, Any] = {}
    for key in stream.members():
        if key != "snapshots":
            head[key] = stream.value()
            continue
        for _ in stream.items():
            _read_window(stream, series)
            if len(series) > max_windows:
                raise RecordError(f"has more than {MAX_WINDOWS} snapshots: it is no recording")
    if "target_id" not in head:
        raise RecordError("is no recording of damo: a record without 'target_id'")
    target_id = head["target_id"]
    if target_id is not None and type(target_id) not in (int, str):
        raise RecordError(f"got {str(target_id)[:40]!r} as target_id, expected a number")
    series.key = SeriesKey(
        whole(head.get("kdamond_idx") or 0, "kdamond_idx"),
        whole(head.get("context_idx") or 0, "context_idx"),
        None if head.get("scheme_idx") is None else whole(head["scheme_idx"], "scheme_idx"),
        target_id,
    )
    series.intervals = _intervals(head.get("intervals"))
    series.extras = {key: _bounded(head[key]) for key in EXTRAS if key in head}
    if head.get("scheme_filters"):
        series.remarks["scheme_filters of a record: left out"] += 1
    if head.get("data_source") not in (None, "unknown"):
        series.extras["data_source"] = _bounded(str(head["data_source"]))
    return series


def _bounded(value: Any) -> Any:
    """A value of a size that can be kept for each record."""
    if isinstance(value, list):
        return [_bounded(one) for one in value[:_MAX_LIST] if isinstance(one, str)]
    return value[:_MAX_TEXT] if isinstance(value, str) else value if type(value) is int else None


def _intervals(given: Any) -> DamoIntervals | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise RecordError(f"got {str(given)[:40]!r} as intervals, expected an object")
    names = ("sample_us", "aggr_us", "ops_update_us")
    sample_us, aggr_us, ops_update_us = (time_us(given.get(name, 0), name) for name in names)
    if not 0 < sample_us <= aggr_us < 2**53:
        return None
    return DamoIntervals(sample_us, aggr_us, min(ops_update_us, 2**53))


def _read_window(stream: JsonStream, series: DamoSeries) -> None:
    facts: dict[str, Any] = {}
    series.begin_window()
    for key in stream.members():
        if key != "regions":
            facts[key] = stream.value()
            continue
        for _ in stream.items():
            _take_region(stream.value(), series)
    if "start_time" not in facts or "end_time" not in facts:
        raise RecordError("is no recording of damo: a snapshot without start_time and end_time")
    series.end_window(
        time_ns(facts["start_time"], "start_time"), time_ns(facts["end_time"], "end_time")
    )
    if facts.get("damos_stats"):
        series.remarks["damos_stats of a snapshot: left out"] += 1


def _take_region(region: Any, series: DamoSeries) -> None:
    if not isinstance(region, dict):
        raise RecordError(f"got {str(region)[:40]!r} as a region, expected an object")
    start, end = whole(region.get("start"), "start"), whole(region.get("end"), "end")
    accesses, age = region.get("nr_accesses"), region.get("age")
    if start >= end:
        series.remarks["regions without a size: left out"] += 1
        return
    if not isinstance(accesses, dict) or accesses.keys().isdisjoint(("samples", "percent")):
        series.remarks["regions without nr_accesses: left out"] += 1
        return
    flags = 0
    if accesses.get("samples") is not None:
        nr = number(accesses["samples"], "samples")
    elif accesses.get("percent") is not None:
        nr = number(accesses["percent"], "percent")
        flags = PERCENT
    else:
        series.remarks["regions without nr_accesses: left out"] += 1
        return
    known_age = age if isinstance(age, dict) else {}
    if known_age.get("aggr_intervals") is not None:
        length = number(known_age["aggr_intervals"], "aggr_intervals")
    elif known_age.get("usec") is not None:
        length = time_us(known_age["usec"], "usec")
        flags |= AGE_US
    else:
        length = 0
        flags |= NO_AGE
    told = region.get("x_accessed_bytes")
    series.add(start, end, nr, length, flags, -1 if told is None else number(told, "bytes"))
    _take_hits(region.get("x_hits"), series)
    if any(region.get("probe_hits") or ()):
        series.remarks["probe_hits of a region: left out"] += 1
    if region.get("sz_filter_passed") not in (None, 0, "0", "0 B"):
        series.remarks["sz_filter_passed of a region: left out"] += 1


def _take_hits(hits: Any, series: DamoSeries) -> None:
    if isinstance(hits, list):
        series.hits.extend(whole(nr, "hits") for nr in hits)
