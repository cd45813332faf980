"""A primitive by hand: its hooks in order, what it reports and tells, and what it raises."""

from __future__ import annotations

import pytest

from damon_core.access import AccessReport
from damon_core.primitive import PrimitiveContext
from damon_core.reports import SourceReports
from damon_core.target import Target
from damon_core.testing import ByHand


class Everything:
    """Reports an access in each interval, and notes its hooks."""

    def __init__(self) -> None:
        self.hooks: list[str] = []

    def damon_init(self, ctx: PrimitiveContext) -> None:
        self.hooks.append("init")
        ctx.tell("here I am")

    def damon_update_targets(self, ctx: PrimitiveContext) -> None:
        self.hooks.append(f"update {len(ctx.targets)}")

    def damon_prepare_access_checks(self, ctx: PrimitiveContext) -> None:
        self.hooks.append("prepare")

    def damon_check_accesses(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        self.hooks.append("check")
        reports.report_access(AccessReport(vaddr=len(self.hooks), pid=ctx.targets[0].pid))

    def damon_cleanup(self, ctx: PrimitiveContext) -> None:
        self.hooks.append("cleanup")


class Silent:
    """Has the one hook that is needed, which fails."""

    def damon_check_accesses(self, ctx: PrimitiveContext, reports: SourceReports) -> None:
        raise ValueError("nothing to see")


def test_hooks_are_called_in_order_around_what_is_done_in_an_interval() -> None:
    primitive = Everything()
    run = ByHand(primitive, Target(pid=7), name="everything")
    run.begin()
    rows = run.interval(lambda: primitive.hooks.append("done"))
    run.update([Target(pid=8), Target(pid=9)])
    run.end()
    assert primitive.hooks == [
        *("init", "update 1", "prepare", "done", "check"),
        *("update 2", "cleanup"),
    ]
    assert rows["vaddr"].tolist() == [5]
    assert run.told == ["here I am"]


def test_each_interval_has_its_own_reports() -> None:
    run = ByHand(Everything(), Target(pid=7))
    run.begin()
    seen = [run.interval()["vaddr"].tolist() for _ in range(3)]
    assert seen == [[4], [6], [8]]
    assert run.reports.rows()["pid"].tolist() == [7]


def test_a_hook_that_is_not_there_is_left_out_and_an_error_is_raised_to_the_test() -> None:
    run = ByHand(Silent())
    run.begin()
    with pytest.raises(ValueError, match="nothing to see"):
        run.interval()
    run.end()
