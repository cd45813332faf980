"""The syntax of events is read without a machine: groups, terms, words, modifiers."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damon_core.errors import ConfigError
from damon_perf_pmu.event_text import EventText, GroupText, Term, parse_events


def alone(event: EventText) -> tuple[GroupText, ...]:
    return (GroupText((event,)),)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("minor-faults", EventText("minor-faults", "minor-faults")),
        (" r1cd:pp ", EventText("r1cd:pp", "r1cd:pp")),
        ("ibs_op//", EventText("ibs_op//", "ibs_op", ())),
        (
            "cpu/a=1, b,c=0x2/ppu",
            EventText(
                "cpu/a=1, b,c=0x2/ppu", "cpu", (Term("a", "1"), Term("b"), Term("c", "0x2")), "ppu"
            ),
        ),
        ("cpu/a/:u", EventText("cpu/a/:u", "cpu", (Term("a"),), "u")),
        ("mem:0x10/8:rw:u", EventText("mem:0x10/8:rw:u", "mem:0x10/8:rw:u")),
        ("mem:0x10:8:w", EventText("mem:0x10:8:w", "mem:0x10:8:w")),
        ("sched:sched_switch:k", EventText("sched:sched_switch:k", "sched:sched_switch:k")),
    ],
)
def test_an_event_is_read(text: str, event: EventText) -> None:
    assert parse_events(text) == alone(event)


def test_a_list_is_events_of_their_own() -> None:
    groups = parse_events("minor-faults, cpu/a,b/, mem:0x10/4:w")
    assert [group.events[0].word for group in groups] == ["minor-faults", "cpu", "mem:0x10/4:w"]
    assert not any(group.braces for group in groups)


def test_a_group_gives_its_modifiers_to_all_of_its_events() -> None:
    (group,) = parse_events("{ cpu/a/p , minor-faults }:u")
    assert group.braces
    assert [(event.word, event.modifiers) for event in group.events] == [
        ("cpu", "pu"),
        ("minor-faults", "u"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "expected an event such as minor-faults or cpu/mem-loads/P at character 1, got the end",
        ),
        (
            "a,",
            "expected an event such as minor-faults or cpu/mem-loads/P at character 3, got the end",
        ),
        ("5", "expected an event such as minor-faults or cpu/mem-loads/P at character 1, got '5'"),
        ("{a,b", "the group that begins at character 1 has no '}'"),
        ("{a}}", "expected ',' or the end at character 4, got '}'"),
        ("cpu/a", "expected ',' or the end at character 4, got '/a'"),
        ("a b", "expected ',' or the end at character 3, got 'b'"),
        ("cpu/=3/", "term '=3' is not understood: expected NAME=VALUE"),
        ("cpu/a,,b/", "term '' is not understood: expected NAME=VALUE"),
        ("cs_etm/@sink/", "settings of drivers (@sink) are of trace units only"),
        ("a" * 5000, "an event of 5000 characters: expected at most 4096"),
    ],
)
def test_what_is_no_event_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_events(text)
    assert str(raised.value) == message


@given(st.text(alphabet="ab1:/,{}= @.-*x\n\té", max_size=30))
def test_any_text_is_read_or_refused_as_a_configuration(text: str) -> None:
    with suppress(ConfigError):
        assert all(event.text in text for group in parse_events(text) for event in group.events)
