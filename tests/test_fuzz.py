"""The corpus of the fuzzer runs clean under the sanitizers, and is sharp enough for faults."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
FUZZ = ROOT / "fuzz"
NATIVE = ROOT / "damon_core" / "_native"
TARGETS = sorted(path.stem for path in FUZZ.glob("corpus/*.zip"))

pytestmark = pytest.mark.skipif(not FUZZ.is_dir(), reason="needs the source tree")

# What the fuzzer must notice when it is missing: file, line, and what stands there instead.
FAULTS = {
    "a field may be longer than its record": (
        "perf_sample.c",
        "r->at && words <= nr_words(r) ?",
        "r->at ?",
    ),
    "raw data may be longer than its record": (
        "perf_sample.h",
        "return size <= (size_t)(end - at) ? at + size : NULL;",
        "return at + size;",
    ),
    "what is read from raw data may lie behind it": (
        "perf_record.c",
        "d->raw_addr > s->raw_size - PERF_WORD",
        "d->raw_addr > s->raw_size",
    ),
    "a sample may be counted twice": (
        "perf_record.c",
        "counts->kernel++;",
        "counts->kernel++, counts->no_access++;",
    ),
    "an address may be the kernel's": (
        "perf_record.c",
        "s.addr >= x->user_end",
        "s.addr > x->user_end",
    ),
    "a record may be larger than what is left": (
        "perf_record.c",
        "return likely(h->size <= len) ? h->size : 0;",
        "return (void)len, h->size;",
    ),
    "a sample may be read as another event's": (
        "perf_file.c",
        "(has_event && of != *event)",
        "(run > 64 && has_event && of != *event)",
    ),
    "an id may be read behind its sample": (
        "perf_file.c",
        "f->id_at > size - sizeof(id)",
        "f->id_at > size",
    ),
    "positions of a ring may lie": (
        "perf_ring.c",
        "head - tail > ring->size ||",
        "",
    ),
    "a record that goes round the end is read in two parts": (
        "perf_ring.c",
        "memcpy(ring->straddler + to_end, ring->data, size - to_end);",
        "",
    ),
}


def without_sanitizers() -> dict[str, str]:
    """The environment of a compiler that is no part of a test under sanitizers."""
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


def build(target: str, program: Path, sources: Path = NATIVE) -> Path:
    subprocess.run(
        [FUZZ / "build.sh", target, program],
        check=True,
        env={**without_sanitizers(), "CC": "cc", "SOURCES": str(sources)},
    )
    return program


def module(name: str) -> Any:
    """One of the programs of fuzz/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", FUZZ / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def replay(program: Path, corpus: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *sorted(corpus.iterdir())],
        env={**without_sanitizers(), "ASAN_OPTIONS": "detect_leaks=0"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each harness a folder with what was found so far, and fresh seeds."""
    folder = tmp_path_factory.mktemp("corpus")
    corpus, seeds = module("corpus"), module("seeds")
    for target in TARGETS:
        corpus.unpack(target, folder / target)
        seeds.write(target, folder / target)
    return {target: folder / target for target in TARGETS}


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_runs_clean(target: str, corpora: dict[str, Path], tmp_path: Path):
    run = replay(build(target, tmp_path / target), corpora[target])
    assert run.returncode == 0, run.stderr[-3000:]
    assert int(run.stdout) == len(list(corpora[target].iterdir())) > 100


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_the_corpus_notices(fault: str, corpora: dict[str, Path], tmp_path: Path):
    name, line, instead = FAULTS[fault]
    sources = tmp_path / "native"
    shutil.copytree(NATIVE, sources, ignore=lambda _, names: [n for n in names if "perf" not in n])
    source = (sources / name).read_text()
    assert source.count(line) == 1, f"{name} has changed: where is this fault now?"
    (sources / name).write_text(source.replace(line, instead))
    own = name.removesuffix(".c")
    target = own if own in TARGETS else "perf_record"
    run = replay(build(target, tmp_path / target, sources), corpora[target])
    assert run.returncode != 0
    assert "Sanitizer" in run.stderr or "does not hold" in run.stderr, run.stderr[-1000:]


def test_the_corpora_stay_small():
    assert sum(path.stat().st_size for path in FUZZ.glob("corpus/*.zip")) < 300 << 10


def test_each_harness_has_its_corpus_and_is_run_by_the_script():
    harnesses = {path.stem for path in FUZZ.glob("*.c")} - {"replay"}
    assert set(TARGETS) == harnesses
    script = (ROOT / "tools" / "fuzz.sh").read_text()
    assert all(target in script for target in TARGETS)
