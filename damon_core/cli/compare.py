"""``damon compare``: which primitive sees how much of the truth, and at what cost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .param_types import PRIMITIVE, SHARE, TIME_US
from .tail import CommandWithTail

if TYPE_CHECKING:
    from ..comparison.contender import Contender
    from ..host import PrimitiveChoice


@click.command(cls=CommandWithTail)
@click.argument("files", nargs=-1, metavar="[CONFIG]...")
@click.option(
    "--primitive",
    "primitives",
    type=PRIMITIVE,
    multiple=True,
    help="Primitive to compare, with options as NAME:KEY=VALUE,... Several may be given; without "
    "any, and without CONFIG, all that are installed.",
)
@click.option(
    "-s",
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="NAME",
    help="Scenario, or a workload file (default: phases). Several may be given; all is all.",
)
@click.option("--list", "listing", is_flag=True, help="List the scenarios, and end.")
@click.option(
    "-n", "--repetitions", type=click.IntRange(1, 100), default=3, show_default=True, help="Rounds."
)
@click.option("--sample", type=TIME_US, help="Sampling interval (default: what the quota allows).")
@click.option("--aggr", type=TIME_US, help="Aggregation interval; needs --sample.")
@click.option("--cpu-quota", type=SHARE, help="How much of one CPU each may take (default: 5 %).")
@click.option(
    "--pages",
    is_flag=True,
    help="Run each also page by page, with a region for every page of the workload, and compare "
    "pages with what was touched.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("-o", "--output", metavar="FILE", help="Also write a page with pictures (.html).")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.pass_context
def compare(
    ctx: click.Context,
    /,
    files: tuple[str, ...],
    primitives: tuple[PrimitiveChoice, ...],
    scenarios: tuple[str, ...],
    listing: bool,
    repetitions: int,
    sample: int | None,
    aggr: int | None,
    cpu_quota: float | None,
    pages: bool,
    as_json: bool,
    output: str | None,
    quiet: bool,
) -> int:
    """Compare primitives against what a workload really touched, and with each other.

    Each scenario runs once unmonitored and once under each contender, in turn, as often as asked.
    Contenders are primitives with default settings, and the contexts of CONFIG files. One that
    cannot be used here is shown with the reason, and never as a zero.

    CMD, a command that ends by itself, is a scenario too: of what it accesses there is no truth,
    but of what monitoring costs it.
    """
    from ..comparison.comparison import Comparison
    from ..comparison.scenario import command_scenario, load_scenario, shipped_names
    from ..report.comparison import ComparisonTable
    from ..report.comparison_page import ComparisonPage

    if listing:
        for name in shipped_names():
            click.echo(f"{name:<12}{load_scenario(name).summary}")
        return 0
    command = tuple(ctx.meta.get(CommandWithTail.KEY, ()))
    default = () if command else ("phases",)
    names = shipped_names() if scenarios == ("all",) else list(scenarios or default)
    if output is not None:
        _check_output(output)
    chosen = [load_scenario(name) for name in names]
    if command:
        chosen.append(command_scenario(command))
    contenders = _contenders(files, primitives, sample, aggr, cpu_quota)
    if pages:
        contenders = tuple(one for each in contenders for one in (each, each.paged()))

    def say(text: str) -> None:
        if not quiet:
            click.echo(f"compare: {text}", err=True)

    comparison = Comparison(chosen, contenders, repetitions=repetitions, say=say)
    comparison.run()
    table = ComparisonTable(comparison.results, repetitions=repetitions)
    if as_json:
        table.render_json(sys.stdout)
    else:
        table.render(sys.stdout)
    if output is not None:
        with open(output, "w", encoding="utf-8") as file:
            ComparisonPage(comparison.results, repetitions=repetitions).render(file)
    failed = [result for result in comparison.results if result.failed]
    for result in failed:
        click.echo(f"damon: {result.scenario.name}: {result.failed}", err=True)
    compared = any(cell.trials for result in comparison.results for cell in result.cells)
    return 0 if compared and not failed else 1


def _check_output(path: str) -> None:
    """Before hours are spent on what cannot be written."""
    if not path.endswith(".html"):
        raise click.UsageError(f"--output {path}: expected a name that ends in .html")
    try:
        open(path, "ab").close()
    except OSError as error:
        raise click.UsageError(f"--output {path}: {error.strerror}") from None


def _contenders(
    files: tuple[str, ...],
    primitives: tuple[PrimitiveChoice, ...],
    sample: int | None,
    aggr: int | None,
    cpu_quota: float | None,
) -> tuple[Contender, ...]:
    from ..comparison.contender import contender_of, contenders_in, distinct
    from ..host import PrimitiveChoice, installed
    from ..model import Intervals
    from ..spec import ContextSpec

    if aggr is not None and sample is None:
        raise click.UsageError("--aggr needs --sample: without it both are chosen to fit the quota")
    intervals = None
    if sample is not None:
        intervals = Intervals(sample, aggr or 20 * sample, max(1_000_000, sample))
    spec = ContextSpec(
        intervals=intervals, cpu_quota=ContextSpec().cpu_quota if cpu_quota is None else cpu_quota
    )
    if not primitives and not files:
        primitives = tuple(PrimitiveChoice(one.name) for one in installed())
    contenders = [contender_of(choice, spec) for choice in primitives]
    contenders += [one for file in files for one in contenders_in(file)]
    if not contenders:
        raise click.UsageError("nothing to compare: no primitive is installed, give a CONFIG")
    return distinct(contenders)
