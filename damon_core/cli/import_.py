"""``damon import``: what a recording of perf says was accessed, as a recording of damon."""

from __future__ import annotations

import sys
from typing import Any

import click

from .param_types import COUNT, REGION, TARGET, TIME_US


@click.command("import")
@click.argument("file")
@click.option(
    "--target",
    "targets",
    type=TARGET,
    multiple=True,
    metavar="PID|paddr",
    help="Process to monitor, or paddr for physical memory (default: the process with most "
    "samples).",
)
@click.option(
    "-c", "--config", metavar="YAML", help="Configuration with filters, intervals, regions."
)
@click.option(
    "--region",
    "regions",
    type=REGION,
    multiple=True,
    help="Range to watch (default: around the samples).",
)
@click.option("--mappings", is_flag=True, help="Watch also what was mapped and never sampled.")
@click.option("-o", "--output", metavar="OUT", help="File to write (default: out.damon).")
@click.option(
    "--sample", type=TIME_US, help="Sampling interval (default: chosen to fit the samples)."
)
@click.option("--aggr", type=TIME_US, help="Aggregation interval: one snapshot each.")
@click.option("--min-regions", type=COUNT, help="Least number of regions (default: 10).")
@click.option("--max-regions", type=COUNT, help="Largest number of regions (default: 1000).")
@click.option("--seed", type=COUNT, help="Seed of the random choices.")
@click.option("-q", "--quiet", is_flag=True, help="No notes, no summary; only errors.")
def import_(file: str, quiet: bool, **options: Any) -> int:
    """Make a recording of what perf has sampled.

    FILE is a perf.data file of `perf mem record` or `perf record -d`; or - for the text of
    `perf script -F pid,tid,cpu,time,addr,data_src` on standard input, for files that only perf
    can read. The samples go through the same filters and regions as those of `damon record`, at
    the times that the file says.
    """
    from .import_options import ImportOptions
    from .import_run import ImportRun
    from .stop_signals import StopSignals

    options_ = ImportOptions(path=file, **options)
    with options_.open() as samples:
        run = ImportRun(options_, samples, command_line=("damon", *sys.argv[1:]), quiet=quiet)
        with StopSignals(run) as signals:
            run.run()
    return 1 if signals.abandoned else 0
