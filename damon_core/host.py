"""Hosts the primitives of one context: finds and checks them, calls their hooks."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pluggy
from attrs import field, frozen

from . import hookspecs
from .catalogue import Declaration, declarations, find, load
from .errors import ConfigError, DamonError, PrimitiveError, one_line
from .hosted import Hook, HostedPrimitive
from .installed import InstalledPrimitive, installed, listed
from .model import Ops
from .primitive import PrimitiveContext, Provides
from .registration import check_class, supported_ops

__all__ = ["InstalledPrimitive", "PrimitiveChoice", "PrimitiveHost", "installed"]


@frozen
class PrimitiveChoice:
    """A primitive to be enabled, with its options; ``where`` (file:line) goes into errors."""

    name: str
    options: Mapping[str, object] = field(factory=dict)
    where: str = ""


Finder = Callable[[str], tuple[Declaration, object]]
"""From a primitive's name to who declares it, and what was declared; PrimitiveError if nobody."""


def installed_finder() -> Finder:
    """Finds, and imports, primitives by the entry points of what is installed now."""
    declared = declarations()

    def finder(name: str) -> tuple[Declaration, object]:
        declaration = find(name, declared)
        return declaration, load(declaration)

    return finder


class _Registry(pluggy.PluginManager):
    """Looks at functions only: pluggy before 1.7 asks every property whether it is a hook."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        found = inspect.getattr_static(type(plugin), name, None)
        if not inspect.isfunction(getattr(found, "__func__", found)):
            return None
        return super().parse_hookimpl_opts(plugin, name)


class PrimitiveHost:
    """The primitives of one context, in the order chosen; implements the engine's ``Primitives``.

    Building it loads and checks the chosen primitives and no others: ConfigError for their options,
    PrimitiveError for everything else, both with the choice's ``where``.
    """

    def __init__(
        self, choices: Sequence[PrimitiveChoice], ops: Ops, find: Finder | None = None
    ) -> None:
        self.names = tuple(choice.name for choice in choices)
        self._ops = ops
        self._find = find or installed_finder()
        pm = _Registry("damon")
        pm.add_hookspecs(hookspecs)
        registered = [self._register(pm, choice) for choice in choices]
        trace = os.environ.get("DAMON_TRACE_HOOKS", "0") not in ("", "0")
        self._hosted = [HostedPrimitive(one, pm, instance, trace) for one, instance in registered]

    def _register(
        self, pm: pluggy.PluginManager, choice: PrimitiveChoice
    ) -> tuple[Declaration, object]:
        try:
            if pm.has_plugin(choice.name):
                raise PrimitiveError(f"primitive {choice.name} is chosen twice: name it once")
            declaration, plugin = self._find(choice.name)
            cls = check_class(declaration, plugin)
            ops = supported_ops(declaration, cls)
            if self._ops not in ops:
                raise PrimitiveError(f"{declaration} has no {self._ops}, only {listed(ops)}")
            instance = _build(declaration, cls, choice.options)
            pm.register(instance, name=choice.name)
        except DamonError as error:
            if not choice.where:
                raise
            raise type(error)(f"{choice.where}: {error}") from error
        return declaration, instance

    @property
    def instances(self) -> tuple[object, ...]:
        """The primitives themselves."""
        return tuple(hosted.instance for hosted in self._hosted)

    def wrap_hooks(self, wrapper: Callable[[str, Hook], Hook]) -> None:
        """Call what ``wrapper`` makes of each hook, by its name, in the place of the hook."""
        for hosted in self._hosted:
            hosted.wrap(wrapper)

    def init(self, ctxs: Sequence[PrimitiveContext]) -> None:
        """Probe all, then call each ``damon_init``; PrimitiveError after cleaning up what began."""
        for hosted in self._hosted:
            hosted.probe(self._ops)
        try:
            for hosted, ctx in zip(self._hosted, ctxs, strict=True):
                hosted.init(ctx)
        except BaseException:
            self.cleanup()
            raise

    def update_targets(self) -> None:
        """Call ``damon_update_targets`` of those still working."""
        for hosted in self._hosted:
            hosted.call("damon_update_targets")

    def prepare(self) -> None:
        """Call ``damon_prepare_access_checks`` of those still working."""
        for hosted in self._hosted:
            hosted.call("damon_prepare_access_checks")

    def check(self) -> None:
        """Call ``damon_check_accesses`` of those still working."""
        for hosted in self._hosted:
            hosted.check()

    def cleanup(self) -> None:
        """Call each ``damon_cleanup`` that is still owed, last initialised first; idempotent.

        Faults are contained; KeyboardInterrupt and SystemExit are raised again when all are done.
        """
        interrupt: BaseException | None = None
        for hosted in reversed(self._hosted):
            try:
                hosted.cleanup()
            except BaseException as error:
                interrupt = interrupt or error
        if interrupt is not None:
            raise interrupt

    def failures(self) -> tuple[str | None, ...]:
        """For each primitive why it was stopped, or None."""
        return tuple(hosted.failure for hosted in self._hosted)

    def provides(self) -> tuple[Provides, ...]:
        """What each primitive's reports can tell, with the mechanism that ``damon_init`` chose."""
        return tuple(hosted.provides for hosted in self._hosted)


def _build(declaration: Declaration, cls: type[Any], options: Mapping[str, object]) -> object:
    wanted = getattr(cls, "Options", None)
    if wanted is None and options:
        raise ConfigError(
            f"{declaration} has no options, but got {', '.join(map(str, options))}: leave them out"
        )
    arguments = () if wanted is None else (_structured(declaration, wanted, options),)
    try:
        return cls(*arguments)
    except DamonError as error:
        raise type(error)(f"{declaration}: {error}") from error
    except Exception as error:
        raise PrimitiveError(f"{declaration} cannot be built: {one_line(error)}") from error


def _structured(declaration: Declaration, wanted: Any, options: Mapping[str, object]) -> object:
    from .options import structure_options  # loads cattrs: only for a primitive that has options

    try:
        return structure_options(wanted, options)
    except ConfigError as error:
        raise ConfigError(f"{declaration}: {error}") from error
    except Exception as error:
        raise PrimitiveError(
            f"{declaration} cannot be used: its Options is no attrs class whose types can be "
            f"resolved: {one_line(error)}"
        ) from error
