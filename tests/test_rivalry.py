"""Contexts that clear each other's accessed bits are told so."""

from __future__ import annotations

from pathlib import Path

import pytest

from damon_core.config import load_config
from damon_core.rivalry import may_overlap

VADDR = "{{ops: vaddr, targets: [{{{target}}}], sample: {{primitives: [accessed_bit]}}}}"
PADDR = "{ops: paddr, sample: {primitives: [accessed_bit]}}"


def contexts(tmp_path: Path, one: str, other: str) -> bool:
    path = tmp_path / "both.yaml"
    path.write_text(f"contexts:\n  - {one}\n  - {other}\n")
    return may_overlap(*load_config(str(path)).contexts)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (VADDR.format(target="pid: 5"), VADDR.format(target="pid: 6"), False),
        (VADDR.format(target="pid: 5"), VADDR.format(target="pid: 5"), True),
        (VADDR.format(target="pid: 5"), PADDR, True),
        (VADDR.format(target="pid: 5"), VADDR.format(target="match: {comm: x}"), True),
        (VADDR.format(target="command: [a]"), VADDR.format(target="command: [a]"), False),
    ],
)
def test_contexts_may_overlap_by_process_by_match_or_through_physical_memory(
    tmp_path: Path, one: str, other: str, overlap: bool
) -> None:
    assert contexts(tmp_path, one, other) is overlap
