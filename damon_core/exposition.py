"""What is exposed of running contexts to Prometheus: names, labels, and their present values."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib.metadata import version

from attrs import define, field, frozen

from .monitored_context import MonitoredContext
from .snapshot import Snapshot
from .tally import COUNTERS, Tally
from .target_sizes import TargetSizes

COLD_US = {"10s": 10_000_000, "1m": 60_000_000, "10m": 600_000_000, "1h": 3_600_000_000}
"""For how long memory must have been idle to be cold: values of the label ``idle``."""

Sample = tuple[tuple[str, ...], float]
"""Values of a family's labels, and the value."""


@frozen
class Family:
    """A metric: ``kind`` is gauge or counter; a counter's name ends in _total."""

    name: str
    kind: str
    labels: tuple[str, ...]
    doc: str


_CONTEXT = ("context",)
_TARGET = ("context", "target", "pid", "comm")
_PRIMITIVE = ("context", "primitive")

FAMILIES = {
    name: Family(name, "counter" if name.endswith("_total") else "gauge", labels, doc)
    for name, labels, doc in (
        ("damon_info", ("version",), "Always 1; the version of damon-core."),
        (
            "damon_context_info",
            ("context", "ops", "match"),
            "Always 1; what a context monitors. Its name is empty where there is only one.",
        ),
        (
            "damon_primitive_info",
            ("context", "primitive", "version", "mechanism"),
            "Always 1; how a primitive sees accesses.",
        ),
        ("damon_context_up", _CONTEXT, "1 while the context is monitored, 0 once it has ended."),
        (
            "damon_primitive_up",
            _PRIMITIVE,
            "1 while the primitive works, 0 once it has failed and was stopped.",
        ),
        (
            "damon_target_working_set_bytes",
            _TARGET,
            "Bytes accessed in a sampling interval, mean of the window; where no primitive can "
            "tell these, whole regions that were accessed in the window.",
        ),
        (
            "damon_target_hot_bytes",
            _TARGET,
            "Bytes in regions that were accessed in the window.",
        ),
        (
            "damon_target_cold_bytes",
            (*_TARGET, "idle"),
            "Bytes in regions that were not accessed for at least the time in the label idle, "
            "addresses that never had a page included. "
            f"One value each for {', '.join(COLD_US)}, the longer contained in the shorter: "
            "do not add them up.",
        ),
        ("damon_target_monitored_bytes", _TARGET, "Bytes in regions: all that is watched."),
        ("damon_target_rss_bytes", _TARGET, "Resident set size, of processes."),
        ("damon_target_regions", _TARGET, "Number of regions (nr_regions)."),
        ("damon_targets", _CONTEXT, "Number of targets that are alive."),
        (
            "damon_reports_total",
            (*_PRIMITIVE, "outcome"),
            f"Access reports by what became of them: {', '.join(COUNTERS)}. Each report is in "
            "exactly one; lost ones found the buffer full.",
        ),
        (
            "damon_primitive_counter_total",
            (*_PRIMITIVE, "counter"),
            "The primitive's own counters, such as what the kernel dropped; see its README.",
        ),
        ("damon_snapshots_total", _CONTEXT, "Aggregation intervals that have ended."),
        ("damon_samples_total", _CONTEXT, "Sampling intervals that have ended."),
        (
            "damon_late_samples_total",
            _CONTEXT,
            "Sampling intervals that began late, as the one before took too long.",
        ),
        (
            "damon_cpu_seconds_total",
            _CONTEXT,
            "CPU time of monitoring, the kernel's work on its behalf included.",
        ),
        (
            "damon_target_cpu_seconds_total",
            _PRIMITIVE,
            "CPU time that monitoring has cost others, the targets as a rule, such as faults and "
            "samples, by the primitive's own account.",
        ),
        (
            "damon_cpu_quota_ratio",
            _CONTEXT,
            "The part of one CPU that monitoring may take, in the targets too.",
        ),
        (
            "damon_sampling_interval_seconds",
            _CONTEXT,
            "As really kept: the mean of the window.",
        ),
        (
            "damon_aggregation_interval_seconds",
            _CONTEXT,
            "As really kept: the length of the window.",
        ),
        ("damon_ops_update_interval_seconds", _CONTEXT, "Between looks for changed mappings."),
        (
            "damon_last_snapshot_timestamp_seconds",
            _CONTEXT,
            "When the last window ended, Unix time: its age says how fresh the values are.",
        ),
    )
}
"""All metrics by name."""


