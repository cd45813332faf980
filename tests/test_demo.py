"""The demo that people see first."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import median
from types import ModuleType

import pytest

from damon_core.model import Ops
from damon_core.primitive import Availability
from damon_core.record import open_record
from damon_core.score import score_snapshot
from damon_core.truth import Truth

DEMO = Path(__file__).parents[1] / "examples" / "demo.py"


@pytest.mark.live
@pytest.mark.uninstrumented
def test_the_demo_shows_what_was_hot_and_how_true_that_is(tmp_path):
    ended = subprocess.run(
        [sys.executable, DEMO, "0.8"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    for heading in ("What was hot", "Where it was hot", "How much", "How true", "What it cost"):
        assert f"== {heading}" in ended.stdout
    assert "damon report heatmap demo.damon" in ended.stdout
    truth = Truth.read(tmp_path / "demo.truth")
    assert len(truth.phases) == 4
    record = open_record(str(tmp_path / "demo.damon"))
    sizes = [float(snapshot.regions.accessed_bytes.sum()) for snapshot in record]
    # A program that waits for a processor touches less than its 16 MiB, and as the truth has it.
    assert median(sizes) < 18 << 20
    assert max(sizes) > 15 << 20
    assert median(score_snapshot(snapshot, truth).recall for snapshot in record) > 0.9


def load_demo() -> ModuleType:
    spec = spec_from_file_location("demo", DEMO)
    demo = module_from_spec(spec)
    spec.loader.exec_module(demo)
    return demo


class Unusable:
    """An installed primitive that lacks something here."""

    name = "accessed_bit"

    def probe(self, ops: Ops) -> Availability:
        return Availability(False, missing="no CAP_BPF", remedy="run it as root")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], "accessed_bit is not installed: pip install damon-accessed-bit"),
        ([Unusable()], "accessed_bit cannot work here, no CAP_BPF: run it as root"),
    ],
)
def test_the_demo_says_what_is_missing_where_nothing_works(found, said, capsys, monkeypatch):
    demo = load_demo()
    monkeypatch.setattr(demo, "installed", lambda: found)
    monkeypatch.setattr(sys, "argv", ["demo.py"])
    assert demo.main() == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"demo: {said}"
