"""Which primitives are installed, by the entry points of their distributions, and loading one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import frozen
from stevedore import NamedExtensionManager

from .errors import PrimitiveError, one_line
from .spelling import did_you_mean

GROUP = "damon.primitives"
"""Entry-point group; the entry point's name is the primitive's name in YAML."""

# What to install for a primitive of this project that is asked for and missing.
DISTRIBUTIONS = {
    "accessed_bit": "damon-accessed-bit",
    "page_fault": "damon-page-fault",
    "perf_pmu": "damon-perf-pmu",
}


if TYPE_CHECKING:
    _Base = NamedExtensionManager[Any]
else:  # no generic class before stevedore 5.6
    _Base = NamedExtensionManager


@frozen
class Declaration:
    """A primitive as a distribution declares it; nothing of it has been imported."""

    name: str
    entry_point: EntryPoint
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"primitive {self.name} ({self.distribution} {self.version})"


def declarations() -> list[Declaration]:
    """All declared primitives, by name; a name may come twice, from two distributions."""
    found = []
    for entry_point in entry_points(group=GROUP):
        dist = entry_point.dist
        distribution, version = (dist.name, dist.version) if dist else ("unknown distribution", "?")
        found.append(Declaration(entry_point.name, entry_point, distribution, version))
    return sorted(found, key=lambda declared: (declared.name, declared.distribution))


def find(name: str, declared: Sequence[Declaration]) -> Declaration:
    """The one declaration of ``name``; PrimitiveError if there is none, or more than one."""
    found = [declaration for declaration in declared if declaration.name == name]
    if not found:
        raise PrimitiveError(f"primitive {name!r} is not installed{_what_is(name, declared)}")
    if len(found) > 1:
        owners = " and ".join(f"{one.distribution} {one.version}" for one in found)
        raise PrimitiveError(f"primitive {name} is declared by {owners}: uninstall all but one")
    return found[0]


def _what_is(name: str, declared: Sequence[Declaration]) -> str:
    known = {declaration.name for declaration in declared}
    installed = f" (installed: {', '.join(sorted(known)) or 'none'})"
    if name in DISTRIBUTIONS:
        return f"{installed}: pip install {DISTRIBUTIONS[name]}"
    return f"{installed}{did_you_mean(name, known | set(DISTRIBUTIONS))}"


class _Named(_Base):
    """Imports the one entry point asked for, and no other.

    It is given the entry points as the metadata has them now: stevedore's own list comes from a
    cache on disk, which keeps an entry point that a reinstallation has changed.
    """

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration
        super().__init__(GROUP, [declaration.name], on_load_failure_callback=_refuse)

    def list_entry_points(self) -> list[EntryPoint]:
        return [self._declaration.entry_point]


def _refuse(_loader: object, _entry_point: EntryPoint, error: BaseException) -> NoReturn:
    raise error


def load(declaration: Declaration) -> object:
    """Import what the declaration points to; PrimitiveError with the cause if that fails."""
    try:
        (extension,) = _Named(declaration).extensions
    # An import may also end in AssertionError, which stevedore lets through, or in sys.exit().
    except (Exception, SystemExit) as error:
        target = re.sub(r"\s", "", declaration.entry_point.value)
        raise PrimitiveError(
            f"{declaration} does not load ({target}): {one_line(error)}: "
            f"repair or reinstall {declaration.distribution}"
        ) from error
    return extension.plugin
