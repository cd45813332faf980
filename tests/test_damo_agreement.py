"""damo 3.4.3 and we say the same of the same recordings: working sets and heat.

damo comes from PyPI into a folder of the test.  It is run as nobody, and always with --input: as
root and without one it would start in-kernel monitoring.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve, frozen

from damon_core.cli import main
from damon_core.model import AddrRange, Intervals, Ops
from damon_core.record import Record, open_record
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_writer import RecordWriter
from damon_core.report.grid import HeatGrid, heat_grid
from damon_core.report.selected import Selected
from damon_core.report.selection import Selection
from damon_core.report.series import Places
from damon_core.report.use_rule import UseRule
from damon_core.report.wss import WorkingSet
from damon_core.snapshot import TargetState
from damon_core.testing.snapshots import T0_NS, made_up_snapshot
from tests.damo_samples import REGION, moving_band, record, write
from tests.test_damo_recording import KERNEL

DAMO = "damo==3.4.3"
NOBODY = 65534
PERCENTILES = (0, 25, 50, 75, 100)
NR_ROWS, NR_COLUMNS = 6, 10

pytestmark = pytest.mark.slow


@frozen
class Damo:
    """damo's reports, run by nobody in a folder that anyone may read."""

    folder: Path
    python: str

    def report(self, kind: str, recording: Path, *args: object) -> str:
        """The output of one report of a file."""
        shutil.copy(recording, self.folder / "damo.data")
        run = self.run("damo/damo.py", "report", kind, "--input", "damo.data", *args)
        assert run.returncode == 0, run.stderr
        assert "# no snapshot" not in run.stdout
        return run.stdout

    def run(self, *args: object) -> subprocess.CompletedProcess[str]:
        """Python with these arguments, as nobody."""
        identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        return subprocess.run(
            [self.python, *map(str, args)],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
            **(identity if os.geteuid() == 0 else {}),  # type: ignore[call-overload]
        )

    def wss(self, recording: Path, *args: object) -> list[tuple[int, list[int]]]:
        """Target id and percentiles of each target."""
        text = self.report("wss", recording, "--raw_number", "--exclude_samples", 0, *args)
        found: list[tuple[int, list[int]]] = []
        for line in text.splitlines():
            words = line.split()
            if line.startswith("# target_id"):
                found.append((int(words[2]), []))
            elif words and not line.startswith("#"):
                assert int(words[0]) == PERCENTILES[len(found[-1][1])]
                found[-1][1].append(int(words[1].replace(",", "")))
        return found

    def heat(self, recording: Path, target: int, spans: Sequence[tuple[int, int]]) -> np.ndarray:
        """Cells of a time span and an address range, in the unit of damo."""
        resolution = ("--resol", NR_ROWS, NR_COLUMNS, "--tid", target, "--output", "raw")
        times, addresses = spans
        where = ("--time_range", *times, "--address_range", *addresses)
        text = self.report("heatmap", recording, *resolution, *where)
        cells = [float(line.split()[2]) for line in text.splitlines()]
        return np.nan_to_num(np.array(cells).reshape(NR_ROWS, NR_COLUMNS))


@pytest.fixture(scope="module")
def damo() -> Iterator[Damo]:
    missing = [name for name in ("file", "which") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"damo needs the program {missing[0]}: apt-get install {missing[0]}")
    with tempfile.TemporaryDirectory(prefix="damon-damo-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", name, DAMO]
        run = subprocess.run(pip, capture_output=True, text=True, check=False)
        if run.returncode:
            pytest.skip(f"needs {DAMO} from PyPI: {run.stderr.strip().splitlines()[-1:]}")
        for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
            found = Damo(folder, python)
            if Path(python).exists() and _usable(found):
                yield found
                return
        pytest.skip("needs a Python that nobody may run: apt-get install python3")


def _usable(damo: Damo) -> bool:
    try:
        return damo.run("-c", "pass").returncode == 0
    except OSError:
        return False


