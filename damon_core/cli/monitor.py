"""``damon monitor``: see at once what is accessed."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from ..listen_address import ListenAddress
from .tail import CommandWithTail
from .target_options import target_options


@click.command(cls=CommandWithTail)
@target_options
@click.option("-o", "--output", metavar="OUT", help="Also record, to this file.")
@click.option("--once", is_flag=True, help="Print the first snapshot, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each snapshot.")
@click.option("-q", "--quiet", is_flag=True, help="No notes, no summary; only errors.")
@click.pass_context
def monitor(
    ctx: click.Context,
    /,
    quiet: bool,
    duration: int | None,
    output: str | None,
    metrics: ListenAddress | None,
    once: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Watch what targets access, as it happens.

    Targets and options are those of "damon record". On a terminal, a view that is drawn anew for
    each aggregation interval; ? shows its keys. Elsewhere a block of text for each. Nothing is
    recorded unless --output is given; a path in the configuration file is ignored.

    Ends after --duration, when the last target has ended, with q, or at Ctrl-C.
    """
    from ..file_limit import raise_file_limit
    from ..live.handover import Handover
    from ..live.json_line import json_line
    from ..monitoring import Monitored, Monitoring
    from ..recording import Recording
    from .live_loop import LiveLoop
    from .live_screen import LiveScreen
    from .metrics_server import MetricsServer
    from .monitoring_options import MonitoringOptions
    from .progress import Progress
    from .stop_signals import StopSignals

    raise_file_limit()
    command = tuple(ctx.meta.get(CommandWithTail.KEY, ()))
    config = MonitoringOptions(**options, command=command).config()
    drawn = not once and not as_json and _can_be_drawn_on()
    command_line = ("damon", *sys.argv[1:])
    handover = Handover(first_only=once)
    with MetricsServer(metrics, quiet) as server:
        observer = server.observed(handover.offer)
        monitored: Monitored[Any] = (
            Monitoring(config, on_snapshot=observer, command_line=command_line)
            if output is None
            else Recording(config, path=output, on_snapshot=observer, command_line=command_line)
        )
        loop = LiveLoop(monitored, handover)
        with StopSignals(monitored) as signals:
            try:
                if drawn:
                    LiveScreen(loop, color=not os.environ.get("NO_COLOR")).run(duration)
                else:
                    loop.run(duration, once, json_line if as_json else loop.block_of)
            finally:
                Progress(quiet or once).summarize(monitored)
    if handover.nr_dropped:
        click.echo(f"{handover.nr_dropped} snapshots came too fast to be shown", err=True)
    if not signals.abandoned:
        handover.close()
    return 1 if signals.abandoned else 0


def _can_be_drawn_on() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
