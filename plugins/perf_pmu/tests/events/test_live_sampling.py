"""All events of a context, on machines that are files and with events that stand for a PMU's."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from attrs import define, evolve, field

from damon_core import PrimitiveContext, ReportFlag
from damon_core.errors import PrimitiveError
from damon_core.model import Intervals, Ops
from damon_core.options import structure_options
from damon_core.perf_attr import AttrFlag, PerfAttr, PerfType, SoftwareEvent
from damon_core.perf_event import PerfError, PerfEvent
from damon_core.target import Target
from damon_core.testing import RecordedReports, Toucher
from damon_core.testing.open_files import open_files
from damon_perf_pmu import event_sampling
from damon_perf_pmu.budget import FAULT_NS
from damon_perf_pmu.events import resolve_on
from damon_perf_pmu.live_sampling import LiveSampling
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.options import Options

from .kernels import Kernel, StandIn

pytestmark = pytest.mark.live

Build = Callable[[str], Machine]
PAGE = os.sysconf("SC_PAGE_SIZE")
CPU_CLOCK = 0
LOADS = "cpu/mem-loads/P"


@define(eq=False)
class Run:
    """A live sampling with its context and its clocks, which stand still unless they are moved."""

    sampling: LiveSampling
    ctx: PrimitiveContext
    reports: RecordedReports
    toucher: Toucher
    told: list[str]
    clocks: dict[str, int] = field(factory=lambda: {"now": 10**9, "cpu": 0})

    def open(self) -> None:
        self.sampling.open(self.ctx)
        self.sampling.update(self.ctx)

    def interval(self, first: int = 0, nr: int = 0, ms: int = 0) -> np.ndarray:
        """The reports of an interval in which pages are touched, ``ms`` after the last one."""
        self.sampling.begin(self.ctx)
        if nr:
            self.toucher.touch(first, nr)
        self.clocks["now"] += ms * 10**6
        self.reports.clear()
        self.sampling.drain(self.ctx, self.reports)  # type: ignore[arg-type]
        rows = self.reports.rows()
        area = self.toucher.range
        return rows[(rows["vaddr"] >= area.start) & (rows["vaddr"] < area.end)]


@pytest.fixture
def run(build: Build) -> Iterator[Callable[..., Run]]:
    with ExitStack() as stack:

        def made(
            *events: object,
            kernel: Kernel | None = None,
            on: str = "Haswell",
            ops: Ops = Ops.VADDR,
            quota: float = 1.0,
            **options: object,
        ) -> Run:
            machine = build(on)
            toucher = stack.enter_context(Toucher(8192 * PAGE, PAGE))
            os.sched_setaffinity(toucher.pid, {min(os.sched_getaffinity(0))})
            physical = ops is Ops.PADDR
            target = Target.physical() if physical else Target.open(toucher.pid)
            stack.callback(target.close)
            told: list[str] = []
            reports = RecordedReports(cap=1000)
            ctx = PrimitiveContext(
                "perf_pmu",
                ops,
                Intervals(),
                PAGE,
                reports,  # type: ignore[arg-type]  # as much of it as is used
                (target,),
                tell=lambda text: told.append(text.removeprefix("perf_pmu: ")),
                cpu_quota=quota,
            )
            clocks = {"now": 10**9, "cpu": 0}
            asked = structure_options(
                Options, {"events": list(events), "ring_size": "4 MiB", **options}
            )
            sampling = LiveSampling(
                resolve_on(machine, asked.events),
                asked,
                machine,
                opener=kernel or StandIn(),
                now_ns=lambda: clocks["now"],
                cpu_ns=lambda: clocks["cpu"],
            )
            stack.callback(sampling.close)
            return Run(sampling, ctx, reports, toucher, told, clocks)

        yield made


Made = Callable[..., Run]


def test_loads_and_stores_of_intel_are_tested_told_and_sampled_with_their_direction(
    run: Made,
) -> None:
    made = run("auto")
    made.open()
    rows = made.interval(0, 100)
    # Both stand for the same faults here; only the events differ.
    for flag in (ReportFlag.READ, ReportFlag.WRITE):
        pages = (rows[rows["flags"] & flag != 0]["vaddr"] - made.toucher.range.start) // PAGE
        assert sorted(pages.tolist()) == list(range(100))
    assert not (rows["flags"] & ReportFlag.EXACT_TIME).any()  # the clock is the PMU's own
    assert made.sampling.provides.write
    assert [text for text in made.told if text.endswith("precision 3")]
    assert "mem-loads" in made.sampling.mechanism
    assert "mem-stores" in made.sampling.mechanism


def test_what_samples_cost_the_target_is_charged_and_lengthens_no_interval(run: Made) -> None:
    made = run("minor-faults")
    made.ctx._pace_charge = lambda ns: pytest.fail("a longer interval has as many more samples")
    made.open()
    rows = made.interval(0, 100)
    assert len(rows) >= 100
    assert made.ctx.target_cpu_ns >= len(rows) * FAULT_NS


def test_of_physical_memory_everything_is_sampled_of_all_processes(run: Made) -> None:
    made = run("auto", ops=Ops.PADDR)
    made.open()
    made.interval(0, 50)
    rows = made.reports.rows()
    assert (rows["flags"] & ReportFlag.HAS_PADDR != 0).all()
    assert (rows["pid"] == made.toucher.pid).sum() >= 100


def test_an_event_that_fails_its_self_test_is_refused(run: Made) -> None:
    made = run(LOADS, kernel=StandIn(counts=SoftwareEvent.DUMMY))
    before = open_files()
    with pytest.raises(PrimitiveError, match="event 'cpu/mem-loads/P' fails its self-test: no sam"):
        made.open()
    made.sampling.close()
    assert open_files() == before


def test_the_self_test_can_be_left_out(run: Made) -> None:
    made = run(LOADS, kernel=StandIn(counts=SoftwareEvent.DUMMY), self_test="no")
    made.open()
    assert len(made.interval(0, 10)) == 0


def test_a_self_test_that_shows_nothing_is_told_and_counted(run: Made) -> None:
    made = run("cpu/event=0xd1,umask=0x20/pp", kernel=StandIn(counts=SoftwareEvent.DUMMY))
    made.open()
    assert made.ctx.counters["events_not_shown"] == 1
    assert any("it is sampled all the same" in text for text in made.told)


def test_one_event_that_does_not_open_is_told_and_the_others_go_on(run: Made) -> None:
    def no_stores(attr: PerfAttr, pid: int, cpu: int) -> int:
        return errno.EBUSY if attr.config & 0xFF == 0xD0 else 0

    made = run("auto", kernel=StandIn(no_stores))
    made.open()
    assert made.ctx.counters["events_not_opened"] == 1
    assert "mem-stores" not in made.sampling.mechanism
    assert len(made.interval(0, 10)) == 10


def test_when_no_event_opens_each_reason_is_given_in_one_line(run: Made) -> None:
    made = run("auto", kernel=Kernel(lambda attr, pid, cpu: errno.EBUSY))
    with pytest.raises(PrimitiveError, match=r"exclusively.*; .*exclusively") as caught:
        made.open()
    assert "\n" not in str(caught.value)


def test_an_event_that_is_not_known_to_tell_addresses_has_to_be_forced(run: Made) -> None:
    with pytest.raises(PrimitiveError, match="is not known to give addresses"):
        run("cpu/event=0x01,umask=0x02/pp").open()
    forced = run("cpu/event=0x01,umask=0x02/pp", force="yes")
    forced.open()  # the self-test has shown that it does
    assert len(forced.interval(0, 10)) == 10


def test_samples_that_never_have_an_address_stop_the_primitive(
    run: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_sampling, "MAX_UNADDRESSED", 10)
    event = {"event": LOADS, "period": 100_000}  # nanoseconds here
    made = run(event, kernel=StandIn(counts=CPU_CLOCK), self_test="no")
    made.open()

    def go_on() -> None:
        for part in range(200):
            made.interval(part * 20, 20)

    with pytest.raises(PrimitiveError, match=r"none of \d+ samples has an address"):
        go_on()
    assert made.ctx.counters["no_operation"] >= 10


def test_a_counter_that_counts_and_never_samples_stops_the_primitive(run: Made) -> None:
    class NeverSampled(StandIn):
        def opened(self, attr: PerfAttr, pid: int, cpu: int, group_fd: int) -> PerfEvent:
            # Without PERIOD, else the kernel samples each of its own events.
            counts = PerfAttr(
                type=PerfType.SOFTWARE,
                config=SoftwareEvent.PAGE_FAULTS_MIN,
                sample_period=1 << 40,
                flags=attr.flags & ~AttrFlag.USE_CLOCKID,
            )
            return PerfEvent(counts, pid=pid, cpu=cpu, group_fd=group_fd)

    event = {"event": LOADS, "period": 1}
    made = run(event, kernel=NeverSampled(), self_test="no", scope="threads")
    made.open()
    made.interval(0, 50)
    with pytest.raises(PrimitiveError, match="and not sampled once"):
        made.interval(50, 500)


def test_an_event_that_lost_its_counter_stops_the_primitive(run: Made) -> None:
    made = run("minor-faults", scope="threads", on="guest")
    made.open()
    made.interval(0, 10)
    (processor, *_) = made.sampling._samplings[0]._targets.sampling._processors.values()
    ((counted,),) = processor._events.values()
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, counted.event.fd)  # reads as the end of a file, as a broken event does
    os.close(nothing)
    with pytest.raises(PerfError, match="somebody else has its counter"):
        made.interval(10, 10)


def test_an_event_that_never_gets_a_counter_stops_the_primitive(run: Made) -> None:
    made = run(LOADS, self_test="no")
    made.open()
    made.interval(0, 10)
    (sampling,) = made.sampling._samplings
    totals = evolve(sampling._targets.sampling.totals, running_ns=0)
    nr = sampling._targets.sampling.nr_opened
    sampling._check(evolve(totals, enabled_ns=nr * 4_000_000_000))
    with pytest.raises(PrimitiveError, match="never got a counter: somebody else has it"):
        sampling._check(evolve(totals, enabled_ns=nr * 6_000_000_000))


def test_samples_that_cost_more_than_the_quota_become_rarer_and_come_back(run: Made) -> None:
    made = run("minor-faults", quota=0.0015, scope="threads", on="guest")
    made.open()
    made.interval(ms=10)
    assert len(made.interval(0, 1000, ms=110)) == 1000  # 0.8 % at 0.9 us each
    for part, period in ((1, 2), (2, 4), (3, 8), (4, 8)):
        rows = made.interval(part * 1000, 1000, ms=110)
        assert 900 // period <= len(rows) <= 1100 // period
        assert set(rows["weight"].tolist()) == {period}
    counters = made.ctx.counters
    assert counters["periods_lengthened"] == 3
    (told,) = [text for text in made.told if "sampled more rarely" in text]
    assert "samples cost 0.8" in told
    assert "0.15 % are for this primitive" in told
    assert "minor-faults period 2" in told
    for _ in range(40):
        made.interval(ms=110)
    assert counters["periods_shortened"] == 3
    assert counters["periods_lengthened"] == 3
    rows = made.interval(6000, 100, ms=10)
    assert len(rows) == 100
    assert set(rows["weight"].tolist()) == {1}


def test_no_period_becomes_longer_than_it_may(run: Made) -> None:
    made = run("minor-faults", quota=0.001, scope="threads", max_period=2, on="guest")
    made.open()
    for part in range(5):
        rows = made.interval(part * 1000, 1000, ms=110)
    assert set(rows["weight"].tolist()) == {2}
    assert made.ctx.counters["periods_lengthened"] == 1


def test_a_frequency_is_lowered_where_a_period_would_be_lengthened(run: Made) -> None:
    made = run({"event": LOADS, "freq": 4000}, self_test="no")
    made.open()
    (sampling,) = made.sampling._samplings
    paces = [sampling.pace for scale in (4, 1, 1 << 20) if sampling.rescale(scale)]
    assert paces == ["1000 times a second", "4000 times a second", "1 times a second"]
    assert not sampling.rescale(1 << 21)


def test_only_processors_of_a_hybrid_machine_that_have_the_pmu_are_sampled(run: Made) -> None:
    kernel = StandIn()
    made = run("cpu_core/mem-stores/P", on="Alder Lake", kernel=kernel, self_test="no")
    made.open()
    assert {cpu for _, _, cpu, _ in kernel.asked} <= made.sampling._samplings[0].event.cpus


def test_an_ibs_that_cannot_sample_threads_is_tested_on_a_processor(run: Made) -> None:
    """As before Linux 6.2; its samples have no registers here, and so no addresses."""
    kernel = StandIn(lambda attr, pid, cpu: errno.EINVAL if pid > 0 else 0)
    made = run("ibs_op//", on="Zen 4", kernel=kernel)
    with pytest.raises(PrimitiveError, match="fails its self-test: samples came without any"):
        made.open()
    assert -1 in {pid for _, pid, _, _ in kernel.asked}