def our_wss(
    recording: Record, *, by_region: bool = True, acc_thres: int = 1
) -> list[tuple[int | None, list[float]]]:
    file = io.StringIO()
    rule = UseRule(by_region, acc_thres)
    WorkingSet(recording, rule=rule, places=Places(PERCENTILES)).render_json(file)
    return [
        (one["target"], [one["percentiles"][str(p)] for p in PERCENTILES])
        for one in json.loads(file.getvalue())["targets"]
    ]


def assert_agreement(damo: Damo, theirs: Path, ours: Record, sample_us: int) -> None:
    """Working sets are the same number of bytes, heat is the same share of samples."""
    mine = our_wss(ours)
    assert damo.wss(theirs, "--per_target") == [one for one in mine if one[0] is not None]
    assert damo.wss(theirs)[0][1] == mine[-1][1]
    thresholds = our_wss(ours, acc_thres=5)
    assert damo.wss(theirs, "--per_target", "--acc_thres", 5) == [
        one for one in thresholds if one[0] is not None
    ]
    for target, _ in mine:
        if target is None:
            continue
        regions = ours[-1].regions
        starts = regions.start[regions.target == target]
        # Whole cells, of which all are monitored.
        low, high = int(starts[0]), int(starts[-1])
        high -= (high - low) % NR_COLUMNS
        grid = grid_of(ours, target, (low, high))
        end_ns = grid.start_ns + NR_ROWS * grid.row_ns
        hz = damo.heat(theirs, target, [(grid.start_ns, end_ns), (low, high)])
        assert np.nanmax(grid.heat) > 10
        # damo goes by the sampling interval that was asked for.
        assert np.allclose(np.nan_to_num(grid.heat), hz * sample_us / 1e6 * 100, atol=0.01)


def grid_of(recording: Record, target: int, addresses: tuple[int, int]) -> HeatGrid:
    """Our heat in the cells that damo is asked for."""
    return heat_grid(
        Selected(recording, Selection(addresses=(AddrRange(*addresses),))),
        nr_rows=NR_ROWS,
        nr_columns=NR_COLUMNS,
        target=target,
        fold=False,
    )


def converted(path: Path, *args: object) -> Path:
    out = path.with_name("converted")
    assert main(["convert", str(path), "-o", str(out), "--force", *map(str, args)]) == 0
    return out


@pytest.mark.skipif(KERNEL is None, reason="needs kernel-damon, which is not part of the sources")
def test_of_a_recording_by_the_kernel(damo: Damo, tmp_path: Path) -> None:
    assert KERNEL is not None
    theirs = Path(shutil.copy(KERNEL / "damon.data", tmp_path))
    ours = open_record(converted(theirs, "--to", "damon"))
    assert our_wss(ours, by_region=False) == our_wss(ours)
    assert damo.wss(theirs)[0][1] == our_wss(ours)[0][1]
    arena = (0x7FA010C00000, 0x7FA010C00000 + 60 * REGION)
    grid = grid_of(ours, 0, arena)
    end_ns = grid.start_ns + NR_ROWS * grid.row_ns
    hz = damo.heat(theirs, 0, [(grid.start_ns, end_ns), arena])
    assert np.allclose(grid.heat, hz * 0.05 * 100, atol=0.01)


@pytest.mark.parametrize("nr_targets", [1, 3])
def test_of_a_recording_in_damos_format(damo: Damo, tmp_path: Path, nr_targets: int) -> None:
    theirs = write(tmp_path / "damon.data", *map(record, range(nr_targets)))
    ours = open_record(converted(theirs, "--to", "damon"))
    assert_agreement(damo, theirs, ours, 5_000)


