"""Comparisons of real primitives: baselines, outsiders, those that fail, and the very short."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from damon_core.comparison.comparison import Comparison, ScenarioResult
from damon_core.comparison.contender import contender_of
from damon_core.comparison.scenario import load_scenario
from damon_core.host import PrimitiveChoice
from damon_core.model import Intervals
from damon_core.report.comparison import ComparisonTable
from damon_core.report.comparison_page import ComparisonPage
from damon_core.spec import ContextSpec

EXAMPLES = Path(__file__).parent.parent / "examples"
HOT = """\
#damon memory anon_4k
#damon populate yes
a, 8 MiB
b, 8 MiB

use
{ms}
#damon pause 2 ms
a, 0, 4096, 1, wo
"""
TIRED = '''"""A primitive that has had enough once a target has been monitored for a while."""

from damon_core import Provides, hookimpl


class Tired:
    ops = frozenset({"vaddr"})
    provides = Provides(granularity="region")
    nr_checks = 0

    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        self.nr_checks += 1
        if self.nr_checks > 12:
            raise RuntimeError("it has had enough")
'''


def workload(folder: Path, *, ms: int = 1500) -> str:
    file = folder / "hot.cfg"
    file.write_text(HOT.format(ms=ms))
    return str(file)


def shown(results: list[ScenarioResult]) -> tuple[str, dict[str, Any], str]:
    """The table, the contenders of the JSON by name, and the page."""
    table, page, out = io.StringIO(), io.StringIO(), io.StringIO()
    ComparisonTable(results, repetitions=1).render(table)
    ComparisonTable(results, repetitions=1).render_json(out)
    ComparisonPage(results, repetitions=1).render(page)
    (scenario,) = json.loads(out.getvalue())["scenarios"]
    named = {one["contender"]: one for one in scenario["contenders"]}
    return table.getvalue(), named, page.getvalue()


@pytest.mark.live
def test_the_baselines_clear_refs_with_smaps_and_page_idle_take_part_by_name(
    tmp_path: Path,
) -> None:
    spec = ContextSpec(intervals=Intervals(20_000, 100_000, 1_000_000), cpu_quota=1.0)
    choices = [
        PrimitiveChoice("accessed_bit", {"mechanism": mechanism})
        for mechanism in ("smaps", "page_idle")
    ]
    contenders = [contender_of(choice, spec) for choice in choices]
    compared = Comparison([load_scenario(workload(tmp_path))], contenders, repetitions=1)
    compared.run()
    table, named, page = shown(compared.results)
    smaps, idle = "accessed_bit:mechanism=smaps", "accessed_bit:mechanism=page_idle"
    assert named[smaps]["mechanisms"] == ["smaps"]
    assert named[smaps]["figures"]["nr_reports"]["median"] > 0
    assert any(line.startswith(f"{smaps} ") for line in table.splitlines())
    assert f">{smaps}<" in page
    if os.path.exists("/sys/kernel/mm/page_idle/bitmap"):
        assert named[idle]["mechanisms"] == ["page_idle"]
        return
    why = f"{idle}: not compared: accessed_bit: no /sys/kernel/mm/page_idle/bitmap"
    assert why in table
    assert f'<p class="skipped">{why}' in page
    assert "CONFIG_IDLE_PAGE_TRACKING=y" in named[idle]["skipped"]
    assert not any(named[idle]["figures"].values())


@pytest.fixture
def outsiders(tmp_path: Path) -> Path:
    """A folder with two installed primitives of others: watchpoint, and one that fails."""
    folder = tmp_path / "site"
    folder.mkdir()
    shutil.copy(EXAMPLES / "watchpoint" / "damon_watchpoint.py", folder)
    (folder / "damon_tired.py").write_text(TIRED)
    for name, cls in (("watchpoint", "Watchpoint"), ("tired", "Tired")):
        info = folder / f"damon_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: damon-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[damon.primitives]\n{name} = damon_{name}:{cls}\n")
    return folder


def compare(outsiders: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    run = subprocess.run(
        [sys.executable, "-m", "damon_core", "compare", "-q", "-n", "1", "--json", *arguments],
        env={**os.environ, "PYTHONPATH": str(outsiders)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not run.stderr, run.stderr
    (scenario,) = json.loads(run.stdout)["scenarios"]
    return run.returncode, {one["contender"]: one for one in scenario["contenders"]}


@pytest.mark.slow
@pytest.mark.live
def test_outsiders_are_compared_by_name_and_one_that_fails_on_the_way_says_why(
    outsiders: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both.yaml"
    both.write_text(
        "targets: [{pid: 1}]\ncpu_quota: 100%\nintervals: {sample_us: 20ms, aggr_us: 100ms}\n"
        "sample: {primitives: [tired, accessed_bit: {mechanism: smaps}]}\n"
    )
    chosen = [f"--primitive={name}" for name in ("tired", "watchpoint")]
    intervals = ("--sample", "20ms", "--aggr", "100ms", "--cpu-quota", "100%")
    code, named = compare(outsiders, *intervals, *chosen, "-s", workload(tmp_path), str(both))
    assert code == 0
    assert list(named) == ["tired", "watchpoint", "both"]
    assert named["tired"]["trials"] == []
    assert named["tired"]["skipped"].startswith("every primitive has failed")
    assert "it has had enough" in named["tired"]["skipped"]
    assert named["tired"]["figures"]["recall"] is None
    (remark,) = [one for one in named["both"]["remarks"] if "tired" in one]
    assert remark.startswith("round 1: tired: hook damon_check_accesses raised")
    assert named["both"]["trials"], "the other primitive goes on"
    assert named["watchpoint"]["trials"] or named["watchpoint"]["skipped"]


@pytest.mark.slow
@pytest.mark.live
def test_one_primitive_with_different_options_is_two_contenders_and_a_short_run_has_no_zero(
    outsiders: Path, tmp_path: Path
) -> None:
    chosen = [
        f"--primitive=accessed_bit:mechanism=smaps{more}" for more in ("", ",flush=never", "")
    ]
    intervals = ("--sample", "250ms", "--aggr", "1s", "--cpu-quota", "100%")
    _, named = compare(outsiders, *intervals, *chosen, "-s", workload(tmp_path, ms=30))
    assert list(named) == [
        "accessed_bit:mechanism=smaps",
        "accessed_bit:mechanism=smaps,flush=never",
        "accessed_bit:mechanism=smaps #2",
    ]
    for cell in named.values():
        for key in ("precision", "recall", "f1", "wss", "rank", "delay_s", "nr_unseen"):
            assert cell["figures"][key] is None
        assert cell["skipped"] or "no window lay in the second half" in cell["remarks"][0]
