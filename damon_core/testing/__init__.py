"""What tests of primitives, and of this project, are written with."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..clock import ManualClock
    from .by_hand import ByHand
    from .contract import PrimitiveContract
    from .recorded import RecordedReports
    from .scripted import ScriptedPrimitives
    from .simulated import Heat, SimulatedSampler
    from .stepped import monitor_steps
    from .toucher import Toucher

# Loaded at first use: the contract needs pytest, what stands beside it does not.
_PUBLIC = {
    "ByHand": ".by_hand",
    "Heat": ".simulated",
    "ManualClock": "..clock",
    "PrimitiveContract": ".contract",
    "RecordedReports": ".recorded",
    "ScriptedPrimitives": ".scripted",
    "SimulatedSampler": ".simulated",
    "Toucher": ".toucher",
    "monitor_steps": ".stepped",
}

__all__ = [
    "ByHand",
    "Heat",
    "ManualClock",
    "PrimitiveContract",
    "RecordedReports",
    "ScriptedPrimitives",
    "SimulatedSampler",
    "Toucher",
    "monitor_steps",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name], __name__), name)
