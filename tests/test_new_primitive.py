"""``damon new-primitive`` makes a package that keeps the contract as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

import pytest

from damon_core.cli import main
from damon_core.cli.new_primitive import TEMPLATE, spellings
from tests.test_packaging import is_editable

ROOT = Path(__file__).parent.parent
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package of a primitive ``far_eyes``."""
    monkeypatch.chdir(tmp_path)
    assert main(["new-primitive", "far_eyes"]) == 0
    return tmp_path / "damon-far-eyes"


def test_a_package_has_the_files_of_the_template_under_its_own_name(made: Path, capsys: Capture):
    files = sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file())
    assert files == [
        "README.md",
        "damon_far_eyes.py",
        "pyproject.toml",
        "tests/test_far_eyes.py",
        "tox.ini",
    ]
    capsys.readouterr()
    assert main(["new-primitive", "far_eyes", "-o", "other"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [f"other/{path}" for path in files]
    assert printed.err.count("\n") == 1


def test_nothing_in_it_is_named_after_the_template(made: Path):
    text = "\n".join(path.read_text() for path in made.rglob("*") if path.is_file())
    for old, new in spellings("far_eyes").items():
        assert old not in text
        assert new in text


def test_its_tests_pass_and_prove_the_contract(made: Path):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", made],
        env={**os.environ, "PYTHONPATH": str(made), "PYTEST_ADDOPTS": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "skipped" not in run.stdout
    assert int(run.stdout.split()[-4]) > 20, run.stdout


def test_a_folder_can_be_chosen(tmp_path: Path):
    folder = tmp_path / "deep" / "eyes"
    assert main(["new-primitive", "eyes", "--output", str(folder)]) == 0
    assert (folder / "damon_eyes.py").is_file()


def test_a_folder_that_is_there_is_left_alone(made: Path, capsys: Capture):
    (made / "README.md").write_text("mine")
    capsys.readouterr()
    assert main(["new-primitive", "far_eyes"]) == 2
    assert capsys.readouterr().err == (
        "damon: damon-far-eyes is there already: choose another folder with --output\n"
    )
    assert (made / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    "name",
    ["", "Eyes", "my-eyes", "_eyes", "eyes_", "my__eyes", "2eyes", "a/b", "..", "x" * 51, "äyes"],
)
def test_a_name_that_not_all_can_use_is_refused(name: str, tmp_path: Path, capsys: Capture):
    assert main(["new-primitive", "--output", str(tmp_path / "new"), "--", name]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"damon: name {name!r}: wanted are small letters")
    assert line.count("\n") == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["core", "accessed_bit", "page_fault", "options", "provides"])
def test_a_name_that_is_taken_is_refused(name: str, tmp_path: Path, capsys: Capture):
    assert main(["new-primitive", name, "--output", str(tmp_path / "new")]) == 2
    assert f"name {name} is taken" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_template_itself_is_the_package_of_its_own_name(tmp_path: Path):
    folder = tmp_path / "new"
    assert main(["new-primitive", "first_touch", "--output", str(folder)]) == 0
    for path in folder.rglob("*"):
        if path.is_file():
            assert path.read_text() == (TEMPLATE / path.relative_to(folder)).read_text()


def run(args: Sequence[object], folder: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    found = subprocess.run(
        list(map(str, args)), cwd=folder, env=kept, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


@pytest.mark.slow
@pytest.mark.uninstrumented
def test_three_commands_lead_from_nothing_to_a_proven_primitive(tmp_path: Path):
    """In an environment with nothing but damon-core in it."""
    run([sys.executable, "-m", "venv", "env"], tmp_path)
    bin = tmp_path / "env" / "bin"
    core = "damon-core"
    if is_editable(distribution(core)):  # tox has built wheels, and pip finds them
        wheel = ["wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT]
        run([sys.executable, "-m", "pip", *wheel], tmp_path)
        (core,) = map(str, tmp_path.glob("*.whl"))
    run([bin / "python", "-m", "pip", "install", "-q", core], tmp_path)

    run([bin / "damon", "new-primitive", "far_eyes"], tmp_path)
    run([bin / "pip", "install", "-q", "./damon-far-eyes[test]"], tmp_path)
    proven = run([bin / "pytest", "-q", "damon-far-eyes"], tmp_path)

    assert " passed" in proven
    assert "skipped" not in proven
    assert "far_eyes" in run([bin / "damon", "primitives"], tmp_path)
