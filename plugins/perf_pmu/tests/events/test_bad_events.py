"""What cannot be sampled is refused in one line that says what came and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from string import Template

import pytest
import yaml

from damon_core.errors import ConfigError, DamonError, PrimitiveError
from damon_perf_pmu.events import Item, resolve_events, resolve_on
from damon_perf_pmu.machine import Machine

from .machines import HASWELL, ZEN4, FakeMachine, FakePmu

Build = Callable[[object], Machine]

REFUSALS = yaml.safe_load(Path(__file__).with_name("refusals.yaml").read_text())
NAMES = {
    "CORE_NAMES": "it has events cache-misses, cpu-cycles, instructions, mem-loads, mem-stores; "
    "terms cmask, config, config1, config2, config3, edge, event, freq, frontend, in_tx, in_tx_cp, "
    "inv, ldlat, name, offcore_rsp, pc, period, umask",
    "MODIFIERS": "use u, k, h (whose accesses), p, pp, ppp, P (precision), D (pinned)",
    "OF_KERNEL": "minor-faults, major-faults, page-faults, exceptions:page_fault_user, "
    "exceptions:page_fault_kernel, mem:ADDR/LEN:rw",
}


def rows(section: str) -> list[tuple[str, str, str]]:
    """Machine, text of an event, message."""
    return [
        (machine, text, f"event {text!r}: {Template(message).substitute(NAMES)}")
        for machine, refusals in REFUSALS[section].items()
        for text, message in refusals.items()
    ]


def refused(machine: Machine, items: list[Item], kind: type[DamonError]) -> str:
    with pytest.raises(kind) as raised:
        resolve_on(machine, items)
    return str(raised.value)


@pytest.mark.parametrize(("machine", "text", "message"), rows("written_wrong"))
def test_what_is_written_wrong_is_told(build: Build, machine: str, text: str, message: str) -> None:
    assert refused(build(machine), [text], ConfigError) == message


@pytest.mark.parametrize(("machine", "text", "message"), rows("not_here"))
def test_what_this_machine_lacks_is_told_with_what_it_has(
    build: Build, machine: str, text: str, message: str
) -> None:
    assert refused(build(machine), [text], PrimitiveError) == message


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (7, "event 7: expected a text such as minor-faults, or fields"),
        ({"event": 7}, "event 7: expected a text such as minor-faults"),
        (
            {"event": "cs", "perid": 3},
            "event 'cs': unknown key perid; did you mean 'period'?; expected event, period, freq",
        ),
        (
            {"event": "cs", "period": 1.5},
            "event 'cs': period is 1.5: expected a number such as 4 or 0x1cd",
        ),
        (
            {"event": "cs", "period": True},
            "event 'cs': period is True: expected a number such as 4 or 0x1cd",
        ),
        (
            {"event": "cs", "freq": "often"},
            "event 'cs': freq: got 'often', expected a whole number such as 1,000",
        ),
        (
            {"type": 1, "config": "a\nb"},
            "event {type: 1, config: a b}: config: got 'a\\nb', "
            "expected a whole number such as 1,000",
        ),
        ([1, 2], "event [1, 2]: expected a text such as minor-faults, or fields"),
        (
            {"event": "cs", "period": 3, "freq": 4},
            "event 'cs': both period 3 and freq 4: a sample is taken every so many events, or so "
            "often a second; say one of them",
        ),
        (
            {"event": "cs/period=5/", "freq": 4},
            "event 'cs/period=5/': sampled both by period 5 and by freq 4: say one of them",
        ),
    ],
)
def test_an_item_that_is_no_event_is_told(build: Build, item: Item, message: str) -> None:
    assert refused(build(HASWELL), [item], ConfigError) == message


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "no events: expected at least one, such as auto or minor-faults"),
        (
            ["minor-faults", "minor-faults:u"],
            "event 'minor-faults:u': the same as 'minor-faults', its accesses would count twice",
        ),
        (
            ["cpu/event=1,name=x/", "cpu/event=2,name=x/"],
            "event 'cpu/event=2,name=x/': 'cpu/event=1,name=x/' has the name x",
        ),
    ],
)
def test_events_that_do_not_go_together_are_told(
    build: Build, items: list[Item], message: str
) -> None:
    assert refused(build(HASWELL), items, ConfigError) == message


def test_a_second_event_of_ibs_is_refused(build: Build) -> None:
    message = "event 'cycles:p': a processor has IBS once, and 'ibs_op//' uses it"
    assert refused(build(ZEN4), ["ibs_op//", "cycles:p"], ConfigError) == message


def test_events_of_user_and_of_kernel_mode_are_two(build: Build) -> None:
    events = resolve_on(build(HASWELL), ["minor-faults:u", "minor-faults:k"])
    assert [event.name for event in events] == ["minor-faults:u", "minor-faults:k"]


def test_more_precision_than_the_machine_has_is_refused(build: Build) -> None:
    cpu = FakePmu(4, HASWELL.pmus["cpu"].format, HASWELL.pmus["cpu"].events, {"max_precise": "2"})
    machine = build(FakeMachine("GenuineIntel", {"cpu": cpu}))
    assert refused(machine, ["cpu/mem-loads/ppp"], PrimitiveError) == (
        "event 'cpu/mem-loads/ppp': precision 3: cpu of this machine has at most 2 "
        "(caps/max_precise); P takes the highest there is"
    )


def test_an_event_that_needs_a_value_says_which(build: Build) -> None:
    pmu = FakePmu(30, {"event": "config:0-7", "core": "config:8-15"}, {"by_core": "event=1,core=?"})
    machine = build(FakeMachine("GenuineIntel", {"imc": pmu}))
    assert refused(machine, ["imc/by_core/"], ConfigError) == (
        "event 'imc/by_core/': event by_core of imc needs a value: core=NUMBER"
    )
    assert resolve_on(machine, ["imc/by_core,core=3/"])[0].config == 0x301


def test_without_sysfs_it_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(PrimitiveError, match="need a kernel with CONFIG_PERF_EVENTS=y, and sysfs"):
        resolve_events(["ibs_op//"], tmp_path)
