"""The live tests again, in a VM, under other kernels; none of them has a PMU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent

PassInGuest = Callable[..., str]

pytestmark = [pytest.mark.vm, pytest.mark.lab]


@pytest.mark.parametrize("kernel", ["debian-6.1", "debian-6.12", "lab"])
def test_the_live_tests_pass_under_other_kernels(pass_in_guest: PassInGuest, kernel: str) -> None:
    assert "needs Intel PEBS" in pass_in_guest(kernel, HERE)
