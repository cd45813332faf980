"""Machines of every kind, as files that are there only in the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from damon_perf_pmu.machine import Machine

from .machines import MACHINES, FakeMachine


@pytest.fixture
def build(tmp_path: Path) -> Callable[[FakeMachine | str], Machine]:
    """Write a machine, or the one of this name, and look at it."""
    built: list[Machine] = []

    def write(machine: FakeMachine | str) -> Machine:
        fake = MACHINES[machine] if isinstance(machine, str) else machine
        built.append(fake.write(tmp_path / str(len(built))))
        return built[-1]

    return write
