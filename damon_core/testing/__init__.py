"""What tests of primitives, and of this project, are written with."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contract import PrimitiveContract
    from .recorded import RecordedReports
    from .scripted import ScriptedPrimitives
    from .toucher import Toucher

# Loaded at first use: the contract needs pytest, and the test vectors beside it do not.
_PUBLIC = {
    "PrimitiveContract": "contract",
    "RecordedReports": "recorded",
    "ScriptedPrimitives": "scripted",
    "Toucher": "toucher",
}

__all__ = ["PrimitiveContract", "RecordedReports", "ScriptedPrimitives", "Toucher"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
