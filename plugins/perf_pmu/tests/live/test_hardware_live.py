"""Memory sampling of a processor, where there is one: known accesses, their address, direction."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from damon_core import ReportFlag
from damon_core.model import Ops
from damon_core.testing import ByHand
from damon_perf_pmu.events import resolve_on
from damon_perf_pmu.layout import layout_of
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.self_test import self_test
from damon_perf_pmu.shown import Outcome

from .conftest import PAGE, Accesses

Start = Callable[..., Accesses]
Watched = Callable[..., ByHand]

WORD = 5
NR = 50_000_000


def _samplers() -> set[str]:
    return {"ibs" if pmu.is_ibs_op else "pebs" for pmu in Machine().memory_pmus if not pmu.is_spe}


pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not _samplers(),
        reason="needs a PMU that samples addresses: Intel PEBS or AMD IBS, on bare metal or in a "
        "guest with a virtual PMU that has it",
    ),
]
pebs = pytest.mark.skipif("pebs" not in _samplers(), reason="needs Intel PEBS")
ibs = pytest.mark.skipif("ibs" not in _samplers(), reason="needs AMD IBS")


@pytest.mark.parametrize("physical", [False, True])
def test_what_auto_stands_for_passes_its_self_test(physical: bool) -> None:
    for event in resolve_on(Machine(), "auto"):
        shown = self_test(layout_of(event, physical=physical))
        assert shown.outcome is Outcome.PASSED, f"{event.name}: {shown}"


@pebs
@pytest.mark.parametrize(
    ("event", "verb", "flag"),
    [
        ("mem-loads,ldlat=3", "load", ReportFlag.READ),
        ("mem-stores", "store", ReportFlag.WRITE),
    ],
)
def test_loads_and_stores_are_reported_where_they_are_made_as_what_they_are(
    start: Start, watch: Watched, event: str, verb: str, flag: ReportFlag
) -> None:
    target = start()
    watched = watch(target, events={"event": f"cpu/{event}/P", "period": 10_007})
    watched.begin()
    rows = target.own(watched.interval(lambda: target.tell(verb, WORD, NR)))
    assert len(rows) >= 8
    assert set(rows["vaddr"].tolist()) == {target.start + WORD * 8}
    assert (rows["flags"] & (ReportFlag.READ | ReportFlag.WRITE) == flag).all()
    assert set(rows["weight"].tolist()) == {10_007}


@ibs
@pytest.mark.parametrize(("verb", "flag"), [("load", "READ"), ("store", "WRITE")])
def test_ibs_tells_address_direction_and_size(
    start: Start, watch: Watched, verb: str, flag: str
) -> None:
    target = start()
    watched = watch(target, events={"event": "ibs_op//", "period": 0x4000})
    watched.begin()
    rows = target.own(watched.interval(lambda: target.tell(verb, WORD, NR)))
    assert len(rows) >= 8
    assert set(rows["vaddr"].tolist()) == {target.start + WORD * 8}
    assert set(rows["size"].tolist()) == {8}
    assert (rows["flags"] & ReportFlag[flag] != 0).all()


def test_physical_addresses_are_those_of_the_page_map(start: Start, watch: Watched) -> None:
    target = start()
    target.tell("write", 0, 1)
    watched = watch(ops=Ops.PADDR, events="auto")
    watched.begin()
    rows = watched.interval(lambda: target.tell("store", WORD, NR))
    own = rows[(rows["pid"] == target.pid) & (rows["vaddr"] == target.start + WORD * 8)]
    assert len(own) >= 1
    assert set((own["paddr"] // PAGE * PAGE).tolist()) == set(target.frames(1))
