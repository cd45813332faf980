"""Which mechanisms work on this machine, and which one fits what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from damon_core.mechanism import MechanismTable
from damon_core.model import Ops

from .options import Choice, Options

if TYPE_CHECKING:
    from damon_core import Availability
    from damon_core.mechanism import Mechanism
    from damon_core.primitive import PrimitiveContext

MECHANISMS = MechanismTable(
    "damon_page_fault",
    {
        Choice.RWP.value: "ReadWriteProtect",
        Choice.WP_ASYNC.value: "WriteProtect",
        Choice.HINT_FAULTS.value: "HintFaults",
        Choice.FIRST_TOUCH.value: "FirstTouch",
    },
)
PAGES = (Choice.RWP, Choice.WP_ASYNC)
"""The mechanisms that see every page; they need a userfaultfd of each target."""
WRITES = (Choice.WP_ASYNC,)
"""Those among them that know the direction."""


def probe_all(ops: Ops) -> Availability:
    """The answer of the primitive's ``probe``: the first that works, and what each one lacks."""
    fitting = who(Options()) if ops is Ops.PADDR else (*PAGES, *who(Options()))
    return MECHANISMS.probe([choice.value for choice in fitting], ops, Options())


def choose(options: Options, ctx: PrimitiveContext) -> Mechanism:
    """The mechanism asked for, or the first that fits; PrimitiveError says what each lacks."""
    order = [choice.value for choice in _fitting(options, ctx)]
    return MECHANISMS.choose(options.mechanism.value, order, options, ctx.ops, ctx.targets)


def who(options: Options) -> tuple[Choice, ...]:
    """The mechanisms that know direction, thread and CPU, the best first.

    Hint faults only where the machine has them on, or may be made to.
    """
    from .numa_balancing import NumaBalancing

    if options.enable_numa_balancing or NumaBalancing().is_on:
        return Choice.HINT_FAULTS, Choice.FIRST_TOUCH
    return (Choice.FIRST_TOUCH,)


def _fitting(options: Options, ctx: PrimitiveContext) -> tuple[Choice, ...]:
    """The mechanisms whose reports can be filtered as the context wants, the best first."""
    types = {one.type for one in ctx.filters}
    if types & {"threads", "cpumask"} or ctx.ops is Ops.PADDR:
        return who(options)
    return WRITES if "write" in types else PAGES