@pytest.mark.parametrize("form", ["damo", "damo-perf"])
def test_of_a_recording_of_ours_that_damo_reads(damo: Damo, tmp_path: Path, form: str) -> None:
    targets = (TargetState(0, 4321, "one"), TargetState(1, 4321, "two"))
    path = tmp_path / "rec.damon"
    header = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS, intervals=Intervals())
    bands = [moving_band(target, 30) for target in range(2)]
    with RecordWriter(path, header) as writer:
        for index in range(30):
            rows = [
                (
                    int(one["start"].replace(",", "")),
                    int(one["end"].replace(",", "")),
                    one["nr_accesses"]["samples"] // 2,
                    int(one["age"]["aggr_intervals"]),
                    target,
                    4321,
                    float(REGION) / 3,
                )
                for target in range(2)
                for one in bands[target][index]["regions"]
            ]
            writer.write(made_up_snapshot(index, rows, targets=targets))
    theirs = converted(path, "--to", form)
    if form == "damo":
        assert_agreement(damo, theirs, open_record(path), 20_000)
    else:
        mine = our_wss(open_record(path))
        assert damo.wss(theirs, "--per_target") == mine[:2]


def test_of_windows_that_differ_in_length(damo: Damo, tmp_path: Path) -> None:
    path = tmp_path / "auto.damon"
    size = NR_COLUMNS * REGION
    lengths_us = [200_000, 400_000, 1_000_000] * 4
    ends_ns = T0_NS + np.cumsum(lengths_us) * 1000
    header = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)
    with RecordWriter(path, header) as writer:
        for index, (aggr_us, end_ns) in enumerate(zip(lengths_us, ends_ns.tolist(), strict=True)):
            one = made_up_snapshot(index, [(0, size, 5, index, 0, 4321, float("nan"))])
            times = {"start_ns": end_ns - aggr_us * 1000, "end_ns": end_ns}
            writer.write(evolve(one, intervals=Intervals(aggr_us // 10, aggr_us, 0), **times))
    span_ns = int(ends_ns[-1]) - T0_NS
    hz = damo.heat(converted(path, "--to", "damo"), 0, [(T0_NS, T0_NS + span_ns), (0, size)])
    edges = T0_NS + np.arange(NR_ROWS + 1) * span_ns // NR_ROWS
    # Accesses that were seen by each moment, if they were spread evenly over their windows.
    seen = np.interp(edges, [T0_NS, *ends_ns], np.arange(len(ends_ns) + 1) * 5)
    expected = np.diff(seen) / (span_ns / NR_ROWS / 1e9)
    assert np.allclose(hz, expected[:, None], rtol=1e-4)


@pytest.mark.parametrize("form", ["json_compressed", "json", "perf_script"])
@pytest.mark.parametrize("nr_windows", [1, 12])
def test_of_files_that_damo_has_written_itself(
    damo: Damo, tmp_path: Path, form: str, nr_windows: int
) -> None:
    one = record(snapshots=moving_band(0, nr_windows))
    expected = open_record(converted(write(tmp_path / "damon.data", one), "--to", "damon"))
    shutil.copy(tmp_path / "damon.data", damo.folder / "in.data")
    convert = ("damo/damo.py", "convert_record_format", "--record_file", "in.data")
    run = damo.run(*convert, "--format", form, "--output_file", f"out.{nr_windows}.{form}")
    assert run.returncode == 0, run.stderr
    (tmp_path / "theirs").mkdir()
    theirs = Path(shutil.copy(damo.folder / f"out.{nr_windows}.{form}", tmp_path / "theirs"))
    ours = open_record(converted(theirs, "--to", "damon"))
    assert len(ours) == len(expected) == nr_windows
    assert our_wss(ours) == our_wss(expected)
    for mine, other in zip(ours, expected, strict=True):
        assert mine.regions.nr_accesses.tolist() == other.regions.nr_accesses.tolist()
        assert mine.regions.age.tolist() == other.regions.age.tolist()
        assert mine.intervals.aggr_us == pytest.approx(other.intervals.aggr_us, abs=2)
