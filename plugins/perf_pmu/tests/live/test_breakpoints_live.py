"""Breakpoints: each access of a program to a word is one report, no more and no less."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from damon_core import ReportFlag
from damon_core.model import Ops
from damon_core.perf_attr import PerfAttr, PerfType
from damon_core.perf_event import PerfError, PerfEvent
from damon_core.testing import ByHand

from .conftest import PAGE, Accesses

Start = Callable[..., Accesses]
Watched = Callable[..., ByHand]

WORD = 5
ADDRESS = WORD * 8


def _why_not() -> str:
    attr = PerfAttr(type=PerfType.BREAKPOINT, bp_type=3, config1=PAGE, config2=8, sample_period=1)
    try:
        PerfEvent(attr, pid=0).close()
    except PerfError as error:
        if error.errno in (errno.ENOENT, errno.EOPNOTSUPP, errno.ENOSPC, errno.ENODEV):
            return f"needs hardware breakpoints that are free: {error}"
    return ""


pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "they are here"),
]


@pytest.mark.parametrize("scope", ["machine", "threads"])
@pytest.mark.parametrize(("access", "nr"), [("w", 300), ("rw", 500)])
def test_every_access_is_reported_with_its_address_and_size(
    start: Start, watch: Watched, scope: str, access: str, nr: int
) -> None:
    target = start()
    address = target.start + ADDRESS
    watched = watch(target, events=f"mem:{address:#x}/8:{access}", scope=scope)
    watched.begin()

    def use() -> None:
        target.tell("store", WORD, 300)
        target.tell("load", WORD, 200)
        target.tell("store", WORD + 1, 100)

    rows = watched.interval(use)
    assert len(rows) == nr
    assert set(rows["vaddr"].tolist()) == {address}
    assert set(rows["size"].tolist()) == {8}
    assert set(rows["pid"].tolist()) == set(rows["tid"].tolist()) == {target.pid}
    assert watched.ctx.counters["samples"] == nr
    # A breakpoint on both does not tell which of them it was.
    directions = {int(flags & (ReportFlag.READ | ReportFlag.WRITE)) for flags in rows["flags"]}
    assert directions == {ReportFlag.WRITE if access == "w" else 0}
    assert watched.primitive.provides.write is (access == "w")
    assert "12 us" in watched.primitive.provides.disturbs


@pytest.mark.parametrize("scope", ["machine", "threads"])
def test_an_access_of_a_new_thread_is_its_own(start: Start, watch: Watched, scope: str) -> None:
    target = start()
    address = target.start + ADDRESS
    watched = watch(target, events=f"mem:{address:#x}/8:w", scope=scope)
    watched.begin()
    watched.interval()
    tid = target.tell("thread", WORD, 50)
    rows = watched.interval(lambda: target.tell("go"))
    assert len(rows) == 50
    assert (set(rows["tid"].tolist()), set(rows["pid"].tolist())) == ({tid}, {target.pid})


def test_of_another_process_at_the_same_address_nothing_is_reported(
    start: Start, watch: Watched
) -> None:
    target, other = start(), start()
    watched = watch(target, events=f"mem:{other.start + ADDRESS:#x}/8:w", scope="machine")
    watched.begin()
    rows = watched.interval(lambda: other.tell("store", WORD, 20))
    assert len(rows) == 0
    assert watched.ctx.counters == {"samples": 20, "other_process": 20}


def test_physical_memory_is_reported_where_the_page_lies(start: Start, watch: Watched) -> None:
    target = start()
    target.tell("write", 0, 1)
    watched = watch(ops=Ops.PADDR, events=f"mem:{target.start + ADDRESS:#x}/8:w")
    watched.begin()
    rows = watched.interval(lambda: target.tell("store", WORD, 20))
    assert rows["paddr"].tolist() == [target.frames(1)[0] + ADDRESS] * 20
    assert set(rows["size"].tolist()) == {8}


def test_more_breakpoints_than_the_processor_has_are_left_out_and_told(
    start: Start, watch: Watched
) -> None:
    target = start()
    events = [f"mem:{target.start + 8 * word:#x}/8:w" for word in range(5)]
    watched = watch(target, events=events)
    watched.begin()
    nr_left_out = watched.ctx.counters["events_not_opened"]
    told = [text for text in watched.told if "the other events are sampled" in text]
    assert len(told) == nr_left_out >= 1
    assert all("no room for one more such event" in text for text in told)
    rows = watched.interval(lambda: [target.tell("store", word, 7) for word in range(5)])
    assert len(rows) == 7 * (5 - nr_left_out)
