"""One primitive in its context: calls its hooks, stops it at its first fault, owes it a cleanup."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from .catalogue import Declaration
from .errors import DamonError, PrimitiveError, one_line
from .installed import probe
from .model import Ops
from .primitive import PrimitiveContext, Provides
from .registration import hook_arguments

Hook = Callable[..., object]


class HostedPrimitive:
    """A registered primitive; a fault in one of its hooks stops it, and nobody else.

    ``failure`` says why it was stopped, or is None.  ``damon_cleanup`` is called once if
    ``damon_init`` was called: as soon as the primitive is stopped, else at the end.
    """

    def __init__(
        self, declaration: Declaration, pm: pluggy.PluginManager, instance: Any, trace: bool
    ) -> None:
        self.failure: str | None = None
        self.provides: Provides = type(instance).provides
        self._declaration = declaration
        self.instance = instance
        self._hooks = _implemented(pm, instance)
        if trace:
            self.wrap(lambda name, hook: _traced(f"{declaration.name} {name}", hook))
        self._ctx: PrimitiveContext | None = None
        self._mechanism = ""
        self._owes_cleanup = False

    def wrap(self, wrapper: Callable[[str, Hook], Hook]) -> None:
        """Call what ``wrapper`` makes of each hook, by its name, in the place of the hook."""
        self._hooks = {name: wrapper(name, hook) for name, hook in self._hooks.items()}

    def probe(self, ops: Ops) -> None:
        """Ask the class whether it is usable here; PrimitiveError with what is missing, if not."""
        try:
            answer = probe(type(self.instance), ops)
        except PrimitiveError as error:
            raise PrimitiveError(f"{self._declaration}: {error}") from error
        if not answer.usable:
            missing = answer.missing or "it does not say what is missing"
            remedy = f" ({answer.remedy})" if answer.remedy else ""
            raise PrimitiveError(
                f"{self._declaration} is not usable here for {ops}: {missing}{remedy}"
            )
        self._mechanism = answer.mechanism

    def init(self, ctx: PrimitiveContext) -> None:
        """Call ``damon_init``; PrimitiveError if it fails, and then ``cleanup`` is owed."""
        self._ctx = ctx
        ctx.mechanism = ctx.mechanism or self._mechanism
        self._owes_cleanup = True
        try:
            self._invoke("damon_init", ctx=ctx)
            if not isinstance(self.instance.provides, Provides):
                raise _HookFault("hook damon_init set `provides` to something that is no Provides")
        except _HookFault as fault:
            if isinstance(fault.__cause__, DamonError):
                raise PrimitiveError(f"{self._declaration}: {fault.__cause__}") from fault
            raise PrimitiveError(f"{self._declaration} does not start: {fault}") from fault
        self.provides = self.instance.provides

    def call(self, name: str) -> None:
        """Call a hook that takes ``ctx``, unless it was stopped; a fault stops it."""
        self._call(name, ctx=self._ctx)

    def check(self) -> None:
        """Call ``damon_check_accesses`` with the primitive's half of the report buffer."""
        if self._ctx is not None:
            self._call("damon_check_accesses", ctx=self._ctx, reports=self._ctx.reports)

    def cleanup(self) -> None:
        """Call ``damon_cleanup`` if it is owed; a fault is noted, not raised."""
        if not self._owes_cleanup:
            return
        self._owes_cleanup = False
        try:
            self._invoke("damon_cleanup", ctx=self._ctx)
        except _HookFault as fault:
            self._note(str(fault))

    def _call(self, name: str, **arguments: object) -> None:
        if self.failure is not None:
            return
        try:
            self._invoke(name, **arguments)
        except _HookFault as fault:
            self._note(str(fault))
            self.cleanup()

    def _invoke(self, name: str, **arguments: object) -> None:
        hook = self._hooks.get(name)
        if hook is None:
            return
        try:
            results = hook(**arguments)
        except Exception as error:
            place = _place(error, type(self.instance).__module__)
            raise _HookFault(f"hook {name} raised {one_line(error)}{place}") from error
        if results:
            raise _HookFault(
                f"hook {name} returned a {type(results[0]).__name__}: "  # type: ignore[index]
                "hooks return nothing, accesses go into `reports`"
            )

    def _note(self, fault: str) -> None:
        ctx = self._ctx
        if ctx is not None:
            ctx.count("failed_hooks")
            if self.failure is not None:
                ctx.tell(fault)
        self.failure = self.failure or fault


class _HookFault(Exception):
    """A hook raised, or returned, what it must not."""


def _implemented(pm: pluggy.PluginManager, instance: object) -> dict[str, Hook]:
    others = [plugin for plugin in pm.get_plugins() if plugin is not instance]
    hooks = {name: pm.subset_hook_caller(name, others) for name in hook_arguments()}
    return {name: hook for name, hook in hooks.items() if hook.get_hookimpls()}


def _traced(name: str, hook: Hook) -> Hook:
    def call(**arguments: object) -> object:
        start = time.perf_counter_ns()
        try:
            return hook(**arguments)
        finally:
            spent_us = (time.perf_counter_ns() - start) / 1000
            print(f"damon hook: {name} {spent_us:.1f} us", file=sys.stderr)

    return call


def _place(error: Exception, module: str) -> str:
    """Where in the primitive's own code it happened, else where it happened at all."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    own = sys.modules.get(module.partition(".")[0], ModuleType(""))
    roots = list(getattr(own, "__path__", ())) or [getattr(own, "__file__", None) or "?"]
    inside = [one for one in frames if any(one.filename.startswith(root) for root in roots)]
    frame = (inside or frames)[-1]
    return f" ({Path(frame.filename).name}:{frame.lineno})"
