"""Options of primitives are structured strictly; errors name key, got and expected."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from damon_core.errors import ConfigError
from tests.eyes import GOOD, Install, host

OPTIONS = GOOD.replace(
    "class Eyes:",
    """
from enum import Enum
from typing import Literal
import attrs

class Colour(str, Enum):
    RED = "red"
    GREEN = "green"

@attrs.frozen
class Event:
    name: str
    period: int = attrs.field(default=1, validator=attrs.validators.ge(1))

def lower(text):
    if not isinstance(text, str):
        raise ValueError("not text")
    return text.lower()

@attrs.frozen
class Options:
    colour: Colour = Colour.RED
    mode: Literal["auto", "off"] = "auto"
    ratio: float = 0.5
    deep: bool = False
    events: list[Event] = []
    cpus: frozenset[int] | None = None
    label: str = attrs.field(default="x", converter=lower)

class Eyes:
    Options = Options
    def __init__(self, options):
        self.options = options
""",
)


def test_options_are_structured_into_the_class_of_the_primitive(distribution: Install):
    distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": OPTIONS})
    hosted = host(
        "eyes",
        colour="green",
        ratio=1,
        events=[{"name": "minor-faults", "period": 3}],
        cpus=[1, 2],
        label="Loud",
    )
    options = hosted.instances[0].options
    assert options.colour.value == "green"
    assert type(options.ratio) is float
    assert options.events[0].period == 3
    assert options.cpus == {1, 2}
    assert options.label == "loud"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (
            {"color": "red"},
            "unknown option color (with value 'red'): expected colour, mode, ratio, deep, events, "
            "cpus, label; did you mean 'colour'?",
        ),
        (
            {"colour": "gren"},
            "option colour is 'gren': expected one of red, green; did you mean 'green'?",
        ),
        ({"mode": 3}, "option mode is 3: expected one of auto, off"),
        ({"deep": "yes"}, "option deep is 'yes': expected true or false"),
        ({"deep": 1}, "option deep is 1: expected true or false"),
        ({"ratio": True}, "option ratio is True: expected a number"),
        ({"ratio": None}, "option ratio is None: expected a number"),
        ({"events": "minor-faults"}, "option events is 'minor-faults': expected a list"),
        ({"events": [{"name": "a"}, {}]}, "option events[1].name is missing: expected text"),
        (
            {"events": [{"name": "a", "perid": 2}]},
            "unknown option events[0].perid (with value 2): expected name, period; did you mean",
        ),
        ({"events": [{"name": 1}]}, "option events[0].name is 1: expected text"),
        ({"events": [7]}, "option events[0] is 7: expected keys with values (name, period)"),
        ({"events": [{"name": "a", "period": 0}]}, "option events[0]: 'period' must be >= 1: 0"),
        ({"events": [{"name": "a", "period": 1.5}]}, "events[0].period is 1.5: expected a whole"),
        ({"cpus": [1, "x"]}, "option cpus"),
        ({"label": 3}, "option label is 3: ValueError: not text"),
    ],
)
def test_wrong_options_are_refused_with_key_got_and_expected(
    refusal, options: Mapping[str, object], fault: str
):
    assert fault in refusal(OPTIONS, error=ConfigError, **options)


def test_options_for_a_primitive_without_any_are_refused(refusal):
    text = refusal(GOOD, error=ConfigError, depth=1)
    assert text.endswith("has no options, but got depth: leave them out")


def test_a_class_of_options_that_is_no_attrs_class_is_refused(refusal):
    source = OPTIONS.replace("@attrs.frozen\nclass Options", "class Options")
    assert "its Options is no attrs class" in refusal(source)
