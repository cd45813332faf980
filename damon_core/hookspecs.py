"""The hooks of a primitive, in the order in which the core calls them.

A primitive is a class with ``ops``, ``provides``, optionally ``Options`` and ``probe``, and these
hooks as methods marked with :data:`hookimpl`.  It is built once per context: ``cls(options)``, or
``cls()`` if it has no ``Options``.
Every hook is called once per interval, never per region or page, always from the monitoring thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from .primitive import PrimitiveContext
    from .reports import SourceReports

hookspec = pluggy.HookspecMarker("damon")
hookimpl = pluggy.HookimplMarker("damon")
"""Marks a method of a primitive as the implementation of a hook."""


@hookspec
def damon_init(ctx: PrimitiveContext) -> None:
    """Called once, before the first sample: open files, load programs, arm events.

    An exception keeps the context from starting; PrimitiveError is shown as it is.
    """


@hookspec
def damon_update_targets(ctx: PrimitiveContext) -> None:
    """Called when ``ctx.targets`` or their ranges may have changed; once after ``damon_init``."""


@hookspec
def damon_prepare_access_checks(ctx: PrimitiveContext) -> None:
    """Called at the start of each sampling interval: clear, mark, arm what is to be seen in it."""


@hookspec
def damon_check_accesses(ctx: PrimitiveContext, reports: SourceReports) -> None:
    """Called at the end of each sampling interval: put what was accessed in it into ``reports``."""


@hookspec
def damon_cleanup(ctx: PrimitiveContext) -> None:
    """Called once: after the last sample, or as soon as another hook, or ``damon_init``, failed."""
