"""Machines of every kind, as files that are there only in the test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from damon_perf_pmu.machine import Machine

from .machines import MACHINES, FakeMachine


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[FakeMachine | str], Machine]:
    """Write a machine, or the one of this name, and look at it; each one once."""
    built: dict[FakeMachine, Machine] = {}

    def write(machine: FakeMachine | str) -> Machine:
        fake = MACHINES[machine] if isinstance(machine, str) else machine
        if fake not in built:
            built[fake] = fake.write(tmp_path_factory.mktemp("machine"))
        return built[fake]

    return write
