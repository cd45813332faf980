"""Primitives of third parties, each its own distribution, pass their own tests once installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_packaging import read_toml

EXAMPLES = Path(__file__).parent.parent / "examples"
OUTSIDERS = sorted(path.parent for path in EXAMPLES.glob("*/pyproject.toml"))


@pytest.mark.parametrize("folder", OUTSIDERS, ids=lambda folder: folder.name)
def test_an_outsider_is_named_alike_everywhere(folder: Path):
    about = read_toml(folder / "pyproject.toml")["project"]
    assert about["name"] == f"damon-{folder.name}"
    ((name, target),) = about["entry-points"]["damon.primitives"].items()
    assert name == folder.name
    assert target.startswith(f"damon_{folder.name}:")


@pytest.mark.parametrize("folder", OUTSIDERS, ids=lambda folder: folder.name)
def test_an_outsider_imports_only_what_a_primitive_may(folder: Path):
    page = (EXAMPLES.parent / "docs" / "reference" / "hooks.md").read_text()
    allowed = page.split("## What a primitive may import")[1]
    source = (folder / f"damon_{folder.name}.py").read_text()
    imported = [line.split()[1] for line in source.splitlines() if line.startswith("from damon_")]
    assert imported
    assert [name for name in imported if f"`{name}`" not in allowed] == []


@pytest.mark.parametrize("folder", OUTSIDERS, ids=lambda folder: folder.name)
def test_an_outsider_says_what_it_does_not_see(folder: Path):
    readme = (folder / "README.md").read_text()
    assert len(readme.split("## What it does not see: blind spots\n")[1].split("\n- ")) > 3
    source = (folder / f"damon_{folder.name}.py").read_text()
    options = readme.split("## Options")[1].split("## ")[0]
    fields = source.split("class Options:")[1].split('"""')[2].split("\n\n\n")[0]
    for line in fields.splitlines():
        name, colon, _ = line.strip().partition(":")
        if colon and line.startswith("    ") and not line.startswith("     "):
            assert f"| `{name}` |" in options


@pytest.mark.slow
@pytest.mark.parametrize("folder", OUTSIDERS, ids=lambda folder: folder.name)
def test_an_outsider_passes_its_own_tests_once_installed(folder: Path, tmp_path: Path):
    source, target = tmp_path / folder.name, tmp_path / "installed"
    shutil.copytree(folder, source, ignore=shutil.ignore_patterns("__pycache__", "build"))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", target, source],
        check=True,
        env={**os.environ, "PIP_FIND_LINKS": ""},
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", source / "tests"],
        env={**os.environ, "PYTHONPATH": str(target), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    print(run.stdout)
