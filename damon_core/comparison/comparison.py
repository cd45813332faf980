"""A comparison: every scenario under every contender and unmonitored, in turn, several times."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from attrs import define, field, frozen

from ..errors import DamonError
from .contender import Contender
from .scenario import Scenario
from .trial import Sight, Trial, run_trial

Runner = Callable[[Scenario, "Contender | None", Path], Trial]


@frozen
class Spread:
    """A figure over the repetitions: its median, and the least and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Spread | None:
        """None if no repetition has the figure."""
        known = [value for value in values if value is not None]
        return cls(median(known), min(known), max(known)) if known else None


@define
class Cell:
    """A contender in a scenario: its trials, and why there are none, or fewer than asked for."""

    contender: str
    skipped: str = ""
    trials: list[Trial] = field(factory=list)
    slowdowns: list[float | None] = field(factory=list)
    speeds: list[float | None] = field(factory=list)

    @property
    def sights(self) -> list[Sight]:
        return [trial.sight for trial in self.trials if trial.sight is not None]

    @property
    def remarks(self) -> list[str]:
        """What no figure says: why there are none, or fewer, and what failed within a trial."""
        lines = []
        for number, sight in enumerate(self.sights, start=1):
            lines += [f"round {number}: {failure}" for failure in sight.failures]
            accuracy = sight.accuracy
            if accuracy is not None and not accuracy.nr_windows:
                pages = " but for its pages" if accuracy.pages and accuracy.pages.nr_windows else ""
                lines.append(
                    f"round {number}: no window lay in the second half of a phase, so that nothing "
                    f"is known of its accuracy{pages}: phases must be longer, or windows shorter "
                    "(--sample)"
                )
        if self.skipped:
            since = f" from round {len(self.trials) + 1} on" if self.trials else ""
            lines.append(f"not compared{since}: {self.skipped}")
        return lines

    def spread(self, figure: Callable[[Sight], float | None]) -> Spread | None:
        """A figure of what was seen."""
        return Spread.of([figure(sight) for sight in self.sights])

    @property
    def slowdown(self) -> Spread | None:
        """CPU time of a touch over that of the unmonitored run of the same round; 1 is none."""
        return Spread.of(self.slowdowns)

    @property
    def speed(self) -> Spread | None:
        """Touches in a second over those of the unmonitored run; 1 is as many."""
        return Spread.of(self.speeds)


@define
class ScenarioResult:
    """``unmonitored``: the trials without a monitor.

    ``skipped``: why it cannot be run here; ``failed``: why it did not run to its end unmonitored.
    """

    scenario: Scenario
    unmonitored: list[Trial]
    cells: list[Cell]
    skipped: str = ""
    failed: str = ""


class Comparison:
    """Runs it, and has the results.

    ``say`` takes a line of progress.  ``run`` runs one trial.
    """

    def __init__(
        self,
        scenarios: Sequence[Scenario],
        contenders: Sequence[Contender],
        *,
        repetitions: int,
        say: Callable[[str], None] = lambda text: None,
        run: Runner = run_trial,
    ) -> None:
        self.scenarios = tuple(scenarios)
        self.contenders = tuple(contenders)
        self.repetitions = repetitions
        self.results: list[ScenarioResult] = []
        self._say = say
        self._run = run

    def run(self) -> None:
        """Run all; a contender that fails is left out of that scenario, and the reason kept.

        A scenario that cannot be run here, or does not even run unmonitored, keeps its reason too.
        """
        missing = {one.name: one.missing() for one in self.contenders}
        for scenario in self.scenarios:
            cells = [
                Cell(one.name, missing[one.name] or one.unfit(scenario)) for one in self.contenders
            ]
            result = ScenarioResult(scenario, [], cells, skipped=scenario.missing())
            self.results.append(result)
            for round_ in range(self.repetitions):
                if not result.skipped and not result.failed:
                    self._round(result, round_)

    def _round(self, result: ScenarioResult, number: int) -> None:
        label = f"{result.scenario.name}, round {number + 1} of {self.repetitions}"
        with tempfile.TemporaryDirectory(prefix="damon-compare-") as name:
            folder = Path(name)
            self._say(f"{label}: unmonitored")
            try:
                plain = self._run(result.scenario, None, folder)
            except DamonError as error:
                result.failed = str(error)
                return
            result.unmonitored.append(plain)
            for contender, cell in zip(self.contenders, result.cells, strict=True):
                if cell.skipped:
                    continue
                self._say(f"{label}: {cell.contender}")
                try:
                    trial = self._run(result.scenario, contender, folder)
                except DamonError as error:
                    cell.skipped = str(error)
                    continue
                cell.trials.append(trial)
                before, after = plain.target, trial.target
                cell.slowdowns.append(_ratio(after.cpu_per_touch_ns, before.cpu_per_touch_ns))
                cell.speeds.append(_ratio(after.touches_per_s, before.touches_per_s))


def _ratio(after: float, before: float) -> float | None:
    return after / before if before and after else None
