"""What a primitive is given and what it says of itself: the whole surface a plugin author needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from attrs import define, field, frozen

if TYPE_CHECKING:
    import numpy as np

    from .access import AccessReport
    from .model import Intervals, Ops, SampleFilter
    from .reports import SourceReports
    from .target import Target


@frozen
class Provides:
    """What reports of this primitive can tell.

    ``granularity``: "page" (every page, in each sample), "region" (one sampled page per region),
    "event" (single accesses as they happen), "mapping" (whole mappings).
    ``write`` / ``cpu`` / ``tid``: reports carry direction / processor / thread.
    ``disturbs``: one line on what it changes in the target or the system, "" for nothing.
    ``clears``: looking clears what it looks at, so that who looks at the same memory too sees less.
    ``charges``: each look costs others so much that automatic intervals had better begin long;
    ``PrimitiveContext.charge`` then says how much.
    """

    granularity: str = "event"
    write: bool = False
    cpu: bool = False
    tid: bool = False
    disturbs: str = ""
    clears: bool = False
    charges: bool = False


@frozen
class Availability:
    """Answer of ``probe(ops)``: usable on this machine, and by which mechanism, or what is missing.

    ``missing`` names the exact kernel option, capability or sysctl; ``remedy`` how to get it.
    ``mechanisms`` maps each mechanism the primitive knows to "" (usable) or what it lacks;
    ``provides`` is what the one it would use can tell, None if the class says it.
    """

    usable: bool
    mechanism: str = ""
    missing: str = ""
    remedy: str = ""
    mechanisms: dict[str, str] = field(factory=dict)
    provides: Provides | None = None


@define(eq=False)
class PrimitiveContext:
    """What the hooks of one primitive see of its monitoring context.

    ``targets`` is the list now; it changes only before ``damon_update_targets``.
    ``intervals`` are the ones in force.  ``filters`` are applied by the core; they tell what is
    wanted of the reports: direction, thread, CPU.  ``mechanism`` is for the primitive to set in
    ``damon_init``: it is shown and recorded.  ``cpu_quota`` is the share of one CPU that is for
    this primitive, with what the kernel does for it: the context's, shared out evenly.
    ``target_cpu_ns`` is what it has charged since the last snapshot.
    """

    name: str
    ops: Ops
    intervals: Intervals
    page_size: int
    reports: SourceReports
    targets: Sequence[Target] = ()
    mechanism: str = ""
    counters: dict[str, int] = field(factory=dict)
    _tell: Callable[[str], None] = field(default=lambda text: None, repr=False)
    filters: tuple[SampleFilter, ...] = ()
    cpu_quota: float = 1.0
    target_cpu_ns: int = 0
    _pace_charge: Callable[[int], None] = field(default=lambda ns: None, repr=False)

    def damon_report_access(self, report: AccessReport | np.ndarray) -> None:
        """Report one access, or an array of REPORT_DTYPE, from any thread at any time."""
        self.reports.report_access(report)

    def count(self, name: str, nr: int = 1) -> None:
        """Add to a counter of the primitive's own; users see it, recordings keep it."""
        self.counters[name] = self.counters.get(name, 0) + nr

    def charge(self, cpu_ns: int, *, paced: bool = True) -> None:
        """Add CPU time that monitoring has cost others, the targets as a rule, since the last call.

        Shown and recorded beside the monitor's own.  Intervals are lengthened until both together
        keep the quota; ``paced`` False for what a longer interval would not lessen, as of sampled
        events.  From the hooks only.  ValueError below 0.
        """
        if cpu_ns < 0:
            raise ValueError(f"charge of {cpu_ns} ns: 0 or more is needed")
        self.target_cpu_ns += int(cpu_ns)
        if paced:
            self._pace_charge(int(cpu_ns))

    def tell(self, text: str) -> None:
        """Tell the user something once, in one line."""
        self._tell(f"{self.name}: {text}")


class Primitives(Protocol):
    """The enabled primitives of a context, as the monitoring loop needs them."""

    names: tuple[str, ...]

    def init(self, ctxs: Sequence[PrimitiveContext]) -> None:
        """One context each, in the order of ``names``; PrimitiveError: it must not start."""

    def update_targets(self) -> None: ...

    def prepare(self) -> None: ...

    def check(self) -> None: ...

    def cleanup(self) -> None:
        """End all; idempotent."""

    def failures(self) -> tuple[str | None, ...]:
        """For each why it was stopped, or None."""
        ...

    def provides(self) -> tuple[Provides, ...]:
        """For each what its reports can tell; valid after :meth:`init`."""
        ...
