"""What works under other kernels is what the documentation says."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"

InGuest = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.vm


def documented(kernel: str) -> dict[str, Any]:
    return usable(json.loads((DOCS / "kernels" / f"{kernel}.json").read_text()))


def usable(answer: dict[str, Any]) -> dict[str, Any]:
    """Reasons may be worded anew, and Debian's kernels have a new release now and then."""
    return {
        f"{primitive} {ops} {mechanism}": not lack
        for primitive, by_ops in answer["primitives"].items()
        for ops, lacks in by_ops.items()
        for mechanism, lack in lacks.items()
    }


@pytest.mark.parametrize("kernel", ["debian-6.1", "debian-6.12", "lab"])
def test_what_works_under_a_kernel_is_what_the_table_says(in_guest: InGuest, kernel: str) -> None:
    spec = importlib.util.spec_from_file_location("kernels", DOCS / "kernels.py")
    assert spec
    assert spec.loader
    kernels = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernels)
    path = f"PATH={Path(sys.prefix, 'bin')}:$PATH"
    guest = in_guest(kernel, "sh", "-c", f"{path}; {kernels.SCRIPT}")
    assert guest.returncode == 0, guest.stdout + guest.stderr
    assert usable(kernels.answer_of(guest.stdout)) == documented(kernel)
