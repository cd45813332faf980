"""Primitives that break the contract: one fault each, in what is else the template's primitive.

BREAKS says which rule each one breaks, and which test finds it.  test_contract.py runs them in a
pytest of its own, with the template on ``sys.path``.
"""

# mypy: ignore-errors

import ctypes
import os
import threading
import time
from typing import ClassVar

import numpy as np
from damon_first_touch import FirstTouch

from damon_core import REPORT_DTYPE, Availability, Provides, ReportFlag, hookimpl
from damon_core.testing import PrimitiveContract
from damon_core.testing.rule import Rule


def one(target, **fields):
    """A report of the first byte of a target, but for the fields given."""
    row = np.zeros(1, REPORT_DTYPE)
    row["vaddr"], row["pid"] = target.ranges[0].start, target.pid
    row["size"] = row["weight"] = 1
    row["flags"] = ReportFlag.HAS_VADDR
    for name, value in fields.items():
        row[name] = value
    return row


class Misspelt(FirstTouch):
    @hookimpl
    def damon_clean_up(self, ctx): ...


class Swapped(FirstTouch):
    ops = frozenset({"swap"})


class Silent(FirstTouch):
    @classmethod
    def probe(cls, ops):
        return Availability(False)


class Telling(FirstTouch):
    @classmethod
    def probe(cls, ops):
        return "yes"


class Returning(FirstTouch):
    @hookimpl
    def damon_prepare_access_checks(self, ctx):
        return 0


class Raising(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        raise ValueError("no luck")


class Past(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        address, nr = reports.space()
        ctypes.memset(address, 0, (nr + 1) * REPORT_DTYPE.itemsize)


class TooMany(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        _, nr = reports.space()
        reports.commit(nr + 1)


class Reporting(FirstTouch):
    """Reports one thing more, with ``fields`` of its own."""

    fields: ClassVar = {}

    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        super().damon_check_accesses(ctx, reports)
        for target in ctx.targets:
            reports.extend(one(target, **self.fields))


class OfNothing(Reporting):
    fields: ClassVar = {"size": 0}


class Weightless(Reporting):
    fields: ClassVar = {"weight": 0}


class Addressless(Reporting):
    fields: ClassVar = {"flags": 0}


class Threadless(Reporting):
    provides = Provides(granularity="page", tid=True)
    fields: ClassVar = {"flags": ReportFlag.HAS_VADDR | ReportFlag.HAS_TID}


class Flagged(Reporting):
    fields: ClassVar = {"flags": ReportFlag.HAS_VADDR | 1 << 15}


class OfOthers(Reporting):
    fields: ClassVar = {"pid": 1}


class Unmapped(Reporting):
    fields: ClassVar = {"vaddr": 4096}


class Guessing(Reporting):
    fields: ClassVar = {"flags": ReportFlag.HAS_VADDR | ReportFlag.READ}


class Placing(Reporting):
    fields: ClassVar = {"flags": ReportFlag.HAS_VADDR | ReportFlag.HAS_CPU}


class Early(Reporting):
    fields: ClassVar = {"flags": ReportFlag.HAS_VADDR | ReportFlag.EXACT_TIME, "time_ns": 1}


class Blind(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports): ...


class Leaking(FirstTouch):
    @hookimpl
    def damon_init(self, ctx):
        os.open("/dev/null", os.O_RDONLY)


class Toiling(FirstTouch):
    @hookimpl
    def damon_init(self, ctx):
        threading.Thread(target=threading.Event().wait, daemon=True).start()


class HalfWay(FirstTouch):
    @hookimpl
    def damon_init(self, ctx):
        self.first = os.open("/dev/null", os.O_RDONLY)
        self.second = os.open("/dev/null", os.O_RDONLY)

    @hookimpl
    def damon_cleanup(self, ctx):
        super().damon_cleanup(ctx)
        if hasattr(self, "second"):
            os.close(self.first)
            os.close(self.second)
            del self.second


class CleaningOnce(FirstTouch):
    @hookimpl
    def damon_init(self, ctx):
        self.file = open("/dev/null")  # noqa: SIM115

    @hookimpl
    def damon_cleanup(self, ctx):
        super().damon_cleanup(ctx)
        self.file.close()


class CleaningTwice(FirstTouch):
    def __init__(self, options):
        super().__init__(options)
        self.is_clean = False

    @hookimpl
    def damon_cleanup(self, ctx):
        super().damon_cleanup(ctx)
        assert not self.is_clean
        self.is_clean = True


class Busy(FirstTouch):
    file = None
    busy = False

    @hookimpl
    def damon_init(self, ctx):
        self.file = os.open("/dev/null", os.O_RDONLY)

    @hookimpl
    def damon_update_targets(self, ctx):
        self.busy = True
        super().damon_update_targets(ctx)
        self.busy = False

    @hookimpl
    def damon_cleanup(self, ctx):
        super().damon_cleanup(ctx)
        if self.file is not None and not self.busy:
            os.close(self.file)
            self.file = None


class Startled(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        super().damon_check_accesses(ctx, reports)
        for target in ctx.targets:
            os.readlink(f"/proc/{target.pid}/exe")


class Dear(FirstTouch):
    @hookimpl
    def damon_check_accesses(self, ctx, reports):
        super().damon_check_accesses(ctx, reports)
        end = time.thread_time() + 0.03
        while time.thread_time() < end:
            pass


REPORTS = "reports_stay_in_the_buffer_and_in_the_target"
LEFT = "nothing_is_left_at_work_or_open"
BREAKS = {
    Misspelt: (Rule.CLASS, "the_class_can_be_registered"),
    Swapped: (Rule.CLASS, "the_class_can_be_registered"),
    Silent: (Rule.PROBE, "the_probe_says_what_is_missing"),
    Telling: (Rule.PROBE, "the_probe_says_what_is_missing"),
    Returning: (Rule.HOOKS, REPORTS),
    Raising: (Rule.HOOKS, REPORTS),
    Past: (Rule.BUFFER, REPORTS),
    TooMany: (Rule.BUFFER, REPORTS),
    OfNothing: (Rule.REPORT, REPORTS),
    Weightless: (Rule.REPORT, REPORTS),
    Addressless: (Rule.REPORT, REPORTS),
    Threadless: (Rule.REPORT, REPORTS),
    Flagged: (Rule.REPORT, REPORTS),
    OfOthers: (Rule.TARGET, REPORTS),
    Unmapped: (Rule.TARGET, REPORTS),
    Guessing: (Rule.PROVIDES, REPORTS),
    Placing: (Rule.PROVIDES, REPORTS),
    Early: (Rule.TIME, REPORTS),
    Blind: (Rule.SEEN, "a_second_interval_reports_anew"),
    Leaking: (Rule.FILES, LEFT),
    Toiling: (Rule.THREADS, LEFT),
    HalfWay: (Rule.FAILED_INIT, "cleanup_after_a_failed_init_leaves_nothing_open"),
    CleaningOnce: (Rule.CLEANUP_FIRST, "cleanup_without_init_is_harmless"),
    CleaningTwice: (Rule.CLEANUP_TWICE, "cleanup_may_come_twice"),
    Busy: (Rule.FAILED_HOOK, "a_hook_that_fails_on_the_way_leaves_nothing_open"),
    Startled: (Rule.ENDED, "a_target_that_ends_is_no_fault"),
    Dear: (Rule.COST, "an_interval_costs_what_it_may"),
}

for breaker in BREAKS:
    name = f"Test{breaker.__name__}"
    globals()[name] = type(name, (PrimitiveContract,), {"primitive": breaker})
