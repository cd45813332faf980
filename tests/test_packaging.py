"""What is installed is what people get: versions, entry points, files for plugins, no C sources."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import Distribution, distribution, entry_points
from pathlib import Path

import pytest

import damon_core
from damon_core.build import get_cmake, get_include
from damon_core.catalogue import GROUP, declarations, load

ROOT = Path(__file__).parent.parent
INSTALLED = Path(damon_core.__file__).parent
TEMPLATE_FILES = (
    *("README.md", "damon_first_touch.py", "pyproject.toml", "tests/test_first_touch.py"),
    "tox.ini",
)
PROJECTS = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


def read_toml(path: Path) -> dict:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        from setuptools._vendor import tomli as tomllib
    return tomllib.loads(path.read_text())


def project(folder: Path) -> dict:
    return read_toml(folder / "pyproject.toml")["project"]


def is_editable(found: Distribution) -> bool:
    return '"editable": true' in (found.read_text("direct_url.json") or "").replace(
        ":true", ": true"
    )


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_the_versions_of_all_distributions_are_equal(folder: Path):
    about = project(folder)
    assert about["version"] == project(ROOT)["version"]
    assert distribution(about["name"]).version == about["version"]


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_the_license_is_declared(folder: Path):
    assert project(folder)["license"].startswith("Apache-2.0")


@pytest.mark.parametrize("folder", PROJECTS[1:], ids=lambda folder: folder.name)
def test_a_plugin_is_named_alike_everywhere(folder: Path):
    about = project(folder)
    name = folder.name
    assert about["name"] == f"damon-{name.replace('_', '-')}"
    assert about["entry-points"][GROUP][name].startswith(f"damon_{name}.")


@pytest.mark.parametrize("folder", PROJECTS[1:], ids=lambda folder: folder.name)
def test_a_plugin_declares_what_its_core_declares(folder: Path):
    core = {spec.split(">=")[0]: spec for spec in project(ROOT)["dependencies"]}
    for spec in project(folder)["dependencies"]:
        name = spec.split(">=")[0]
        assert core.get(name, spec) == spec, f"{folder.name} asks for another {name} than core"


def test_every_declared_primitive_of_this_project_loads():
    ours = {project(folder)["name"] for folder in PROJECTS}
    declared = [one for one in declarations() if one.distribution in ours]
    assert [one.name for one in declared] == [folder.name for folder in PROJECTS[1:]]
    for one in declared:
        assert isinstance(load(one), type)


def test_the_command_is_installed():
    (command,) = entry_points(group="console_scripts", name="damon")
    assert callable(command.load())


@pytest.mark.parametrize("path", TEMPLATE_FILES)
def test_what_a_new_primitive_is_made_of_is_shipped(path: str):
    assert (INSTALLED / "template" / path).is_file()


@pytest.mark.parametrize("path", [Path(get_include(), "damon", "report.h"), Path(get_cmake())])
def test_what_a_plugin_needs_to_build_is_shipped(path: Path):
    assert path.is_file()


def test_the_build_paths_are_found_without_importing_the_rest():
    code = "import sys, damon_core.build as b; print(b.get_include(), 'numpy' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(INSTALLED.parent)},
    )
    assert run.stdout.split() == [get_include(), "False"]


@pytest.mark.parametrize("name", ["damon-core", "damon-accessed-bit", "damon-page-fault"])
def test_a_wheel_has_types_and_no_sources_of_c(name: str):
    found = distribution(name)
    if is_editable(found):
        pytest.skip("installed from the source tree: tox tests the wheels")
    files = [str(path) for path in found.files or () if "dist-info" not in str(path)]
    assert any(path.endswith("/py.typed") for path in files)
    assert any(path.endswith("/_native/_ffi.pyi") for path in files)
    assert not [path for path in files if path.endswith((".c", ".o", ".txt", "CMakeLists.txt"))]
    headers = [path for path in files if path.endswith(".h")]
    assert headers == (["damon_core/include/damon/report.h"] if name == "damon-core" else [])
    modules = [path for path in files if path.endswith(".so")]
    assert [path.rsplit("/", 1)[1] for path in modules] == ["_ffi.abi3.so"]


def test_the_wheel_of_a_plugin_without_c_is_for_every_platform():
    found = distribution("damon-perf-pmu")
    if is_editable(found):
        pytest.skip("installed from the source tree: tox tests the wheels")
    files = [str(path) for path in found.files or () if "dist-info" not in str(path)]
    assert "damon_perf_pmu/py.typed" in files
    assert not [path for path in files if not path.endswith((".py", ".pyc", "/py.typed"))]
    assert "Tag: py3-none-any" in (found.read_text("WHEEL") or "")


def test_the_wheel_of_a_plugin_without_c_is_for_every_machine():
    found = distribution("damon-perf-pmu")
    if is_editable(found):
        pytest.skip("installed from the source tree: tox tests the wheels")
    files = [str(path) for path in found.files or ()]
    assert "damon_perf_pmu/py.typed" in files
    assert not [path for path in files if path.endswith((".so", ".c", ".h"))]
    assert "Root-Is-Purelib: true" in (found.read_text("WHEEL") or "")


def test_the_wheel_of_core_has_its_program_license_and_build_rules():
    found = distribution("damon-core")
    if is_editable(found):
        pytest.skip("installed from the source tree: tox tests the wheels")
    files = {str(path): path for path in found.files or ()}
    program = files["damon_core/workload/damon-toucher"].locate()
    assert os.access(program, os.X_OK)
    assert "damon_core/cmake/DamonCffi.cmake" in files
    for path in TEMPLATE_FILES:
        assert f"damon_core/template/{path}" in files
    assert any(path.endswith("licenses/LICENSE") for path in files)


def test_struct_sizes_of_c_are_those_that_python_declares():
    from damon_core._native import ffi

    # cffi compares a cdef with C at the first use of a struct, not when it is built.
    opaque = 0
    for kinds in ffi.list_types():
        for name in kinds:
            try:
                size = ffi.sizeof(name if name in ffi.list_types()[0] else f"struct {name}")
            except ffi.error:
                opaque += 1
            else:
                assert size > 0
    assert ffi.sizeof("struct damon_access_report") == 64
