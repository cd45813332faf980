"""Faults as events: what is reported is what a program did, page by page."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from damon_core import ReportFlag
from damon_core.errors import PrimitiveError
from damon_core.model import Ops
from damon_core.testing import ByHand

from .conftest import PAGE, Accesses, was_read, written

pytestmark = pytest.mark.live

Start = Callable[..., Accesses]
Watched = Callable[..., ByHand]


@pytest.mark.parametrize("scope", ["machine", "threads"])
@pytest.mark.parametrize("event", ["minor-faults", "page-faults", "exceptions:page_fault_user"])
def test_every_page_that_is_touched_is_reported_once(
    start: Start, watch: Watched, event: str, scope: str
) -> None:
    target = start()
    watched = watch(target, events=event, scope=scope)
    watched.begin()
    rows = watched.interval(lambda: target.tell("write", 0, 100))
    assert target.pages(rows) == list(range(100))
    rows = watched.interval(lambda: target.tell("read", 100, 200))
    assert target.pages(rows) == list(range(100, 200))
    assert target.pages(watched.interval(lambda: target.tell("write", 0, 100))) == []
    assert set(target.own(rows)["tid"].tolist()) == {target.pid}
    assert set(target.own(rows)["weight"].tolist()) == {1}
    assert (target.own(rows)["flags"] & ReportFlag.EXACT_TIME != 0).all()
    assert watched.ctx.mechanism == event
    counters = watched.ctx.counters
    if scope == "machine":
        assert counters["samples"] >= 200
    else:
        assert "other_process" not in counters


def test_the_tracepoint_tells_reads_from_writes_and_the_others_do_not(
    start: Start, watch: Watched
) -> None:
    for event, tells in (("exceptions:page_fault_user", True), ("minor-faults", False)):
        target = start()
        watched = watch(target, events=event)
        watched.begin()
        assert watched.primitive.provides.write is tells

        def both(target: Accesses = target) -> None:
            target.tell("write", 0, 50)
            target.tell("read", 50, 80)

        rows = watched.interval(both)
        assert target.pages(written(rows)) == (list(range(50)) if tells else [])
        assert target.pages(was_read(rows)) == (list(range(50, 80)) if tells else [])
        assert len(target.pages(rows)) == 80


@pytest.mark.parametrize("event", ["minor-faults", "exceptions:page_fault_user"])
def test_samples_and_those_lost_are_all_that_were_counted(
    start: Start, watch: Watched, event: str
) -> None:
    target = start(2000)
    os.sched_setaffinity(target.pid, {min(os.sched_getaffinity(0))})
    watched = watch(target, events=event, scope="threads", ring_size=PAGE, max_ring_size=PAGE)
    watched.begin()
    watched.interval(lambda: target.tell("write", 0, 1000))
    lost = watched.ctx.counters["lost_in_ring"]
    assert 800 < lost < 1000
    assert watched.ctx.counters["samples"] + lost >= 1000
    (sampling,) = watched.primitive._started._samplings
    totals = sampling._targets.sampling.totals
    assert totals.nr_events == totals.counts.samples + totals.nr_lost


def test_several_events_are_sampled_beside_each_other(start: Start, watch: Watched) -> None:
    target = start()
    watched = watch(target, events=["minor-faults", "exceptions:page_fault_user"])
    watched.begin()
    rows = watched.interval(lambda: target.tell("write", 0, 100))
    assert sorted(target.pages(rows)) == sorted([*range(100), *range(100)])
    assert target.pages(written(rows)) == list(range(100))
    assert watched.ctx.mechanism == "minor-faults, exceptions:page_fault_user"


def test_a_group_is_sampled_with_its_leader(start: Start, watch: Watched) -> None:
    target = start()
    watched = watch(target, events="{page-faults,minor-faults}")
    watched.begin()
    rows = watched.interval(lambda: target.tell("write", 0, 100))
    assert sorted(target.pages(rows)) == sorted([*range(100), *range(100)])


def test_a_period_is_the_weight_of_each_report(start: Start, watch: Watched) -> None:
    target = start(1000)
    os.sched_setaffinity(target.pid, {min(os.sched_getaffinity(0))})
    watched = watch(target, events={"event": "minor-faults", "period": 10}, scope="threads")
    watched.begin()
    rows = target.own(watched.interval(lambda: target.tell("write", 0, 1000)))
    assert 99 <= len(rows) <= 101
    assert set(rows["weight"].tolist()) == {10}


def test_physical_addresses_are_those_of_the_page_map(start: Start, watch: Watched) -> None:
    target = start()
    watched = watch(ops=Ops.PADDR, events="minor-faults")
    watched.begin()
    rows = watched.interval(lambda: target.tell("write", 0, 64))
    rows = rows[rows["pid"] == target.pid]
    assert set(target.frames(64)) <= set((rows["paddr"] // PAGE * PAGE).tolist())
    assert (rows["flags"] & ReportFlag.HAS_PADDR != 0).all()


def test_of_samples_with_physical_addresses_only_those_of_known_frames_are_reported(
    start: Start, watch: Watched
) -> None:
    """As there is no such event here: virtual addresses are not asked for."""
    target = start()
    watched = watch(target, events="minor-faults", addresses="physical")
    watched.begin()
    rows = watched.interval(lambda: target.tell("write", 0, 64))
    assert target.pages(rows) == []  # these pages came after the page maps were read
    assert watched.ctx.counters["no_virtual_address"] >= 64


def test_page_faults_have_no_physical_address_and_say_so(watch: Watched) -> None:
    for event in ("page-faults", "exceptions:page_fault_user"):
        with pytest.raises(PrimitiveError, match=f"event '{event}' gives no physical addresses"):
            watch(ops=Ops.PADDR, events=event).begin()


def test_a_self_test_shows_the_addresses_of_faults(start: Start, watch: Watched) -> None:
    for ops in (Ops.VADDR, Ops.PADDR):
        for event in ("minor-faults", "exceptions:page_fault_user"):
            if ops is Ops.PADDR and ":" in event:
                continue
            watched = watch(start(), ops=ops, events=event, self_test="yes")
            watched.begin()
            assert "events_not_shown" not in watched.ctx.counters
            assert not [text for text in watched.told if "sampled all the same" in text]
