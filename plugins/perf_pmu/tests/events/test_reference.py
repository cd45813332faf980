"""The reference of events says what becomes of them, and which have addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

from damon_perf_pmu.capability import classify
from damon_perf_pmu.event_terms import SPECIAL
from damon_perf_pmu.events import resolve_on
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.modifiers import LETTERS
from damon_perf_pmu.raw_attr import FIELDS
from damon_perf_pmu.tags import TAGS

from .machines import MACHINES

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "perf-events.md"
TEXT = PAGE.read_text() if PAGE.is_file() else ""
Build = Callable[[object], Machine]

pytestmark = pytest.mark.skipif(not TEXT, reason="needs the source tree")


def section(heading: str) -> str:
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def table(heading: str) -> list[list[str]]:
    """The rows of the first table of a section, without its head."""
    rows = [line.strip("|").split("|") for line in section(heading).splitlines() if line[:1] == "|"]
    return [[cell.strip().strip("`") for cell in row] for row in rows[2:]]


def on_machines(words: str) -> list[str]:
    name = words.split(",")[0]
    return list(MACHINES) if name == "any" else [name]


@pytest.mark.parametrize("row", table("What becomes of them"), ids=lambda row: f"{row[0]} {row[1]}")
def test_an_event_becomes_what_the_reference_says(build: Build, row: list[str]) -> None:
    text, where, *numbers = row
    for name in on_machines(where):
        (event,) = resolve_on(build(name), [text])
        expected = [int(number, 0) for number in numbers]
        assert [event.type, event.config, event.config1, event.period] == expected
        led = re.search(r"led by (0x[0-9a-f]+)", where)
        assert (event.leader.config if event.leader else None) == (int(led[1], 0) if led else None)


@pytest.mark.parametrize(
    "row", table("Which events tell addresses"), ids=lambda row: f"{row[0]} {row[1]}"
)
def test_an_event_tells_the_addresses_that_the_reference_says(build: Build, row: list[str]) -> None:
    text, where, virtual, physical = row
    for name in on_machines(where):
        machine = build(name)
        for event in resolve_on(machine, [text]):
            assert classify(event, machine).answer.value == virtual
            assert classify(event, machine, physical=True).answer.value == physical


def examples() -> list[object]:
    """What the column of examples shows, as YAML reads it where it is a mapping of keys."""
    shown = re.findall(r"\| ([^|]+) \|$", section("Forms").split("\n\n")[0], re.MULTILINE)[1:]
    texts = [text for cell in shown for text in re.findall(r"`([^`]+)`", cell)]
    return [yaml.safe_load(text) if ": " in text else text for text in texts]


@pytest.mark.parametrize("example", examples(), ids=str)
def test_an_example_is_taken(build: Build, example: object) -> None:
    machine = build("Zen 4" if "ibs_op" in str(example) else "Haswell")
    assert resolve_on(machine, [example])  # type: ignore[list-item]


def test_the_configuration_is_taken(build: Build) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (primitive,) = yaml.safe_load(block)["sample"]["primitives"]
    (event, *others) = primitive["perf_pmu"]["events"]
    assert event == "auto"
    assert len(resolve_on(build("Haswell"), others)) == 3


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Forms", LETTERS),
        ("Tags", TAGS),
        ("Terms", SPECIAL),
        ("Fields", FIELDS),
    ],
)
def test_every_word_that_is_known_is_in_its_section(heading: str, words: Iterable[str]) -> None:
    text = section(heading)
    assert [word for word in words if f"`{word}`" not in text] == []
