"""Primitives whose accesses are written down beforehand, for tests of what is above them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..access import REPORT_DTYPE, AccessReport
from ..primitive import PrimitiveContext, Provides

Tick = np.ndarray | Sequence[AccessReport] | None
"""What one primitive sees in one sampling interval: rows of REPORT_DTYPE, or access reports."""

Script = Sequence[Tick] | Callable[[PrimitiveContext, int], None]
"""A primitive's ticks, the last of them followed by silence; or a function of context and tick."""


class ScriptedPrimitives:
    """Plays one script per primitive, tick by tick; has the methods of the engine's ``Primitives``.

    ``calls`` lists what was called, in order.  ``fail(name, reason)`` stops a primitive.
    """

    def __init__(
        self, *scripts: Script, names: Sequence[str] = (), provides: Provides | None = None
    ) -> None:
        self.names = tuple(names) or tuple(f"scripted{i}" for i in range(len(scripts)))
        self.calls: list[str] = []
        self.ctxs: tuple[PrimitiveContext, ...] = ()
        self.nr_ticks = 0
        self._scripts = scripts
        self._provides = provides or Provides(write=True, cpu=True, tid=True)
        self._failures: dict[str, str] = {}

    def init(self, ctxs: Sequence[PrimitiveContext]) -> None:
        """Keep the contexts."""
        self.calls.append("init")
        self.ctxs = tuple(ctxs)

    def update_targets(self) -> None:
        """Only noted in ``calls``."""
        self.calls.append("update_targets")

    def prepare(self) -> None:
        """Only noted in ``calls``."""
        self.calls.append("prepare")

    def check(self) -> None:
        """Report what each script says for this tick."""
        self.calls.append("check")
        for name, script, ctx in zip(self.names, self._scripts, self.ctxs, strict=True):
            if name not in self._failures:
                _play(script, ctx, self.nr_ticks)
        self.nr_ticks += 1

    def cleanup(self) -> None:
        """Only noted in ``calls``."""
        self.calls.append("cleanup")

    def fail(self, name: str, reason: str) -> None:
        """From now on the primitive is silent and has failed."""
        self._failures[name] = reason

    def failures(self) -> tuple[str | None, ...]:
        """The reasons given to ``fail``."""
        return tuple(self._failures.get(name) for name in self.names)

    def provides(self) -> tuple[Provides, ...]:
        """The same for all."""
        return (self._provides,) * len(self.names)


def _play(script: Script, ctx: PrimitiveContext, tick: int) -> None:
    if callable(script):
        script(ctx, tick)
    elif tick < len(script):
        rows = to_rows(script[tick])
        if len(rows):
            ctx.reports.extend(rows)


def to_rows(tick: Tick) -> np.ndarray:
    """A tick of a script as rows of REPORT_DTYPE."""
    if isinstance(tick, np.ndarray):
        return tick
    if not tick:
        return np.empty(0, REPORT_DTYPE)
    return np.concatenate([report.to_array() for report in tick])
