"""NUMA hinting faults: who touched what, and how; and the switch is as it was when all is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_page_fault.fault_options import FaultEvent
from damon_page_fault.first_touch import FirstTouch
from damon_page_fault.hint_faults import LIMITS, NOT_ON, HintFaults
from damon_page_fault.numa_balancing import REPAIRED, SYSCTL, NumaBalancing
from damon_page_fault.options import Choice, Options
from damon_page_fault.plugin import PageFault

from .conftest import PAGE, Faulter, Only, Watch, reads, writes

pytestmark = pytest.mark.live

Start = Callable[..., Faulter]
Watched = Callable[..., Watch]

NR = 2048
"""Pages that the writer has, and the reader, and nobody."""
ENOUGH_CPU_S = 60


@pytest.fixture(autouse=True)
def switch() -> Iterator[NumaBalancing]:
    """The kernel's switch, off before the test and after it."""
    switch = NumaBalancing()
    if not switch.is_there:
        pytest.skip("needs a kernel with CONFIG_NUMA_BALANCING=y")
    switch.repair()
    if switch.is_on:
        pytest.skip("kernel.numa_balancing is on already: switch it off (sysctl)")
    before = SYSCTL.read_text()
    yield switch
    after = SYSCTL.read_text()
    switch.repair()
    assert after == before


@pytest.fixture
def two_cpus() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two processors")


def hint_faults(**options: object) -> HintFaults:
    # The faults of the whole machine fit, however late we are to look: one that is lost comes again
    # only after the kernel's next scan, for which it takes more and more time.
    roomy = {"ring_size": "16 MiB", "max_ring_size": "16 MiB"}
    return HintFaults(Options(**{"enable_numa_balancing": True, **roomy, **options}))  # type: ignore[arg-type]


def intervals_until(
    watched: Watch, target: Faulter, enough: Callable[[np.ndarray], bool]
) -> np.ndarray:
    """Intervals of some rounds of the target each, until what was seen is enough."""
    # Of the machine's other faults there may be millions.
    rows = [target.of_area(watched.interval())]
    begun = _cpu_s(target.pid)
    while not enough(found := np.concatenate(rows)):
        rows.append(target.of_area(watched.interval(lambda: target.tell("await", 20))))
        spent = _cpu_s(target.pid) - begun
        assert spent < ENOUGH_CPU_S, f"{len(found)} faults, {watched.ctx.counters}"
    return found


