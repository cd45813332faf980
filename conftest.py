"""What the tests of all packages share: markers with their skip reasons, fake distributions."""

from __future__ import annotations

import faulthandler
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

# Read by stevedore when it is imported: no test may see what another Python has cached.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="damon-tests-")

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent
VMRUN = ROOT / "tools" / "vmrun"
KERNELS = ROOT / ".vm"
VM_PACKAGES = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static"}
TIMED = "test_an_interval_costs_what_it_may"
"""The test of the contract that measures CPU time, which says nothing of emulated processors."""

# Before a command in a guest.  It is small, so sparse mappings larger than its memory must be
# allowed; with two nodes the kernel has NUMA balancing on, which tests switch themselves; vmrun
# lets everybody use perf, which the kernel's default does not.
READY = """
cd /proc/sys
echo 1 >vm/overcommit_memory
[ ! -e kernel/numa_balancing ] || echo 0 >kernel/numa_balancing
echo 2 >kernel/perf_event_paranoid
cd "$OLDPWD"
exec "$@"
"""

# The same examples in each run, so that a change is judged by itself; HYPOTHESIS_RANDOM=1 looks
# for new ones.
settings.register_profile(
    "damon",
    deadline=None,
    max_examples=50,
    derandomize="HYPOTHESIS_RANDOM" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("damon")

pytest.register_assert_rewrite("damon_core.testing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here, and say what to do so that it can."""
    reasons = {
        "live": _why_not_live(),
        "uninstrumented": _why_not_uninstrumented(),
        "vm": _why_no_vm(),
    }
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
        if "VMRUN" in os.environ and item.name.startswith(TIMED):
            item.add_marker(pytest.mark.skip(reason="needs processors that are not emulated"))


def _why_not_live() -> str:
    if not sys.platform.startswith("linux"):
        return "needs Linux"
    return "" if os.geteuid() == 0 else "needs root: run the tests with sudo"


def _why_not_uninstrumented() -> str:
    return "needs C without sanitizers" if "asan" in os.environ.get("LD_PRELOAD", "") else ""


def _why_no_vm() -> str:
    if not VMRUN.exists():
        return f"needs {VMRUN}: run the tests in a checkout of the repository"
    if os.geteuid() != 0:
        return "vmrun needs root: run the tests with sudo"
    for program, package in VM_PACKAGES.items():
        if not shutil.which(program):
            return f"needs {program}: apt-get install {package}"
    return ""


ENDS = ("passed", "skipped")
InGuest = Callable[..., "subprocess.CompletedProcess[str]"]
PassInGuest = Callable[..., str]


@pytest.fixture(scope="session")
def in_guest() -> InGuest:
    """Runs a command as root in a VM under a kernel of .vm, and gives what it said."""

    def run(
        kernel: str, *command: str, options: Sequence[str] = (), timeout_s: int = 900
    ) -> subprocess.CompletedProcess[str]:
        folder = KERNELS / kernel
        if not (folder / "vmlinuz").exists():
            how = "tools/vm-kernels lab" if kernel == "lab" else "tools/vm-kernels"
            pytest.skip(f"no kernel {kernel} in {KERNELS}: {how} fetches it")
        vmrun = [str(VMRUN), "--kernel", str(folder), "--mem", "2G", *options]
        vmrun += ["--timeout", str(timeout_s)]
        vmrun += [f"--see={directory}" for directory in (sys.prefix, str(ROOT))]
        faulthandler.cancel_dump_traceback_later()  # it has a timeout of its own
        return subprocess.run(
            [*vmrun, "--", "sh", "-c", READY, "sh", *command],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def pass_in_guest(in_guest: InGuest, record_property: Callable[[str, object], None]) -> PassInGuest:
    """Runs the live tests of some paths under a kernel of .vm; they must pass, or be skipped.

    Gives what they said, with the reason of each that was skipped.  How many passed goes into
    the report of ``--junitxml``, from which docs/kernels.py takes it.
    """

    def run(kernel: str, *paths: Path, options: Sequence[str] = ()) -> str:
        tests = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
        tests += ["-m", "live and not slow", *map(str, paths)]
        guest = in_guest(kernel, *tests, options=options, timeout_s=5400)
        assert guest.returncode == 0, guest.stdout + guest.stderr
        passed, skipped = (re.findall(rf"(\d+) {end}", guest.stdout) for end in ENDS)
        assert passed
        record_property("kernel", kernel)
        record_property("tests", " ".join(str(path.relative_to(ROOT)) for path in paths))
        record_property("options", " ".join(options))
        record_property("passed", passed[-1])
        record_property("skipped", skipped[-1] if skipped else 0)
        return guest.stdout

    return run


@pytest.fixture(scope="session", autouse=True)
def _away_from_the_source_tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Python started by a test must find the package that is installed, not the folder here."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("cwd"))
    yield
    os.chdir(before)


Install = Callable[..., None]


@pytest.fixture
def distribution(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Install:
    """Writes an installed distribution into a folder on ``sys.path``: real discovery, no pip."""

    def install(
        name: str, primitives: Mapping[str, str], modules: Mapping[str, str], version: str = "1.0"
    ) -> None:
        folder = tmp_path_factory.mktemp(name)
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = [f"{primitive} = {target}" for primitive, target in primitives.items()]
        (info / "entry_points.txt").write_text("\n".join(["[damon.primitives]", *lines, ""]))
        for module, source in modules.items():
            (folder / f"{module}.py").write_text(source)
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()

    return install


@pytest.fixture
def refusal(distribution: Install) -> Callable[..., str]:
    """Installs the primitive ``eyes`` with a source and gives the text of its refusal."""
    from damon_core.errors import DamonError, PrimitiveError
    from damon_core.model import Ops
    from tests.eyes import host

    def refused(
        source: str,
        ops: Ops = Ops.VADDR,
        error: type[DamonError] = PrimitiveError,
        **options: object,
    ) -> str:
        distribution("damon-eyes", {"eyes": "eyes_plugin:Eyes"}, {"eyes_plugin": source})
        with pytest.raises(error) as caught:
            host("eyes", ops=ops, **options)
        text = str(caught.value)
        assert "\n" not in text
        assert re.match(r"my.yaml:7: primitive eyes \(damon-eyes 1.0\)[: ]", text)
        return text

    return refused
