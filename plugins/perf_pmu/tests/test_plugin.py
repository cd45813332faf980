"""The primitive as the host sees it, and what it says to those who ask for what cannot be."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from damon_core.errors import ConfigError, PrimitiveError
from damon_core.host import PrimitiveChoice, PrimitiveHost
from damon_core.model import Ops
from damon_core.perf_attr import PerfAttr
from damon_core.perf_event import PerfError, PerfEvent
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.plugin import PerfPmu
from damon_perf_pmu.probe import AUTO, NAMED_ONLY, probe_events


def test_it_is_found_under_its_name() -> None:
    (entry_point,) = entry_points(group="damon.primitives", name="perf_pmu")
    assert entry_point.load() is PerfPmu


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"events": []}, "no events: expected at least one"),
        ({"events": [5]}, "event 5: expected a text such as minor-faults"),
        ({"events": ""}, "event '': expected a text"),
        ({"events": "minor-faults:Z"}, "minor-faults"),
        ({"events": {"event": "minor-faults", "period": 1, "freq": 2}}, "both period 1 and freq 2"),
        ({"events": {"event": "minor-faults", "perod": 1}}, "did you mean 'period'"),
        ({"events": ["minor-faults", "minor-faults"]}, "the same as"),
        ({"events": "mem:0x1001/8:rw"}, "not a multiple"),
        ({"scope": "process"}, "auto, machine, threads"),
        ({"addresses": "real"}, "auto, virtual, physical"),
        ({"self_test": "maybe"}, "expected auto, yes or no"),
        ({"force": "perhaps"}, "expected yes or no"),
        ({"max_period": 0}, "expected 1 or more"),
        ({"max_period": "often"}, "max_period"),
        ({"ring_size": "100 KiB"}, "expected a power of two"),
        ({"rings": 1}, "ring_size"),
    ],
)
def test_what_is_written_wrong_is_refused_before_anything_starts(
    options: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        PrimitiveHost([PrimitiveChoice("perf_pmu", options)], Ops.VADDR)
    assert "\n" not in str(caught.value)


def test_what_this_machine_lacks_is_said_at_the_start_not_before() -> None:
    PrimitiveHost([PrimitiveChoice("perf_pmu", {"events": "nosuchpmu/a=1/"})], Ops.VADDR)


def _memory_pmus() -> bool:
    return bool(Machine().memory_pmus)


@pytest.mark.live
@pytest.mark.skipif(_memory_pmus(), reason="needs a machine without memory sampling")
@pytest.mark.parametrize("ops", list(Ops))
def test_without_a_pmu_the_events_of_the_kernel_are_there_and_have_to_be_named(ops: Ops) -> None:
    answer = probe_events(ops, Machine())
    assert (answer.usable, answer.mechanism) == (True, NAMED_ONLY)
    assert "no hardware memory sampling here" in answer.mechanisms[AUTO]
    assert "minor-faults" in answer.mechanisms[AUTO]
    assert answer.mechanisms["minor-faults"] == ""
    lacks = answer.mechanisms["page-faults"]
    assert lacks == ("it tells no physical addresses" if ops is Ops.PADDR else "")


@pytest.mark.live
def test_where_nothing_opens_it_says_so() -> None:
    def refuse(attr: PerfAttr, *, pid: int = -1, cpu: int = -1, group_fd: int = -1) -> PerfEvent:
        raise PerfError("an event cannot be opened", 38)

    answer = probe_events(Ops.VADDR, Machine(), refuse)
    assert not answer.usable
    assert all(answer.mechanisms.values())
    assert "CONFIG_PERF_EVENTS" in answer.mechanisms["minor-faults"]


def test_a_hook_before_init_is_an_error_and_cleanup_is_not() -> None:
    primitive = PerfPmu()
    with pytest.raises(PrimitiveError, match="before damon_init"):
        primitive.damon_prepare_access_checks(None)  # type: ignore[arg-type]
    primitive.damon_cleanup(None)  # type: ignore[arg-type]
