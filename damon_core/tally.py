"""Sums over the snapshots of one context, for progress and the summary at the end."""

from __future__ import annotations

from collections import Counter

import attrs
from attrs import define, field

from .snapshot import Snapshot, SourceCounters

COUNTERS = tuple(one.name for one in attrs.fields(SourceCounters))


@define(eq=False)
class Tally:
    """What the snapshots so far add up to; ``reports`` by name of SourceCounters."""

    nr_snapshots: int = 0
    nr_regions: int = 0
    cpu_ns: int = 0
    start_ns: int = 0
    end_ns: int = 0
    reports: Counter[str] = field(factory=Counter)
    failures: dict[str, str] = field(factory=dict)
    mechanisms: dict[str, str] = field(factory=dict)

    def add(self, snapshot: Snapshot) -> None:
        """Count one more snapshot in."""
        self.nr_snapshots += 1
        self.nr_regions = len(snapshot.regions)
        self.cpu_ns += snapshot.cpu_ns
        self.start_ns = self.start_ns or snapshot.start_ns
        self.end_ns = snapshot.end_ns
        for source in snapshot.sources:
            self.reports.update({name: getattr(source.counters, name) for name in COUNTERS})
            self.mechanisms[source.name] = source.mechanism
            if source.failure:
                self.failures[source.name] = source.failure

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
