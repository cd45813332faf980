"""The sources of a context: its primitives, each with its context, its reports and its counters."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence

from .errors import ConfigError
from .matcher import Matcher
from .model import Intervals, Ops
from .pace import nr_samples_for
from .primitive import PrimitiveContext, Primitives
from .regions import MAX_SOURCES, RegionMap
from .reports import ReportBuffer
from .snapshot import SourceState
from .spec import ContextSpec
from .target_table import TargetTable


class Sources:
    """Drives the primitives through a run, and knows which still work.

    ``note`` takes one-line messages for the user, ``charge`` CPU time that the targets pay and
    that longer intervals save.  ConfigError for none, or too many, primitives.
    """

    def __init__(
        self,
        primitives: Primitives,
        spec: ContextSpec,
        note: Callable[[str], None],
        charge: Callable[[int], None],
    ) -> None:
        if not 1 <= len(primitives.names) <= MAX_SOURCES:
            raise ConfigError(
                f"{len(primitives.names)} primitives in one context: 1 to {MAX_SOURCES} can be used"
            )
        self._primitives = primitives
        self._note = note
        self._charge = charge
        self._failed: set[str] = set()
        self._matcher = Matcher(physical=spec.ops is Ops.PADDR)
        self._buffer = ReportBuffer(
            self._matcher, len(primitives.names), spec.nr_reports_min, spec.nr_reports_max
        )
        self._ctxs: tuple[PrimitiveContext, ...] = ()
        self.select_reports(spec)
        self.share(spec.cpu_quota)

    def select_reports(self, spec: ContextSpec) -> None:
        """Use the filters and the match rule of ``spec`` from the next tick on."""
        self._matcher.set_filters(spec.filters)
        self._matcher.set_match(spec.match, mmap.PAGESIZE)
        self._filters = spec.filters
        for ctx in self._ctxs:
            ctx.filters = spec.filters

    def share(self, cpu_quota: float) -> None:
        """Share out a CPU quota, in CPUs, from the next tick on."""
        self._cpu_quota = cpu_quota / len(self._primitives.names)
        for ctx in self._ctxs:
            ctx.cpu_quota = self._cpu_quota

    def init(self, ops: Ops, intervals: Intervals, table: TargetTable) -> None:
        """Start all primitives; PrimitiveError if one cannot."""
        self._ctxs = tuple(
            PrimitiveContext(
                name=name,
                ops=ops,
                intervals=intervals,
                page_size=mmap.PAGESIZE,
                reports=reports,
                targets=tuple(table.targets),
                tell=self._note,
                filters=self._filters,
                cpu_quota=self._cpu_quota,
                pace_charge=self._charge,
            )
            for name, reports in zip(self._primitives.names, self._buffer.sources, strict=True)
        )
        self._buffer.set_slots(table.slots)
        self._primitives.init(self._ctxs)

    def use(self, intervals: Intervals) -> None:
        for ctx in self._ctxs:
            ctx.intervals = intervals

    def update_targets(self, table: TargetTable) -> None:
        """Tell the primitives which targets there are, and that their ranges may have changed."""
        self._buffer.set_slots(table.slots)
        for ctx in self._ctxs:
            ctx.targets = tuple(table.targets)
        self._primitives.update_targets()

    def prepare(self) -> None:
        self._primitives.prepare()

    def check(self, regions: RegionMap, not_before_ns: int) -> None:
        """Take all reports of a tick to the regions; exact times before that are stale."""
        self._buffer.begin_tick(regions, not_before_ns)
        self._primitives.check()
        self._buffer.end_tick()

    def cleanup(self) -> None:
        self._primitives.cleanup()

    def notice_failures(self) -> bool:
        """Note the primitives that were stopped since the last call; whether any still works."""
        failures = self._primitives.failures()
        if not any(failures):
            return True
        for name, failure in zip(self._primitives.names, failures, strict=True):
            if failure is not None and name not in self._failed:
                self._failed.add(name)
                self._note(f"primitive {name} has been stopped: {failure}")
        return len(self._failed) < len(failures)

    @property
    def failures(self) -> Sequence[str]:
        """Why primitives were stopped, in one line each."""
        pairs = zip(self._primitives.names, self._primitives.failures(), strict=True)
        return [f"{name}: {failure}" for name, failure in pairs if failure is not None]

    @property
    def nr_samples(self) -> int:
        """Sampling intervals that a window needs under automatic intervals."""
        return nr_samples_for({provides.granularity for provides in self._primitives.provides()})

    @property
    def charges(self) -> bool:
        """Whether a primitive costs the targets so much that intervals had better begin long."""
        return any(provides.charges for provides in self._primitives.provides())

    @property
    def sees_every_page(self) -> bool:
        """Whether a working primitive knows of every page whether it was accessed."""
        pairs = zip(self._primitives.provides(), self._primitives.failures(), strict=True)
        return any(p.granularity == "page" and failure is None for p, failure in pairs)

    def take_states(self) -> tuple[SourceState, ...]:
        """Each primitive, with its counters and what it has charged since the last call."""
        states = tuple(
            SourceState(
                ctx.name,
                ctx.mechanism,
                counters,
                dict(ctx.counters),
                failure,
                ctx.target_cpu_ns,
            )
            for ctx, counters, failure in zip(
                self._ctxs, self._buffer.take_counters(), self._primitives.failures(), strict=True
            )
        )
        for ctx in self._ctxs:
            ctx.target_cpu_ns = 0
        return states
