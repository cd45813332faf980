"""What a class must be to be registered as a primitive; every refusal says how to repair it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

from . import hookspecs
from ._native import lib
from .catalogue import Declaration
from .errors import PrimitiveError
from .model import Ops
from .primitive import Provides
from .spelling import did_you_mean

REQUIRED = "damon_check_accesses"
"""The one hook without which a primitive sees nothing."""


@cache
def hook_arguments() -> dict[str, tuple[str, ...]]:
    """Each hook's name and the arguments it is called with, in the order of a run."""
    return {
        name: tuple(inspect.signature(spec).parameters)
        for name, spec in vars(hookspecs).items()
        if hasattr(spec, "damon_spec")
    }


def check_class(declaration: Declaration, plugin: object) -> type[Any]:
    """``plugin`` as a class that can be registered; PrimitiveError says what is wrong with it."""
    if not isinstance(plugin, type):
        raise _refusal(
            declaration, f"its entry point {declaration.entry_point.value} is not a class"
        )
    supported_ops(declaration, plugin)
    if not isinstance(getattr(plugin, "provides", None), Provides):
        raise _refusal(declaration, "its class has no `provides = Provides(...)`")
    _check_abi(declaration, plugin)
    implemented = set()
    for name, function, options in _methods(plugin):
        _check_method(declaration, name, function, options)
        if options is not None:
            implemented.add(options.get("specname") or name)
    if REQUIRED not in implemented:
        raise _refusal(declaration, f"it has no hook {REQUIRED}, so it cannot see an access")
    return plugin


def supported_ops(declaration: Declaration, plugin: type[Any]) -> frozenset[Ops]:
    """The ops of a primitive's class; PrimitiveError if it has none, or unknown ones."""
    expected = f"wanted is a set of {', '.join(Ops)}"
    ops = getattr(plugin, "ops", None)
    if ops is None:
        raise _refusal(declaration, f"its class has no `ops`: {expected}")
    if not isinstance(ops, (frozenset, set, tuple, list)) or not ops:
        raise _refusal(declaration, f"its `ops` is {ops!r}: {expected}")
    try:
        return frozenset(Ops(one) for one in ops)
    except ValueError as error:
        raise _refusal(declaration, f"its `ops` has {error}: {expected}") from error


def _check_abi(declaration: Declaration, plugin: type[Any]) -> None:
    built_for = getattr(plugin, "report_abi", lib.DAMON_REPORT_ABI)
    if built_for != lib.DAMON_REPORT_ABI:
        raise PrimitiveError(
            f"{declaration} was built for access report ABI {built_for}, "
            f"damon-core has {lib.DAMON_REPORT_ABI}: reinstall {declaration.distribution}"
        )


def _methods(plugin: type[Any]) -> Iterator[tuple[str, Any, dict[str, Any] | None]]:
    """Name, function and @hookimpl options of everything that is, or looks like, a hook."""
    for name in dir(plugin):
        found = inspect.getattr_static(plugin, name)
        function = getattr(found, "__func__", found)
        options = getattr(found, "damon_impl", None) or getattr(function, "damon_impl", None)
        options = options if isinstance(options, dict) else None
        if options is not None or name.startswith("damon_"):
            yield name, found, options


def _check_method(
    declaration: Declaration, name: str, found: Any, options: dict[str, Any] | None
) -> None:
    hooks = hook_arguments()
    hook = (options or {}).get("specname") or name
    if hook not in hooks:
        if options is None and not callable(getattr(found, "__func__", found)):
            return
        hint = did_you_mean(hook, hooks) or f"; the hooks are {', '.join(hooks)}"
        raise _refusal(declaration, f"its method {name} is no hook{hint}")
    if options is None:
        raise _refusal(declaration, f"its {name} is not marked: put @hookimpl before it")
    if options.get("wrapper") or options.get("hookwrapper"):
        raise _refusal(declaration, f"its {name} is a wrapper: a primitive has plain hooks")
    _check_signature(declaration, name, found, hooks[hook])


def _check_signature(
    declaration: Declaration, name: str, found: Any, allowed: tuple[str, ...]
) -> None:
    function = getattr(found, "__func__", found)
    if inspect.iscoroutinefunction(function):
        raise _refusal(declaration, f"its {name} is async: hooks are plain functions")
    parameters = list(inspect.signature(function).parameters.values())
    if not isinstance(found, staticmethod):
        parameters = parameters[1:]
    wanted = f"it may take ({', '.join(allowed)})"
    for parameter in parameters:
        # pluggy hands over nothing but plain arguments without a default.
        if parameter.kind != parameter.POSITIONAL_OR_KEYWORD:
            raise _refusal(declaration, f"its {name} takes `{parameter}`: {wanted}")
        if parameter.name not in allowed:
            raise _refusal(declaration, f"its {name} takes `{parameter.name}`: {wanted}")
        if parameter.default is not parameter.empty:
            raise _refusal(
                declaration, f"its {name} has a default for `{parameter.name}`: take it without one"
            )


def _refusal(declaration: Declaration, fault: str) -> PrimitiveError:
    return PrimitiveError(
        f"{declaration} cannot be used: {fault} (report it to the author of "
        f"{declaration.distribution}, or repair it: docs/reference/hooks.md)"
    )
