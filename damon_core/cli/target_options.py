"""The options of every command that monitors: what, how, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from .param_types import ADDRESS, COUNT, PRIMITIVE, REGION, SHARE, TIME_US

_OPTIONS = (
    click.argument("file", required=False),
    click.option(
        "-c",
        "--config",
        "config_option",
        metavar="FILE",
        help="Configuration file; the same as FILE.",
    ),
    click.option(
        "--primitive",
        "primitives",
        type=PRIMITIVE,
        multiple=True,
        help="Primitive that looks for accesses, with options as NAME:KEY=VALUE,... (default: "
        "accessed_bit). Several may be given.",
    ),
    click.option(
        "--ops",
        type=click.Choice(["vaddr", "fvaddr", "paddr"]),
        help="Address space (default: vaddr).",
    ),
    click.option(
        "-p", "--pid", "pids", type=click.IntRange(1), multiple=True, help="Process to monitor."
    ),
    click.option("--children", is_flag=True, help="Also the descendants of --pid and of CMD."),
    click.option(
        "--region",
        "regions",
        type=REGION,
        multiple=True,
        help="Range to watch, for --ops fvaddr and paddr, such as 0x100000-0x200000 or 1GiB-2GiB.",
    ),
    click.option(
        "-t", "--duration", type=TIME_US, help="How long, such as 10s (default: to the end)."
    ),
    click.option(
        "--sample", type=TIME_US, help="Sampling interval (default: chosen to fit the quota)."
    ),
    click.option("--aggr", type=TIME_US, help="Aggregation interval: one snapshot each."),
    click.option("--update", type=TIME_US, help="Interval between looks for changed mappings."),
    click.option("--min-regions", type=COUNT, help="Least number of regions (default: 10)."),
    click.option("--max-regions", type=COUNT, help="Largest number of regions (default: 1000)."),
    click.option("--cpu-quota", type=SHARE, help="How much of one CPU it may take (default: 5 %)."),
    click.option("--seed", type=COUNT, help="Seed of the random choices."),
    click.option(
        "--metrics",
        type=ADDRESS,
        help="Serve metrics to Prometheus at this port, 0 for a free one; of this machine alone "
        "(127.0.0.1) unless ADDR says otherwise.",
    ),
)


def target_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command these options, and the argument FILE."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
