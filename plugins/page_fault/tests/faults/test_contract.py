"""The mechanisms that sample faults keep the contract of primitives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from damon_core.testing import PrimitiveContract
from damon_page_fault.numa_balancing import SYSCTL, NumaBalancing
from damon_page_fault.plugin import PageFault


class Contract(PrimitiveContract):
    pytestmark = pytest.mark.live
    primitive = PageFault


class TestContractOfFirstTouch(Contract):
    options: ClassVar = {"mechanism": "first_touch"}


class TestContractOfFirstTouchWithoutDirection(Contract):
    options: ClassVar = {"mechanism": "first_touch", "fault_event": "minor-faults"}


class TestContractOfHintFaults(Contract):
    """First touches are faults as well: so these see them too."""

    options: ClassVar = {"mechanism": "hint_faults", "enable_numa_balancing": True}

    @pytest.fixture(autouse=True)
    def _switch(self) -> Iterator[None]:
        switch = NumaBalancing()
        if not switch.is_there:
            pytest.skip("needs a kernel with CONFIG_NUMA_BALANCING=y")
        switch.repair()
        before = SYSCTL.read_text()
        yield
        after = SYSCTL.read_text()
        switch.repair()
        assert after == before
