"""User-space Data Access MONitor: access reports, regions, monitoring loop, plugin host."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .access import REPORT_DTYPE, AccessReport, ReportFlag
    from .hookspecs import hookimpl
    from .primitive import Availability, PrimitiveContext, Provides
    from .record import open_record

# Name to module; loaded at first use, so that the command line starts without NumPy and Arrow.
_PUBLIC = {
    "REPORT_DTYPE": "access",
    "AccessReport": "access",
    "Availability": "primitive",
    "PrimitiveContext": "primitive",
    "Provides": "primitive",
    "ReportFlag": "access",
    "hookimpl": "hookspecs",
    "open_record": "record",
}

__all__ = [
    "REPORT_DTYPE",
    "AccessReport",
    "Availability",
    "PrimitiveContext",
    "Provides",
    "ReportFlag",
    "hookimpl",
    "open_record",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
