"""Skips the live tests of watched writes where the kernel cannot watch them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from damon_core.model import Ops
from damon_page_fault.wp_async import WriteProtect

HERE = Path(__file__).parent
OF_WATCHED_WRITES = (HERE / "writes", HERE / "injection")


@cache
def missing() -> str:
    """What the kernel lacks for them, "" if nothing."""
    return WriteProtect.probe(Ops.VADDR)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.path.parent in OF_WATCHED_WRITES and item.get_closest_marker("live") and missing():
        pytest.skip(missing())
