"""The primitive keeps the contract of primitives, with events that are here on every machine."""

from __future__ import annotations

from typing import ClassVar

import pytest

from damon_core.model import Ops
from damon_core.testing import PrimitiveContract
from damon_perf_pmu.plugin import PerfPmu


class OfProcesses(PerfPmu):
    """Without physical memory, of which not every event tells."""

    ops = frozenset({Ops.VADDR})


class TestContractOfMinorFaults(PrimitiveContract):
    pytestmark = pytest.mark.live
    primitive = PerfPmu
    options: ClassVar = {"events": ["minor-faults"], "ring_size": "4 MiB"}


class TestContractOfFaultsOfThreads(PrimitiveContract):
    pytestmark = pytest.mark.live
    primitive = OfProcesses
    options: ClassVar = {"events": ["exceptions:page_fault_user"], "scope": "threads"}


class TestContractOfTranslation(PrimitiveContract):
    """New pages have frames that were of nobody: most are not found."""

    pytestmark = pytest.mark.live
    primitive = OfProcesses
    options: ClassVar = {"events": ["minor-faults"], "addresses": "physical"}
    sees_every_access: ClassVar = False
