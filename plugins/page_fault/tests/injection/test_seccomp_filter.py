"""What a seccomp filter does is known without trying it: the interpreter agrees with the kernel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "src" / "damon_page_fault" / "injector"


@pytest.mark.parametrize("seed", range(3))
def test_made_up_filters_end_as_in_the_kernel(compiled, tmp_path, seed) -> None:
    program = compiled(
        tmp_path / "filters", HERE / "filters.c", SOURCES / "seccomp_filter.c", f"-I{SOURCES}"
    )
    done = subprocess.run([program, str(seed), "500"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[1]) > 100
