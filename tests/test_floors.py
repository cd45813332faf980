"""Imports go down only: each module stands on a floor, and uses its own floor and those below.

A module that is not listed fails: before a new file, decide which floor and which noun it is.
What is imported for types alone may come from above: a contract names what it will be given.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import damon_core

ROOT = Path(damon_core.__file__).parent

FLOORS = (
    # facts and contracts
    "errors spelling units model access snapshot primitive hookspecs spec process file_kind spans "
    "draws build metrics clock cpus perf_attr perf_event perf_decoding tracepoint _native "
    "target_sizes listen_address file_limit",
    # address spaces, targets, and the memory of the monitor
    "regions matcher reports maps target ops vaddr paddr command selector wanted discovery "
    "target_table perf_ring perf_processor perf_sampling perf_targets passing perf_data",
    # the monitoring loop
    "schedule pace sources window tally tuning engine",
    # plugins
    "mechanism catalogue registration options installed hosted host",
    # configuration
    "config",
    # tests
    "testing",
    # what goes out, and what is known of what was monitored
    "record record_batch record_format record_frames record_names record_writer monitored_context "
    "monitoring recorded_context recording rivalry truth truth_log touching score workload report "
    "comparison exposition exporter live figures formats",
    "replay replay_plan replay_source replay_targets",
    # people
    "cli __main__",
)
FLOOR_OF = {name: level for level, names in enumerate(FLOORS) for name in names.split()}

# A library is known to few files, so that it can be replaced in an hour.
LIBRARIES = {
    "pluggy": {"hookspecs", "host", "hosted"},
    "stevedore": {"catalogue"},
    "cattrs": {"options", "config", "record_format"},
    "yaml": {"config"},
    "click": {"cli"},
    "rich": {"cli", "live", "report"},
    "pyarrow": {
        "record",
        "record_batch",
        "record_format",
        "record_frames",
        "record_writer",
        "formats",
    },
    "matplotlib": {"figures"},
    "prometheus_client": {"exporter"},
    "psutil": {"selector", "process", "discovery", "wanted"},
}

HEAVY = (
    "numpy",
    "pyarrow",
    "pandas",
    "matplotlib",
    "rich",
    "yaml",
    "cattrs",
    "pluggy",
    "stevedore",
    "psutil",
    "prometheus_client",
)


def modules() -> list[Path]:
    template = ROOT / "template"  # a distribution of its own
    return sorted(path for path in ROOT.rglob("*.py") if template not in path.parents)


def name_of(path: Path) -> str:
    """``config.key`` of damon_core/config/key.py, "" of damon_core/__init__.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """All import statements below ``node``, but for those that only types need."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        yield from imports(child)


def imported_rooms(path: Path) -> set[str]:
    """The modules and subpackages of damon_core, by their first name, that a file imports."""
    folder = path.parent.relative_to(ROOT).parts
    rooms = set()
    for node in imports(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            rooms |= {name[1] for name in names if name[0] == "damon_core" and len(name) > 1}
            continue
        above = folder[: len(folder) - node.level + 1] if node.level else ()
        inside = [*above, *(node.module or "").split(".")]
        if not node.level and inside.pop(0) != "damon_core":
            continue
        inside = [part for part in inside if part]
        rooms |= {inside[0]} if inside else {alias.name for alias in node.names}
    return rooms


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_down_only(path: Path):
    room = name_of(path).split(".")[0]
    if not room:
        return
    assert room in FLOOR_OF, f"{room} has no floor: list it in FLOORS"
    for imported in imported_rooms(path):
        assert imported in FLOOR_OF, f"{name_of(path)} imports {imported}, which has no floor"
        assert FLOOR_OF[imported] <= FLOOR_OF[room], f"{name_of(path)} imports {imported}, above it"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_library_is_known_to_few_files(path: Path):
    room = name_of(path).split(".")[0]
    for node in imports(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            libraries = [] if node.level else [(node.module or "").split(".")[0]]
        else:
            libraries = [alias.name.split(".")[0] for alias in node.names]
        for library in libraries:
            assert room in LIBRARIES.get(library, {room}), f"{library} is not for {name_of(path)}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_has_a_docstring_and_one_noun(path: Path):
    source = path.read_text()
    assert ast.get_docstring(ast.parse(source)) or not source.strip(), "say what the module is"
    assert len(source.splitlines()) <= 300, "split it by noun"


def test_the_command_line_starts_without_what_only_some_commands_need():
    code = f"import sys, damon_core.cli; print(*(set({HEAVY!r}) & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_reading_a_recording_needs_no_plugin():
    code = (
        "import sys, damon_core.record, damon_core.report.access, damon_core.report.wss; "
        "print(*({'pluggy', 'stevedore', 'damon_core.host'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
