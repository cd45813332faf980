"""What the reference page on workloads shows is run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from damon_core.cli import main
from damon_core.truth_log import read_truth_log
from damon_core.workload.directives import WORDS
from damon_core.workload.masim import load_masim, parse_masim
from damon_core.workload.plan import MemoryKind
from damon_core.workload.toucher import Toucher

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference" / "workload.md").read_text()
FILES = re.findall(r"```masim\n(.*?)```", PAGE, re.DOTALL)
SCRIPTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", FILES)
def test_the_files_on_the_page_run_and_their_logs_have_the_keys_on_the_page(text, tmp_path):
    log = tmp_path / "log"
    with Toucher(parse_masim(text), log) as toucher:
        toucher.wait()
    assert read_truth_log(log).ended
    keys = {key for line in log.read_text().splitlines() for key in json.loads(line)}
    assert keys <= set(re.findall(r"`([a-z0-9_]+)`", PAGE))


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_on_the_page_run(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "workload.md", "exec"), {})


def test_the_command_on_the_page_has_no_unknown_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"^\$ damon (.*)$", PAGE, re.MULTILINE)
    (tmp_path / "shape.cfg").write_text(FILES[0])
    assert main([*shlex.split(command), "--check"]) == 0


def test_every_directive_and_every_kind_of_memory_is_on_the_page():
    assert set(re.findall(r"`#damon (\w+)", PAGE)) == set(WORDS)
    for kind in MemoryKind:
        assert f"`{kind}`" in PAGE


def test_the_examples_of_workloads_are_read():
    for path in sorted((ROOT / "examples").glob("*.cfg")):
        assert load_masim(path).duration_us