@define(eq=False)
class _Exposed:
    """One context: its last snapshot, and the sums over all."""

    context: MonitoredContext
    versions: dict[str, str]
    snapshot: Snapshot
    tally: Tally = field(factory=Tally)


class Exposition:
    """Takes snapshots from monitoring threads; any thread may ask for the values meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contexts: dict[int, _Exposed] = {}

    def take(self, context: MonitoredContext, snapshot: Snapshot) -> None:
        """Expose a new snapshot."""
        exposed = self._contexts.get(id(context))
        if exposed is None:
            versions = {one.name: one.version for one in context.header().primitives}
            exposed = _Exposed(context, versions, snapshot)
        with self._lock:
            self._contexts[id(context)] = exposed
            exposed.snapshot = snapshot
            exposed.tally.add(snapshot)

    def values(self) -> dict[str, list[Sample]]:
        """The samples of each family that has any, all of the same moment."""
        samples: dict[str, list[Sample]] = {"damon_info": [((version("damon-core"),), 1)]}
        with self._lock:
            for exposed in self._contexts.values():
                for name, labels, value in _samples_of(exposed):
                    whose = (exposed.context.config.name, *labels)
                    samples.setdefault(name, []).append((whose, value))
        return samples


def _samples_of(exposed: _Exposed) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Name, labels but for the context, value."""
    context, snapshot, tally = exposed.context, exposed.snapshot, exposed.tally
    spec = context.config.spec
    intervals = snapshot.intervals
    yield "damon_context_info", (spec.ops.value, spec.match.value), 1
    yield "damon_context_up", (), float(context.ending is None and context.error is None)
    yield "damon_targets", (), sum(target.alive for target in snapshot.targets)
    yield "damon_snapshots_total", (), tally.nr_snapshots
    yield "damon_samples_total", (), tally.nr_samples
    yield "damon_late_samples_total", (), tally.nr_late
    yield "damon_cpu_seconds_total", (), tally.cpu_ns / 1e9
    yield "damon_cpu_quota_ratio", (), spec.cpu_quota
    yield "damon_sampling_interval_seconds", (), intervals.sample_us / 1e6
    yield "damon_aggregation_interval_seconds", (), intervals.aggr_us / 1e6
    yield "damon_ops_update_interval_seconds", (), intervals.ops_update_us / 1e6
    yield "damon_last_snapshot_timestamp_seconds", (), snapshot.end_ns / 1e9
    for source in snapshot.sources:
        name = source.name
        yield "damon_primitive_info", (name, exposed.versions.get(name, ""), source.mechanism), 1
        yield "damon_primitive_up", (name,), float(source.failure is None)
        charged_s = tally.target_cpu_ns_of[name] / 1e9
        yield "damon_target_cpu_seconds_total", (name,), charged_s
        for outcome in COUNTERS:
            yield "damon_reports_total", (name, outcome), tally.reports_of[name][outcome]
        for counter, value in source.own.items():
            yield "damon_primitive_counter_total", (name, counter), value
    yield from _sizes_of(snapshot)


def _sizes_of(snapshot: Snapshot) -> Iterator[tuple[str, tuple[str, ...], float]]:
    sizes = TargetSizes(snapshot)
    cold = {idle: sizes.cold(idle_us) for idle, idle_us in COLD_US.items()}
    for slot, target in enumerate(snapshot.targets):
        comm = target.comm.encode(errors="replace").decode()
        whose = (str(target.index), str(target.pid), comm)
        yield "damon_target_working_set_bytes", whose, sizes.working_set[slot]
        yield "damon_target_hot_bytes", whose, sizes.hot[slot]
        yield "damon_target_monitored_bytes", whose, sizes.monitored[slot]
        yield "damon_target_regions", whose, sizes.nr_regions[slot]
        if target.rss is not None:
            yield "damon_target_rss_bytes", whose, target.rss
        for idle, of_targets in cold.items():
            yield "damon_target_cold_bytes", (*whose, idle), of_targets[slot]
