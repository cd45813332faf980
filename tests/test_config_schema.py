from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from damon_core.config import load_config
from damon_core.config.schema import schema, schema_text

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is missing: pip install it")
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def test_the_schema_takes_what_we_take(validator: Any) -> None:
    for example in EXAMPLES:
        assert validator.is_valid(yaml.safe_load(example.read_text())), example.name
    assert validator.is_valid({"targets": [{"pid": 1}], "intervals": "auto"})


@pytest.mark.parametrize(
    "text",
    [
        "target: []",
        "ops: vadr",
        "intervals: [1]",
        "intervals: manual",
        "targets: [{pid: self}]",
        "sample: {primitives: [{a: 3}]}",
        "sample: {primitives: [{a: {}, b: {}}]}",
        "sample: {filters: [{}]}",
        "record: {}",
    ],
)
def test_the_schema_refuses_what_we_refuse(validator: Any, text: str) -> None:
    assert not validator.is_valid(yaml.safe_load(text))


def written_keys(node: object) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(written_keys, node))
    if isinstance(node, dict):
        return node.keys() | set().union(*map(written_keys, node.values()))
    return set()


def test_the_examples_are_right_and_use_every_key() -> None:
    for example in EXAMPLES:
        load_config(example)
    written = written_keys(yaml.safe_load((ROOT / "examples" / "every-key.yaml").read_text()))
    known = {key for one in schema()["$defs"].values() for key in one["properties"]}
    assert known - written == {"filter_type", "tid_arr"}


def test_the_schema_is_committed_for_editors() -> None:
    path = ROOT / "docs" / "reference" / "config.schema.json"
    assert json.loads(path.read_text()) == json.loads(schema_text())


def test_the_reference_pages_say_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
