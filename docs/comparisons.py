"""Runs ``damon compare`` and keeps what it found in docs/comparisons, by the name of the machine.

    python docs/comparisons.py NAME --on "what machine" [-s SCENARIO]... -- [option]...
    python docs/comparisons.py NAME --on "what machine" --from FILE -- [option]...

Options are those of damon compare.  Each scenario is kept as soon as it is done, in the place of
what was known of it.  With ``--from`` a file that ``damon compare --json`` wrote elsewhere, with
these options, is kept.  docs/generate.py makes the tables from what is kept.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from damon_core.comparison.comparison import Spread
from damon_core.comparison.figures import FIGURES, Figure
from damon_core.comparison.scenario import shipped_names
from damon_core.report.comparison import spread_text

KEPT = Path(__file__).parent / "comparisons"


def main() -> int:
    """Keep what is found; the exit code of ``damon compare`` if it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--on", required=True, metavar="TEXT", help="the machine, for readers")
    parser.add_argument("--from", dest="written", type=Path, metavar="FILE")
    parser.add_argument("-s", "--scenario", dest="scenarios", action="append")
    own, options = sys.argv[1:], list[str]()
    if "--" in own:
        own, options = own[: own.index("--")], own[own.index("--") + 1 :]
    given = parser.parse_args(own)
    if given.written is not None:
        keep(given.name, given.on, options, json.loads(given.written.read_text()))
        return 0
    for scenario in given.scenarios or shipped_names():
        command = ["damon", "compare", "--json", "-s", scenario, *options]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode:
            return run.returncode
        keep(given.name, given.on, options, json.loads(run.stdout))
    return 0


def keep(name: str, machine: str, options: Sequence[str], found: dict[str, Any]) -> None:
    """Put the scenarios of ``found`` beside those that the file already has."""
    path = KEPT / f"{name}.json"
    known = json.loads(path.read_text())["scenarios"] if path.exists() else []
    by_name = {scenario["scenario"]: scenario for scenario in known}
    for scenario in found["scenarios"]:
        for contender in scenario["contenders"]:
            del contender["trials"]
        by_name[scenario["scenario"]] = scenario
    kept = {
        "on": machine,
        "options": shlex.join(options),
        "scenarios": sorted(by_name.values(), key=lambda one: one["scenario"]),
    }
    KEPT.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=1) + "\n")


HEAD = """# What each primitive saw, and what it cost

<!-- Made by docs/generate.py from docs/comparisons, which docs/comparisons.py fills. -->

The tables of `damon compare`, by machine and scenario: medians over the rounds, in brackets the
least and the largest. [What was seen, and what it cost](../explanation/results.md) reads them;
[Compare primitives](../how-to/compare-primitives.md) says how a figure is got. A dash is a figure
that does not exist, never a zero.
"""


def page() -> str:
    """The reference page: what the columns mean, then a table a machine and scenario."""
    kept = [json.loads(path.read_text()) for path in sorted(KEPT.glob("*.json"))]
    keys = {
        key
        for found in kept
        for scenario in found["scenarios"]
        for contender in scenario["contenders"]
        for key, spread in contender["figures"].items()
        if spread
    }
    lines = [HEAD, "| column | meaning |", "|---|---|"]
    lines += [f"| {one.title} | {one.meaning} |" for one in FIGURES if one.key in keys]
    for found in kept:
        lines += ["", *_section(found)]
    return "\n".join([*lines, ""])


def _section(found: dict[str, Any]) -> Iterator[str]:
    names = [scenario["scenario"] for scenario in found["scenarios"]]
    which = ["-s all"] if names == shipped_names() else [f"-s {name}" for name in names]
    command = " ".join(["damon compare", *which, found["options"]])
    yield from (f"## {found['on']}", "", "```sh", command, "```", "")
    yield from _overview(found["scenarios"])
    for scenario in found["scenarios"]:
        yield from ("", f"### {scenario['scenario']}", "", scenario["summary"], "")
        yield from _table([one for one in scenario["contenders"] if any(one["figures"].values())])
        for one in scenario["contenders"]:
            for remark in one["remarks"]:
                yield from ("", f"`{one['contender']}`: {remark}")


def _overview(scenarios: list[dict[str, Any]]) -> Iterator[str]:
    names = list(
        dict.fromkeys(one["contender"] for each in scenarios for one in each["contenders"])
    )
    yield from ("Precision, recall and slow-down, by scenario and contender:", "")
    yield f"| scenario | {' | '.join(names)} |"
    yield f"|{'---|' * (1 + len(names))}"
    for scenario in scenarios:
        by_name = {one["contender"]: one["figures"] for one in scenario["contenders"]}
        cells = [_in_short(by_name.get(name, {})) for name in names]
        yield f"| {scenario['scenario']} | {' | '.join(cells)} |"


def _in_short(figures: dict[str, Any]) -> str:
    def median(key: str, shape: str) -> str:
        return shape.format(figures[key]["median"]) if figures.get(key) else "-"

    return ", ".join([*(median(key, "{:.2f}") for key in ("precision", "recall")),
                      median("slowdown", "{:.2f}x")])  # fmt: skip


def _table(contenders: list[dict[str, Any]]) -> Iterator[str]:
    def spread_of(contender: dict[str, Any], figure: Figure) -> Spread | None:
        known = contender["figures"].get(figure.key)
        return Spread(**known) if known else None

    figures = [one for one in FIGURES if any(spread_of(c, one) for c in contenders)]
    if not figures:
        return
    yield f"| contender | {' | '.join(figure.title for figure in figures)} |"
    yield f"|{'---|' * (1 + len(figures))}"
    for contender in contenders:
        cells = [spread_text(figure, spread_of(contender, figure)) for figure in figures]
        yield f"| {' | '.join([contender['contender'], *cells])} |"


if __name__ == "__main__":
    sys.exit(main())
