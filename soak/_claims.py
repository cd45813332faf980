"""Claims of a program: each is a JSON line with its figures, and may fail the program."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from attrs import define, field


@define
class Claims:
    """What the program ``name`` claims; ``exit_code`` is 1 once something does not hold."""

    name: str
    failed: list[str] = field(factory=list)

    def check(self, claim: str, holds: bool, **figures: object) -> None:
        """Print whether a claim holds, with what was measured."""
        if not holds:
            self.failed.append(claim)
        self.tell(claim=claim, holds=bool(holds), **figures)

    def tell(self, **figures: object) -> None:
        """Print figures that nothing is claimed of."""
        print(json.dumps({"soak": self.name, **figures}), flush=True)

    @property
    def exit_code(self) -> int:
        return 1 if self.failed else 0


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """The median slope between any two points (Theil and Sen): a few outliers do not move it."""
    at, value = np.asarray(times, float), np.asarray(values, float)
    first, second = np.triu_indices(len(at), 1)
    return float(np.median((value[second] - value[first]) / (at[second] - at[first])))


def last_half(values: Sequence[float]) -> Sequence[float]:
    return values[len(values) // 2 :]
