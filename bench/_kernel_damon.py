"""The kernel's own DAMON through sysfs and tracefs: only ever inside a VM of ours."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from _vm import in_guest
from attrs import frozen

from damon_core.model import AddrRange, Intervals, NrRegions, Ops
from damon_core.spans import Spans

ADMIN = Path("/sys/kernel/mm/damon/admin/kdamonds")
TRACING = Path("/sys/kernel/tracing")
CONTEXT = "0/contexts/0"

_AGGREGATED = re.compile(
    r" (\d+)\.(\d+): damon_aggregated: target_id=\d+ nr_regions=(\d+) (\d+)-(\d+): (\d+) "
)
_DURATION = re.compile(r"([\d.]+) us +\| +(?:\} /\* )?(damon_\w+)")


@frozen(eq=False)
class KernelWindow:
    """One aggregation interval: CLOCK_MONOTONIC nanoseconds, and what was accessed in it."""

    start_ns: int
    end_ns: int
    nr_regions: int
    accessed: Spans


class KernelDamon:
    """One context of the kernel's DAMON; it runs until it is left.

    ``ranges`` are what is monitored of physical memory, each of them a region at first; for a
    process they are not given.
    """

    def __init__(
        self,
        pid: int,
        intervals: Intervals,
        limits: NrRegions,
        ranges: Sequence[AddrRange] = (),
    ) -> None:
        assert in_guest(), "never on a host"
        self._write("nr_kdamonds", 1)
        self._write("0/contexts/nr_contexts", 1)
        self._write(f"{CONTEXT}/operations", Ops.PADDR.value if ranges else Ops.VADDR.value)
        attributes = f"{CONTEXT}/monitoring_attrs"
        self._write(f"{attributes}/intervals/sample_us", intervals.sample_us)
        self._write(f"{attributes}/intervals/aggr_us", intervals.aggr_us)
        self._write(f"{attributes}/intervals/update_us", intervals.ops_update_us)
        # the largest first: at every moment min must not be above max
        self._write(f"{attributes}/nr_regions/max", limits.max)
        self._write(f"{attributes}/nr_regions/min", limits.min)
        self._write(f"{CONTEXT}/targets/nr_targets", 1)
        if ranges:
            self._write(f"{CONTEXT}/targets/0/regions/nr_regions", len(ranges))
            for number, one in enumerate(ranges):
                self._write(f"{CONTEXT}/targets/0/regions/{number}/start", one.start)
                self._write(f"{CONTEXT}/targets/0/regions/{number}/end", one.end)
        else:
            self._write(f"{CONTEXT}/targets/0/pid_target", pid)

    def __enter__(self) -> KernelDamon:
        self._write("0/state", "on")
        self._pid = int((ADMIN / "0/pid").read_text())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._write("0/state", "off")
        self._write("nr_kdamonds", 0)

    def cpu_s(self) -> float:
        """CPU time of its thread so far."""
        return int(Path(f"/proc/{self._pid}/schedstat").read_text().split()[0]) / 1e9

    def _write(self, path: str, value: object) -> None:
        (ADMIN / path).write_text(str(value))


class WindowTrace:
    """What the kernel's DAMON says at the end of each aggregation, while this is entered."""

    def __init__(self) -> None:
        assert in_guest(), "never on a host"
        self._folder = TRACING / "instances" / "damon"

    def __enter__(self) -> WindowTrace:
        self._folder.mkdir()
        (self._folder / "buffer_size_kb").write_text("16384")
        (self._folder / "trace_clock").write_text("mono")
        (self._folder / "events/damon/damon_aggregated/enable").write_text("1")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        (self._folder / "events/damon/damon_aggregated/enable").write_text("0")
        self._folder.rmdir()

    def windows(self) -> list[KernelWindow]:
        return windows_in((self._folder / "trace").read_text())


def windows_in(trace: str) -> list[KernelWindow]:
    """The windows of a text of tracefs, but for the first, whose start is not known."""
    found: list[KernelWindow] = []
    lines = _AGGREGATED.findall(trace)
    at, start_ns = 0, None
    while at < len(lines):
        seconds, fraction, nr = lines[at][:3]
        rows = lines[at : at + int(nr)]
        if len(rows) < int(nr) or any(row[2] != nr for row in rows):
            raise ValueError(f"a window of {nr} regions is not whole in the trace")
        end_ns = int(seconds) * 10**9 + int(fraction.ljust(9, "0"))
        if start_ns is not None:
            accessed = Spans.of((int(row[3]), int(row[4])) for row in rows if int(row[5]))
            found.append(KernelWindow(start_ns, end_ns, int(nr), accessed))
        start_ns = end_ns
        at += int(nr)
    return found


class CheckTrace:
    """How long prepare_access_checks and check_accesses take, while this is entered."""

    def __init__(self, ops: Ops) -> None:
        assert in_guest(), "never on a host"
        prefix = "damon_pa" if ops is Ops.PADDR else "damon_va"
        self._names = (f"{prefix}_prepare_access_checks", f"{prefix}_check_accesses")

    def __enter__(self) -> CheckTrace:
        # only these two: to trace what they call costs many times what they do
        (TRACING / "set_ftrace_filter").write_text("\n".join(self._names))
        (TRACING / "options/funcgraph-tail").write_text("1")
        (TRACING / "current_tracer").write_text("function_graph")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        (TRACING / "current_tracer").write_text("nop")
        (TRACING / "set_ftrace_filter").write_text("")

    def nr_checks(self) -> int:
        return len(self._durations()[1])

    def median_ms(self) -> tuple[float, float]:
        """Of prepare and of check."""
        prepare, check = map(statistics.median, self._durations())
        return prepare, check

    def _durations(self) -> list[list[float]]:
        found = durations_in((TRACING / "trace").read_text())
        return [found.get(name, []) for name in self._names]


def durations_in(trace: str) -> dict[str, list[float]]:
    """Milliseconds of the calls, by function, in a text of the tracer function_graph."""
    found: dict[str, list[float]] = {}
    for us, name in _DURATION.findall(trace):
        found.setdefault(name, []).append(float(us) / 1000)
    return found
