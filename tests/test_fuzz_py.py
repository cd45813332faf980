"""What fuzz/py holds readers of untrusted bytes to, on seeds and random changes of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

FUZZ = Path(__file__).parents[1] / "fuzz" / "py"
PROGRAMS = ("config", "damo", "maps", "record")
NR_CHANGED = 200

pytestmark = pytest.mark.skipif(not FUZZ.is_dir(), reason="needs the source tree")


@pytest.fixture
def program(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(FUZZ))
    before = set(sys.modules)
    if request.param == "damo":
        pytest.importorskip("damon_core.formats.damo_file", reason="no reader of damo's recordings")
    yield import_module(request.param)
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(FUZZ)):
            del sys.modules[name]


@pytest.mark.parametrize("program", PROGRAMS, indirect=True)
def test_seeds_and_changes_of_them_are_read_or_refused(program: ModuleType) -> None:
    from _harness import mutated  # type: ignore[import-not-found]

    seeds = program.seeds()
    for content in (*seeds, *mutated(seeds, NR_CHANGED, seed=1)):
        program.check(content)
