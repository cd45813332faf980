"""The contract of primitives catches what it promises to catch, and names the rule."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from damon_core.testing.rule import BrokenRule, Rule
from tests.template import TEMPLATE

HERE = Path(__file__).parent
BREAKS = import_module("tests.breakers").BREAKS  # needs the template's module, as of now


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What pytest says of each breaker, by the name of its class."""
    folder = tmp_path_factory.mktemp("breakers")
    shutil.copy(HERE / "breakers.py", folder / "test_breakers.py")
    tests = [f"test_breakers.py::Test{one.__name__}::test_{BREAKS[one][1]}" for one in BREAKS]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", "--tb=no", "-p", "no:cacheprovider", *tests],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTEST_ADDOPTS": "",
            "COLUMNS": "500",
            "PYTHONPATH": str(TEMPLATE),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    found = re.findall(r"^FAILED \S+::Test(\w+)::\S+ - (.*)$", run.stdout, re.MULTILINE)
    assert found, run.stdout + run.stderr
    return dict(found)


@pytest.mark.parametrize("breaker", BREAKS, ids=lambda breaker: breaker.__name__)
def test_a_primitive_that_breaks_a_rule_is_told_which(failures: dict[str, str], breaker: type):
    rule, _ = BREAKS[breaker]
    found = failures[breaker.__name__].partition(": broken rule ")[2]
    assert found.startswith(f"{rule.name}, {rule.value}: "), failures[breaker.__name__]


def test_each_rule_has_a_primitive_that_breaks_it():
    assert {rule for rule, _ in BREAKS.values()} == set(Rule)


def test_each_rule_is_listed_for_those_who_must_keep_it():
    page = HERE.parent / "docs" / "how-to" / "test-a-primitive.md"
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", page.read_text(), re.MULTILINE)
    assert rows == [(rule.name, rule.value) for rule in Rule]


def test_the_first_rule_that_is_broken_is_the_one_that_is_told():
    with pytest.raises(BrokenRule, match="rule SEEN"), Rule.FILES.kept():
        Rule.SEEN.must(False, "nothing")
    with pytest.raises(BrokenRule, match=r"rule FILES, .*: ValueError: odd$"), Rule.FILES.kept():
        raise ValueError("odd")
