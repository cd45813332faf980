"""Sums over the snapshots of one context, for progress, metrics and the summary at the end."""

from __future__ import annotations

from collections import Counter

import attrs
from attrs import define, field

from .snapshot import Snapshot, SourceCounters

COUNTERS = tuple(one.name for one in attrs.fields(SourceCounters))


@define(eq=False)
class Tally:
    """What the snapshots so far add up to; ``reports_of`` primitives by name of SourceCounters,
    ``target_cpu_ns_of`` primitives what they have charged."""

    nr_snapshots: int = 0
    nr_regions: int = 0
    nr_samples: int = 0
    nr_late: int = 0
    cpu_ns: int = 0
    target_cpu_ns_of: Counter[str] = field(factory=Counter)
    start_ns: int = 0
    end_ns: int = 0
    reports_of: dict[str, Counter[str]] = field(factory=dict)
    failures: dict[str, str] = field(factory=dict)
    mechanisms: dict[str, str] = field(factory=dict)

    def add(self, snapshot: Snapshot) -> None:
        """Count one more snapshot in."""
        self.nr_snapshots += 1
        self.nr_regions = len(snapshot.regions)
        self.nr_samples += snapshot.nr_samples
        self.nr_late += snapshot.nr_late
        self.cpu_ns += snapshot.cpu_ns
        self.start_ns = self.start_ns or snapshot.start_ns
        self.end_ns = snapshot.end_ns
        for source in snapshot.sources:
            reports = self.reports_of.setdefault(source.name, Counter())
            reports.update({name: getattr(source.counters, name) for name in COUNTERS})
            self.target_cpu_ns_of[source.name] += source.target_cpu_ns
            self.mechanisms[source.name] = source.mechanism
            if source.failure:
                self.failures[source.name] = source.failure

    @property
    def reports(self) -> Counter[str]:
        """Reports of all primitives, by name of SourceCounters."""
        return sum(self.reports_of.values(), Counter())

    @property
    def nr_reports(self) -> int:
        """All reports, whatever became of them."""
        return sum(self.reports.values())

    @property
    def span_ns(self) -> int:
        """From the start of the first to the end of the last snapshot."""
        return max(0, self.end_ns - self.start_ns)

    @property
    def cpu_share(self) -> float:
        """CPU time of monitoring as a share of one CPU."""
        return self.cpu_ns / self.span_ns if self.span_ns else 0.0

    @property
    def target_cpu_share(self) -> float:
        """CPU time that monitoring cost others, as the primitives say, in shares of one CPU."""
        return self.target_cpu_ns_of.total() / self.span_ns if self.span_ns else 0.0
