"""The live tests again, in a VM, under other kernels, and with two NUMA nodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WRITES = [HERE / "writes" / f"test_{name}.py" for name in ("exact", "life", "together")]
TWO_NODES = ("--numa", "2")

PassInGuest = Callable[..., str]

pytestmark = pytest.mark.vm


def test_writes_are_seen_exactly_under_another_kernel(pass_in_guest: PassInGuest) -> None:
    pass_in_guest("lab", *WRITES)


@pytest.mark.lab
@pytest.mark.parametrize("kernel", ["debian-6.12", "lab"])
def test_the_live_tests_pass_under_other_kernels(pass_in_guest: PassInGuest, kernel: str) -> None:
    pass_in_guest(kernel, HERE)


@pytest.mark.lab
def test_a_kernel_that_cannot_scan_pages_for_writes_is_said_to_lack_that(
    pass_in_guest: PassInGuest,
) -> None:
    assert "UFFD_FEATURE_WP_ASYNC" in pass_in_guest("debian-6.1", HERE)


@pytest.mark.lab
@pytest.mark.parametrize("kernel", ["debian-6.1", "debian-6.12"])
def test_faults_are_sampled_on_two_nodes(pass_in_guest: PassInGuest, kernel: str) -> None:
    said = pass_in_guest(kernel, HERE / "faults", options=TWO_NODES)
    assert "numa_balancing" not in said, "the tests of hint_faults must not be skipped"
