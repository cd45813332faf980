"""The engine passes every test vector, or differs where the table of differences says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from damon_core.errors import ConfigError
from damon_core.testing.differences import DELIBERATE_DIFFERENCES, page
from damon_core.testing.vectors import Vector, evaluate, read_vectors

FILE = Path(__file__).parent / "data" / "vectors.json"
MORE = FILE.with_name("more_vectors.json")
DIFFERENCES = Path(__file__).parents[1] / "docs" / "reference" / "differences.md"
VECTORS = {vector.name: vector for vector in read_vectors(FILE)}
OF_FILE = set(VECTORS)
VECTORS |= {vector.name: vector for vector in read_vectors(MORE)}


@pytest.mark.parametrize("name", VECTORS)
def test_the_engine_does_what_the_vector_expects(name: str) -> None:
    assert evaluate(VECTORS[name]) is None


def wrong(value: Any) -> Any:
    """A value of the same kind that is not this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, list):
        return [wrong(value[0]), *value[1:]] if value else [1]
    if isinstance(value, dict):
        first = next(iter(value))
        return {**value, first: wrong(value[first])}
    return 1


# A bound can be loosened, and words can be changed, without becoming untrue.
BOUNDS = {
    "max_nr_regions", "all_sizes_multiple_of", "coverage", "nr_after_gt", "nr_after_le",
    "min_seen_ge", "max_seen_le", "nr_regions_le", "nr_regions_ge", "ratio_ge", "relations",
    "recommended",
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_with_a_wrong_expectation_fails(name: str) -> None:
    vector = VECTORS[name]
    for column in vector.expected.keys() - BOUNDS:
        expected = {**vector.expected, column: wrong(vector.expected[column])}
        spoilt = Vector(vector.name, vector.function, vector.inputs, expected)
        assert evaluate(spoilt) is not None, column


def test_limits_that_are_not_kept_fail() -> None:
    impossible: dict[str, Any] = {
        "split_regions_of_bounds": {"max_nr_regions": [0, 0, 0]},
        "split_above_half_progresses": {"nr_after_le": 760},
        "selftest_nr_regions_min": {"max_seen_le": 5},
        "selftest_nr_regions_online": {"nr_regions_le": 1},
        "selftest_tried_regions": {"nr_regions_ge": 10_000},
        "selftest_apply_interval": {"ratio_ge": 100},
        "feed_loop": {"relations": ["f(900000,200) < 900000"]},
    }
    for name, columns in impossible.items():
        vector = VECTORS[name]
        expected = {**vector.expected, **columns}
        spoilt = Vector(name, vector.function, vector.inputs, expected)
        assert evaluate(spoilt) is not None, name


def test_a_vector_that_nobody_can_evaluate_fails() -> None:
    fault = evaluate(Vector("new_thing", "damon_new_thing", {"x": 1}, {"y": 2}))
    assert fault is not None
    assert fault.startswith("no evaluator for 'damon_new_thing'")


def test_an_expectation_that_nobody_looks_at_fails() -> None:
    vector = VECTORS["region_new"]
    expected = {**VECTORS["schedule_aggr_eq_sample"].expected, "colour": "red"}
    schedule = VECTORS["schedule_aggr_eq_sample"]
    fault = evaluate(Vector(schedule.name, schedule.function, schedule.inputs, expected))
    assert fault == "nothing evaluates expected colour"
    assert evaluate(vector) is None


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "damon_core.testing.vectors", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_ends_with_how_many_passed_and_failed(tmp_path: Path) -> None:
    result = run(str(FILE))
    assert (result.returncode, result.stdout.splitlines()[-1]) == (0, "106 passed, 0 failed")
    content = json.loads(FILE.read_text())
    content["vectors"] = content["vectors"][:3]
    content["vectors"][1]["expected"]["nr_targets"] = 4
    content["vectors"][2]["function"] = "damon_unheard_of"
    spoilt = tmp_path / "vectors.json"
    spoilt.write_text(json.dumps(content))
    result = run(str(spoilt))
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "FAILED reset_aggregated: nr_targets: got 3, expected 4"
    assert lines[1].startswith("FAILED split_at: no evaluator for 'damon_unheard_of'")
    assert lines[-1] == "1 passed, 2 failed"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "is no JSON file"),
        ("[]", "a vector file of schema 1 is needed"),
        ('{"schema": 2, "vectors": []}', "has schema 2"),
        ('{"schema": 1, "vectors": [{"name": "x"}]}', "vector 0 needs name, function, inputs"),
    ],
)
def test_a_file_that_holds_no_vectors_is_refused(tmp_path: Path, content: str, fault: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=fault):
        read_vectors(file)


def test_a_missing_file_is_bad_input_for_the_command() -> None:
    result = run("/no/such/file.json")
    assert result.returncode == 2
    assert result.stderr == "error: /no/such/file.json cannot be read: No such file or directory\n"


def test_each_difference_names_vectors_that_exist() -> None:
    named = [name for each in DELIBERATE_DIFFERENCES for name in each.vectors]
    assert set(named) <= OF_FILE
    assert len(named) == len(set(named))


def test_the_page_of_differences_is_the_table() -> None:
    assert DIFFERENCES.read_text() == page(), "run python docs/generate.py"
