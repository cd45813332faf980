"""Monitors a program whose hot memory moves, and compares what was seen with the truth.

Usage: demo.py [SECONDS], how long the hot area stays where it is (6; there are four places).
Writes demo.damon and demo.truth into the present folder.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from types import FrameType

import numpy as np

from damon_core.config import Config, ContextConfig, TargetConfig
from damon_core.errors import DamonError
from damon_core.host import PrimitiveChoice, installed
from damon_core.model import Intervals, Ops
from damon_core.record import Record, open_record
from damon_core.recorded_context import RecordedContext
from damon_core.recording import Recording
from damon_core.report.access import AccessTable
from damon_core.report.grid import heat_grid
from damon_core.report.heatmap import NR_TIME_COLUMNS, Heatmap
from damon_core.report.order import RegionOrder
from damon_core.report.wss import WorkingSet
from damon_core.score import score_snapshot, touches_of
from damon_core.snapshot import Snapshot
from damon_core.spec import ContextSpec
from damon_core.truth import Truth
from damon_core.units import about_size
from damon_core.workload.masim import parse_masim
from damon_core.workload.plan import Workload
from damon_core.workload.toucher import Toucher

WORKLOAD = Path(__file__).with_name("moving.cfg")
RECORD, TRUTH = Path("demo.damon"), Path("demo.truth")
PRIMITIVE = "accessed_bit"
INTERVALS = Intervals(sample_us=20_000, aggr_us=200_000, ops_update_us=1_000_000)
# At this interval every sample must be made, whatever it costs; by default damon takes 5 %.
CPU_QUOTA = 1.0
ADAPTED_AFTER = 10  # windows in which regions may still adapt to a move


def main() -> int:
    """Run the demo: 0, or 1 if it cannot run here."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 6.0
    say(f"a program touches 16 MiB of its 128 MiB, another part every {seconds:g} s")
    try:
        mechanism = check_primitive()
        say(f"monitoring it with {PRIMITIVE} ({mechanism}), a sample every 20 ms")
        with Toucher(workload(seconds), TRUTH) as toucher:
            recording = monitor(toucher.pid, seconds * 4)
        show(open_record(str(RECORD)), Truth.read(TRUTH), recording.contexts[0])
    except DamonError as error:
        say(str(error))
        return 1
    return 0


def workload(seconds: float) -> Workload:
    """The one of the file, at the speed that was asked for."""
    text = WORKLOAD.read_text().replace("24000", f"{seconds * 4000:.0f}")
    return parse_masim(text.replace("every 6 s", f"every {seconds * 1000:.0f} ms"), str(WORKLOAD))


def check_primitive() -> str:
    """The mechanism that works here; DamonError with what is missing if there is none."""
    for primitive in installed():
        if primitive.name == PRIMITIVE:
            here = primitive.probe(Ops.VADDR)
            if here.usable:
                for mechanism, lacks in here.mechanisms.items():
                    if mechanism == here.mechanism:
                        break
                    say(f"not by {mechanism}: {lacks}")
                return here.mechanism
            remedy = f": {here.remedy}" if here.remedy else ""
            raise DamonError(f"{PRIMITIVE} cannot work here, {here.missing}{remedy}")
    raise DamonError(f"{PRIMITIVE} is not installed: pip install damon-accessed-bit")


def monitor(pid: int, seconds: float) -> Recording:
    """Record the process to its end, with a line of progress."""
    context = ContextConfig(
        ContextSpec(intervals=INTERVALS, cpu_quota=CPU_QUOTA),
        (TargetConfig(pid=pid),),
        (PrimitiveChoice(PRIMITIVE),),
    )
    began = time.monotonic()

    def progress(context: RecordedContext, snapshot: Snapshot) -> None:
        for note in snapshot.notes:
            say(note)
        if sys.stderr.isatty() or snapshot.index % 25 == 0:
            hot = about_size(float(np.nansum(snapshot.regions.accessed_bytes)))
            line = (
                f"{time.monotonic() - began:4.1f} of {seconds:.0f} s, "
                f"{len(snapshot.regions)} regions, {hot} accessed in a sample"
            )
            end = "\r" if sys.stderr.isatty() else "\n"
            print(f"\x1b[K{line}" if end == "\r" else line, end=end, file=sys.stderr, flush=True)

    recording = Recording(
        Config((context,)), path=str(RECORD), on_snapshot=progress, command_line=("demo.py",)
    )

    def stop(number: int, frame: FrameType | None) -> None:
        recording.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    recording.run()
    return recording


def show(record: Record, truth: Truth, context: RecordedContext) -> None:
    """Everything that was seen, and how true it is."""
    if len(record) < 2:
        raise DamonError("ended before there was anything to show")
    columns = shutil.get_terminal_size((100, 24)).columns
    title("What was hot at the end: the largest of the accessed regions")
    order = RegionOrder(sort="size", reverse=True, only="hot", limit=12)
    AccessTable(record[-2], order, width=columns).render(sys.stdout)
    title("Where it was hot, and when")
    width = min(columns, 100)
    grid = heat_grid(record, nr_rows=16, nr_columns=width - NR_TIME_COLUMNS, marks=True)
    Heatmap(grid, width=width, colors=256 * sys.stdout.isatty()).render(sys.stdout)
    title("How much is in use")
    WorkingSet(record).render(sys.stdout)
    print(f"in truth 16 MiB, and what the program needs itself ({TRUTH})")
    title("How true it is, in bytes")
    show_scores(record, truth)
    title("What it cost")
    sample_ms = median(snapshot.intervals.sample_us for snapshot in record) / 1000
    print(
        f"{context.cpu_share:.1%} of one CPU for monitoring 128 MiB every {sample_ms:.0f} ms; "
        "by default damon looks less often, and takes no more than 5 %"
    )
    title("Look again")
    for report in ("access", "heatmap", "wss", "record_info"):
        print(f"damon report {report} {RECORD}")


def show_scores(record: Record, truth: Truth) -> None:
    """Precision and recall of the region borders, once they have adapted to each place."""
    starts = [phase.time_ns for phase in truth.phases]
    ends = [*starts[1:], float("inf")]
    print(f"{'place':>5} {'precision':>9} {'recall':>6} {'touched':>8}   medians of windows")
    print(f"{'':>32} from the {ADAPTED_AFTER}th after each move on")
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        windows = [
            snapshot
            for snapshot in record
            if start <= truth.monotonic_ns(snapshot.start_ns)
            and truth.monotonic_ns(snapshot.end_ns) <= end
        ][ADAPTED_AFTER - 1 :]
        if not windows:
            continue
        scores = [score_snapshot(snapshot, truth) for snapshot in windows]
        touched = median(touches_of(snapshot, truth).sure.size for snapshot in windows)
        print(
            f"{place + 1:>5} {median(score.precision for score in scores):>9.3f} "
            f"{median(score.recall for score in scores):>6.3f} {about_size(touched):>8}   "
            f"{len(windows)} windows"
        )


def title(text: str) -> None:
    """A heading between the parts."""
    print(f"\n== {text}")


def say(text: str) -> None:
    """A message, apart from the results."""
    print(f"demo: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
