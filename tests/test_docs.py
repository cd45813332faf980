"""The documentation says what the code does: hooks, commands, links, examples, generated pages."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from damon_core.cli import damon
from damon_core.config import load_config
from damon_core.model import Intervals, Ops
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_writer import RecordWriter
from damon_core.registration import hook_arguments
from damon_core.testing.snapshots import T0_NS, random_snapshot
from tests.browser import MISSING, find_browser

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("[ep]*/*/README.md")])
TEMPLATE = ROOT / "damon_core" / "template"
EXAMPLE = (TEMPLATE / "damon_first_touch.py").read_text()

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="needs the source tree")


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def every_block(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for block in blocks(page, language):
            yield page, block


@pytest.mark.parametrize("hook", hook_arguments())
def test_each_hook_has_a_section_headed_by_its_exact_signature(hook: str):
    text = (DOCS / "reference" / "hooks.md").read_text()
    assert f"\n## {hook}({', '.join(hook_arguments()[hook])})\n" in text
    section = text.split(f"\n## {hook}(")[1].split("\n## ")[0]
    for word in ("*When*", "*For*", "*Cost budget*"):
        assert word in section


def test_no_section_is_of_a_hook_that_does_not_exist():
    text = (DOCS / "reference" / "hooks.md").read_text()
    assert set(re.findall(r"^## (damon_\w+)\(", text, re.MULTILINE)) == set(hook_arguments())


@pytest.mark.parametrize("hook", hook_arguments())
def test_each_hook_has_its_place_in_the_order_test(hook: str):
    text = (ROOT / "tests" / "noting.py").read_text()
    assert f"def {hook}(self, ctx" in text


@pytest.mark.parametrize("page", ["reference/hooks.md", "tutorial/your-own-primitive.md"])
def test_code_of_primitives_is_cut_from_the_example_that_the_tests_run(page: str):
    contract = (TEMPLATE / "tests" / "test_first_touch.py").read_text()
    for block in blocks(DOCS / page, "python"):
        assert block in EXAMPLE + contract, block


def test_the_project_file_of_the_tutorial_is_the_one_of_the_example():
    (block,) = blocks(DOCS / "tutorial" / "your-own-primitive.md", "toml")
    assert block in (TEMPLATE / "pyproject.toml").read_text()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            linked = (page.parent / path) if path else page
            assert linked.exists(), f"{target} does not exist"
            if anchor and linked.suffix == ".md":
                assert anchor in anchors(linked), f"{target}: no such heading"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize(
    ("page", "block"),
    [(page, block) for page, block in every_block("yaml") if re.search(r"^\w", block)],
    ids=lambda value: page_id(value) if isinstance(value, Path) else "",
)
def test_configurations_are_valid(page: Path, block: str, tmp_path: Path):
    if "sample:" in block and "targets:" not in block:
        block += "targets: [{pid: 1}]\n"
    path = tmp_path / "page.yaml"
    path.write_text(block)
    assert load_config(path).contexts


def commands() -> list[tuple[Path, str]]:
    """Every line of a shell block that calls damon."""
    lines = [(page, line) for page, block in every_block("sh") for line in block.splitlines()]
    return [(page, line.strip()) for page, line in lines if re.search(r"(^|\s)damon [a-z]", line)]


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda value: str(value)[-40:])
def test_commands_have_the_options_that_they_are_shown_with(page: Path, line: str):
    words = shlex.split(line, comments=True)
    words = words[words.index("damon") + 1 :]
    words = words[: words.index("--")] if "--" in words else words
    command: click.Command = damon
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        inner = command.get_command(click.Context(command), name)
        assert inner is not None, f"{page_id(page)}: no command {name}"
        command = inner
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    for word in words:
        if re.match(r"-[^\d]", word):
            assert word.split("=")[0] in known, f"{page_id(page)}: {line}"


@pytest.fixture
def first_recording(tmp_path: Path) -> Path:
    """A folder with the recording of which the pages speak, ``first.damon``."""
    header = RecordHeader(
        Ops.VADDR,
        (PrimitiveInfo("accessed_bit", "0.1.0", "bpf"),),
        T0_NS,
        host="box",
        intervals=Intervals(),
        config="",
        command_line=(),
    )
    with RecordWriter(tmp_path / "first.damon", header) as writer:
        for index in range(3):
            writer.write(random_snapshot(index, 20))
    return tmp_path


PROGRAMS = ["how-to/read-a-recording.md", "how-to/heatmap.md", "reference/python.md"]


@pytest.mark.parametrize("page", PROGRAMS)
def test_programs_run(first_recording: Path, page: str):
    for block in blocks(DOCS / page, "python"):
        run = subprocess.run(
            [sys.executable, "-c", block],
            cwd=first_recording,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        assert run.stdout


def test_the_notebook_runs_and_is_kept_without_its_results(first_recording: Path):
    notebook = json.loads((ROOT / "examples" / "recording.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    # What a cell ends with is shown as notebooks show it: as a picture, if it knows how.
    show = (
        "import ast, json, sys\n"
        "names = {}\n"
        "for source in json.load(sys.stdin):\n"
        "    tree = ast.parse(source)\n"
        "    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None\n"
        "    exec(compile(tree, 'cell', 'exec'), names)\n"
        "    value = last and eval(compile(ast.Expression(last.value), 'cell', 'eval'), names)\n"
        "    picture = getattr(value, '_repr_png_', lambda: None)()\n"
        "    print('PNG' if picture else value)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", show],
        cwd=first_recording,
        input=json.dumps(["".join(cell["source"]) for cell in cells]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("PNG") == 3


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench"])
def test_make_has_the_targets_that_are_told(target: str):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_generated_pages_are_fresh():
    run = subprocess.run(
        [sys.executable, DOCS / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


VM_REPORT = """<testsuites><testsuite>
<testcase name="a"><properties><property name="kernel" value="old"/>
<property name="tests" value="plugins/a/tests"/><property name="options" value="--numa 2"/>
<property name="passed" value="12"/><property name="skipped" value="3"/></properties></testcase>
<testcase name="b"><failure message="it failed in the guest"/></testcase>
</testsuite></testsuites>"""


def test_tests_that_passed_under_a_kernel_are_in_its_table_with_their_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(DOCS)
    kernels = importlib.import_module("kernels")
    monkeypatch.setattr(kernels, "KEPT", tmp_path)
    (tmp_path / "old.json").write_text('{"release": "1.0", "primitives": {"seen": {"vaddr": {}}}}')
    (tmp_path / "vm.xml").write_text(VM_REPORT)
    kernels.keep_tests(tmp_path / "vm.xml")
    assert "| `plugins/a/tests --numa 2` | 12, 3 |" in kernels.page()
    assert '"release": "1.0"' in (tmp_path / "old.json").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not find_browser(), reason=MISSING)
def test_pictures_can_be_made_anew_and_are_small(first_recording: Path, tmp_path: Path):
    command = [sys.executable, DOCS / "pictures.py", "--folder", tmp_path / "pictures"]
    command += ["--recording", first_recording / "first.damon"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    made = {path.name for path in (tmp_path / "pictures").iterdir()}
    kept = {path.name: path.stat().st_size for path in (DOCS / "pictures").iterdir()}
    assert made == {name for name in kept if not name.startswith("redis.")}  # of another script
    assert max(kept.values()) < 200 << 10


def test_every_page_is_reached_from_the_index():
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text()):
                if not target.startswith("http"):
                    waiting.append((page.parent / target).resolve())
    missing = {page_id(page) for page in DOCS.rglob("*.md")} - {
        page_id(page) for page in reached if page.is_relative_to(ROOT)
    }
    assert not missing


def test_the_license_is_there_and_names_what_is_under_another():
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:300]
    note = (ROOT / "LICENSES" / "README.md").read_text()
    others = [
        path
        for path in ROOT.glob("plugins/*/bpf/*")
        if path.is_file() and "GPL-2.0 OR BSD-2-Clause" in path.read_text()[:300]
    ]
    assert others
    for path in others:
        assert f"`{path.parent.relative_to(ROOT)}/`" in note


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for folder in ("damon_core", "plugins", "bench", "fuzz")
        for path in (ROOT / folder).rglob("*.[ch]")
        # a prelude is only a list of includes for cffi
        if "build" not in path.relative_to(ROOT).parts and path.name != "ffi.prelude.c"
    ),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_each_file_of_c_says_its_license(path: Path):
    assert "SPDX-License-Identifier: " in path.read_text().split("\n")[0]
