"""``damon report ... -o FILE``: pictures in files, and what is said of those that cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from damon_core.cli.report import report
from damon_core.errors import DamonError, PlotError
from damon_core.model import Ops
from damon_core.record_format import PrimitiveInfo, RecordHeader
from damon_core.record_writer import RecordWriter
from damon_core.testing.snapshots import T0_NS, made_up_snapshot, random_snapshot

HEADER = RecordHeader(Ops.VADDR, (PrimitiveInfo("accessed_bit"),), T0_NS)
BEGINS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "html": b"<!doctype html>"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "rec.damon"
    with RecordWriter(path, HEADER) as writer:
        for index in range(5):
            writer.write(random_snapshot(index, 40))
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(report, list(map(str, args)))


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        *(("heatmap", suffix) for suffix in ("PNG", "svg", "pdf", "html")),
        *(("holistic", suffix) for suffix in ("png", "html")),
        ("wss", "svg"),
        ("footprint", "svg"),
    ],
)
def test_a_report_becomes_a_picture_of_the_kind_that_its_name_says(
    path: Path, tmp_path: Path, kind: str, suffix: str
) -> None:
    output = tmp_path / f"picture.{suffix}"
    result = run(kind, path, "-o", output)
    assert result.exit_code == 0, result.output
    assert output.read_bytes().startswith(BEGINS[suffix.lower()])
    assert result.output.startswith(f"wrote {output}, ")
    assert len(result.output.splitlines()) == 1


def test_a_page_shows_first_what_was_asked_for(path: Path, tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    assert run("heatmap", path, "-o", output, "--measure", "accessed_bit").exit_code == 0
    assert '"first":2' in output.read_text()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.gif", "its name must end in .html, .png, .svg or .pdf"),
        ("picture", "its name must end in .html, .png, .svg or .pdf"),
        ("missing/a.png", "has no directory"),
        ("folder.png", "is a directory"),
    ],
)
def test_a_file_that_cannot_be_is_refused_before_anything_is_read(
    tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "folder.png").mkdir()
    result = run("heatmap", "no such recording", "-o", tmp_path / name)
    assert result.exit_code == 2
    assert said in result.output.replace("\n", " ")


def test_a_kind_that_only_other_reports_have_is_refused(path: Path, tmp_path: Path) -> None:
    result = run("wss", path, "-o", tmp_path / "a.html")
    assert result.exit_code == 2
    assert ".png, .svg or .pdf" in result.output


def test_a_full_disk_is_told_in_one_line(path: Path, tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    output.symlink_to("/dev/full")
    result = run("heatmap", path, "-o", output)
    assert isinstance(result.exception, PlotError)
    assert str(result.exception) == f"{output}: cannot be written (No space left on device)"


@pytest.mark.parametrize("kind", ["heatmap", "wss", "footprint", "holistic"])
def test_pictures_and_json_exclude_each_other(path: Path, tmp_path: Path, kind: str) -> None:
    assert run(kind, path, "-o", tmp_path / "a.png", "--json").exit_code == 2


def test_without_matplotlib_it_is_said_what_to_install(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("heatmap", path, "-o", tmp_path / "a.png")
    assert isinstance(result.exception, PlotError)
    assert "pip install 'damon-core[plot]'" in str(result.exception)
    assert run("heatmap", path, "-o", tmp_path / "a.html").exit_code == 0


@pytest.mark.parametrize("suffix", ["html", "png"])
@pytest.mark.parametrize("kind", ["heatmap", "holistic"])
def test_a_recording_without_regions_is_an_error(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / "bare.damon"
    with RecordWriter(path, HEADER) as writer:
        writer.write(made_up_snapshot(0, [(0x1000, 0x2000, 0, 0, 7, 1, 0.0)]))
    result = run(kind, path, "-o", tmp_path / f"a.{suffix}")
    assert isinstance(result.exception, (DamonError, LookupError)), result.output
    assert "no region" in str(result.exception) or "no snapshot has a" in str(result.exception)


@pytest.mark.parametrize("measure", ["heat", "page_fault"])
@pytest.mark.parametrize("suffix", ["html", "svg"])
def test_a_measure_that_is_not_there_is_an_error_with_those_that_are(
    path: Path, tmp_path: Path, measure: str, suffix: str
) -> None:
    result = run("heatmap", path, "--measure", measure, "-o", tmp_path / f"a.{suffix}")
    assert isinstance(result.exception, DamonError)
    assert "the recording has samples, bytes, accessed_bit" in str(result.exception)
