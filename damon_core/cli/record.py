"""``damon record``: monitor, and write down what was seen."""

from __future__ import annotations

import sys
from typing import Any

import click

from .param_types import COUNT, PRIMITIVE, REGION, SHARE, TIME_US
from .tail import CommandWithTail


@click.command(cls=CommandWithTail)
@click.argument("file", required=False)
@click.option(
    "-c", "--config", "config_option", metavar="FILE", help="Configuration file; the same as FILE."
)
@click.option(
    "--primitive",
    "primitives",
    type=PRIMITIVE,
    multiple=True,
    help="Primitive that looks for accesses, with options as NAME:KEY=VALUE,... (default: "
    "accessed_bit); a VALUE may be a list, [A,B], as in YAML. Several may be given.",
)
@click.option(
    "--ops", type=click.Choice(["vaddr", "fvaddr", "paddr"]), help="Address space (default: vaddr)."
)
@click.option(
    "-p", "--pid", "pids", type=click.IntRange(1), multiple=True, help="Process to monitor."
)
@click.option("--children", is_flag=True, help="Also the descendants of --pid and of CMD.")
@click.option(
    "--region",
    "regions",
    type=REGION,
    multiple=True,
    help="Range to watch, for --ops fvaddr and paddr, such as 0x100000-0x200000 or 1GiB-2GiB.",
)
@click.option("-t", "--duration", type=TIME_US, help="How long, such as 10s (default: to the end).")
@click.option("-o", "--output", metavar="OUT", help="File to write (default: out.damon).")
@click.option(
    "--sample", type=TIME_US, help="Sampling interval (default: chosen to fit the quota)."
)
@click.option("--aggr", type=TIME_US, help="Aggregation interval: one snapshot each.")
@click.option("--update", type=TIME_US, help="Interval between looks for changed mappings.")
@click.option("--min-regions", type=COUNT, help="Least number of regions (default: 10).")
@click.option("--max-regions", type=COUNT, help="Largest number of regions (default: 1000).")
@click.option("--cpu-quota", type=SHARE, help="How much of one CPU it may take (default: 5 %).")
@click.option("--seed", type=COUNT, help="Seed of the random choices.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, no summary; only errors.")
@click.pass_context
def record(ctx: click.Context, /, quiet: bool, duration: int | None, **options: Any) -> int:
    """Monitor targets and record what they access.

    Targets are those of the configuration FILE, or processes by --pid, or the command CMD, which
    is started and monitored from its first instruction. Options override the file.

    Ends after --duration, when the last target has ended, or at Ctrl-C; the recording is then
    complete. A second Ctrl-C waits for nothing, and kills CMD.
    """
    from ..recording import Recording
    from .progress import Progress
    from .record_options import RecordOptions
    from .stop_signals import StopSignals

    progress = Progress(quiet)
    command = tuple(ctx.meta.get(CommandWithTail.KEY, ()))
    config = RecordOptions(**options, command=command).config()
    recording = Recording(
        config,
        path=options["output"],
        on_snapshot=progress.take,
        command_line=("damon", *sys.argv[1:]),
    )
    with StopSignals(recording) as signals:
        try:
            with progress:
                recording.run(duration)
        finally:
            progress.summarize(recording)
    return 1 if signals.abandoned else 0