def _cpu_s(pid: int) -> float:
    text = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(text[11]) + int(text[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize("ops", [Ops.VADDR, Ops.PADDR])
def test_direction_thread_and_processor_are_exact_and_every_touched_page_is_seen(
    start: Start, watch: Watched, switch: NumaBalancing, ops: Ops
) -> None:
    target = start(3 * NR)
    target.tell("write", 0, 3 * NR)
    writer, reader, writers_cpu, readers_cpu = target.tell("spin", 0, NR)
    watched = watch(hint_faults(), target, ops=ops)
    watched.begin()
    assert switch.is_on
    rows = intervals_until(
        watched, target, lambda rows: len(set(target.page_numbers(rows).tolist())) == 2 * NR
    )
    found = target.of_area(rows)
    pages = target.page_numbers(rows)
    for one, area, kind in ((writer, range(NR), writes), (reader, range(NR, 2 * NR), reads)):
        of_thread = found[found["tid"] == one]
        numbers = target.page_numbers(of_thread)
        assert set(numbers.tolist()) == set(area)
        assert len(kind(of_thread)) == len(of_thread)
        assert set(of_thread["cpu"].tolist()) == {writers_cpu if one == writer else readers_cpu}
    assert set(found["tid"].tolist()) == {writer, reader}
    assert pages.max() < 2 * NR, "the untouched part was reported"
    assert watched.ctx.counters["pages_seen"] >= 2 * NR
    if ops is Ops.VADDR:
        assert 3 * NR <= watched.ctx.counters["pages_resident"] < 3 * NR + 1024
        assert watched.told == [LIMITS]
    else:
        assert (found["paddr"] % PAGE == found["vaddr"] % PAGE).all()
        assert (found["paddr"] > 0).all()
    assert watched.reports.nr_lost == 0
    watched.mechanism.cleanup()
    assert not switch.is_on


def test_the_switch_is_not_touched_unasked(
    start: Start, watch: Watched, switch: NumaBalancing
) -> None:
    watched = watch(hint_faults(enable_numa_balancing=False), start())
    with pytest.raises(PrimitiveError, match="enable_numa_balancing: true") as caught:
        watched.begin()
    assert str(caught.value) == NOT_ON
    assert not switch.is_on


def test_an_init_that_fails_leaves_the_switch_as_it_was(
    start: Start, watch: Watched, switch: NumaBalancing
) -> None:
    watched = watch(hint_faults(fault_event=FaultEvent.PAGE_FAULTS), start(), ops=Ops.PADDR)
    with pytest.raises(PrimitiveError):
        watched.begin()
    assert not switch.is_on
    watched.mechanism.cleanup()


def test_a_target_with_one_thread_is_named(start: Start, watch: Watched) -> None:
    target = start()
    watched = watch(hint_faults(), target)
    watched.begin()
    watched.mechanism.update_targets(watched.ctx)
    assert watched.told[0] == LIMITS
    (told,) = watched.told[1:]
    assert f"process {target.pid} (faulter) has a single thread" in told
    assert watched.ctx.counters["single_threaded_targets"] == 1


def test_somebody_who_switches_it_off_is_noticed_once_and_wins(
    start: Start, watch: Watched, switch: NumaBalancing
) -> None:
    watched = watch(hint_faults(), start())
    watched.begin()
    SYSCTL.write_text("0\n")
    watched.mechanism.update_targets(watched.ctx)
    watched.mechanism.update_targets(watched.ctx)
    assert sum("switched kernel.numa_balancing off" in text for text in watched.told) == 1
    watched.mechanism.cleanup()
    assert not switch.is_on


MONITOR = """
ops: vaddr
targets: [{{pid: {pid}}}]
intervals: {{sample_us: 5 ms, aggr_us: 100 ms}}
sample:
  primitives: [{{page_fault: {{mechanism: hint_faults, enable_numa_balancing: true}}}}]
record: {{path: {path}}}
"""


class Recording:
    """``damon record`` of a target, once it has begun to monitor."""

    def __init__(self, target: Faulter, folder: Path) -> None:
        config = folder / "config.yaml"
        self.path = folder / "out.damon"
        config.write_text(MONITOR.format(pid=target.pid, path=self.path))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "damon_core", "record", config],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        switch = NumaBalancing()
        while not switch.is_on:
            with suppress(subprocess.TimeoutExpired):  # a busy wait would take its processor
                self.process.wait(0.05)
                raise AssertionError(self.process.communicate())

    def end(self, number: signal.Signals) -> str:
        self.process.send_signal(number)
        return self.process.communicate()[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_recording_that_is_stopped_turns_the_switch_back(
    start: Start, switch: NumaBalancing, tmp_path: Path, number: signal.Signals
) -> None:
    recording = Recording(start(), tmp_path)
    said = recording.end(number)
    assert not switch.is_on, said


def test_what_a_killed_recording_left_is_repaired_by_whatever_starts_next(
    start: Start, watch: Watched, switch: NumaBalancing, tmp_path: Path
) -> None:
    recording = Recording(start(), tmp_path)
    recording.end(signal.SIGKILL)
    assert switch.is_on
    watched = watch(FirstTouch(Options()), start())
    primitive = PageFault(Options(mechanism=Choice.FIRST_TOUCH))
    primitive.damon_init(watched.ctx)
    assert not switch.is_on
    assert watched.told == [REPAIRED]
    primitive.damon_cleanup(watched.ctx)


def test_two_recordings_share_the_switch(
    start: Start, switch: NumaBalancing, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    one = Recording(start(), folders[0])
    two = HintFaults(Options(enable_numa_balancing=True))
    watched = Watch(Only(two), name="page_fault")
    watched.begin()
    one.end(signal.SIGTERM)
    assert switch.is_on
    two.cleanup()
    assert not switch.is_on
