"""``damon record``: monitor, and write down what was seen."""

from __future__ import annotations

import sys
from typing import Any

import click

from ..listen_address import ListenAddress
from .tail import CommandWithTail
from .target_options import target_options


@click.command(cls=CommandWithTail)
@target_options
@click.option("-o", "--output", metavar="OUT", help="File to write (default: out.damon).")
@click.option("-q", "--quiet", is_flag=True, help="No progress, no summary; only errors.")
@click.pass_context
def record(
    ctx: click.Context,
    /,
    quiet: bool,
    duration: int | None,
    output: str | None,
    metrics: ListenAddress | None,
    **options: Any,
) -> int:
    """Monitor targets and record what they access.

    Targets are those of the configuration FILE, or processes by --pid, or the command CMD, which
    is started and monitored from its first instruction. Options override the file.

    Ends after --duration, when the last target has ended, or at Ctrl-C; the recording is then
    complete. A second Ctrl-C waits for nothing, and kills CMD.
    """
    from ..file_limit import raise_file_limit
    from ..recording import Recording
    from .metrics_server import MetricsServer
    from .monitoring_options import MonitoringOptions
    from .progress import Progress
    from .stop_signals import StopSignals

    raise_file_limit()
    progress = Progress(quiet)
    command = tuple(ctx.meta.get(CommandWithTail.KEY, ()))
    config = MonitoringOptions(**options, command=command).config()
    with MetricsServer(metrics, quiet) as server:
        recording = Recording(
            config,
            path=output,
            on_snapshot=server.observed(progress.take),
            command_line=("damon", *sys.argv[1:]),
        )
        with StopSignals(recording) as signals:
            try:
                with progress:
                    recording.run(duration)
            finally:
                progress.summarize(recording)
    return 1 if signals.abandoned else 0
