"""``damon workload``: runs a known access pattern, and logs what it touched when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    from ..workload.plan import Workload

KINDS = ("anon", "anon_4k", "anon_thp", "shmem", "memfd", "file_private", "file_shared")
MODES = {"ro": "r", "wo": "w", "rw": "rw"}


@click.command()
@click.argument("file", type=click.Path())
@click.option(
    "-o", "--log", "log_path", type=click.Path(), default="workload.truth", show_default=True,
    help="Where the ground-truth log goes; - keeps none.",
)  # fmt: skip
@click.option("--memory", type=click.Choice(KINDS), help="Of regions, where FILE is silent (anon).")
@click.option("--populate", is_flag=True, help="Make memory present before the first phase.")
@click.option("--mode", type=click.Choice([*MODES]), help="Of patterns that do not say (wo).")
@click.option("--pause", metavar="TIME", help="Rest after each pass of a pattern, as 2ms (0).")
@click.option("--repeat", type=click.IntRange(0), metavar="N", help="Runs; 0 for ever (1).")
@click.option("--seed", type=click.IntRange(0, 2**63), metavar="N", help="Of random choices (1).")
@click.option(
    "--folder", type=click.Path(exists=True, file_okay=False), default="/var/tmp",
    show_default=True, help="Where the files of file regions are made.",
)  # fmt: skip
@click.option("--control", is_flag=True, help="Wait for commands on standard input.")
@click.option("--check", is_flag=True, help="Only say what the file amounts to.")
def workload(file: str, log_path: str, control: bool, check: bool, **said: Any) -> None:
    """Run the access patterns of FILE, a configuration file of masim.

    The process becomes a small C program of the same pid, which says "ready" once its memory is
    mapped.  SIGINT and SIGTERM end it with its log whole.  "damon" comments in FILE say what masim
    has no words for: see the reference page "workload".
    """
    from pathlib import Path

    plan = _plan(Path(file), **said)
    if check:
        click.echo("\n".join(_description(plan)))
        return
    from ..workload.toucher import exec_toucher

    log = None if log_path == "-" else Path(log_path)
    if log is not None:
        _check_writable(log)
    click.echo(_summary(plan, log), err=True)
    exec_toucher(plan, log, control=control)


def _plan(
    file: Path,
    memory: str | None,
    populate: bool,
    mode: str | None,
    pause: str | None,
    repeat: int | None,
    seed: int | None,
    folder: str,
) -> Workload:
    from pathlib import Path

    from attrs import evolve

    from ..workload.directives import Directives
    from ..workload.masim import load_masim
    from ..workload.plan import MemoryKind, Mode

    defaults = Directives(
        memory=MemoryKind(memory or "anon"),
        populate=populate,
        mode=Mode(MODES[mode or "wo"]),
        pause_us=_time_us(pause) if pause else 0,
    )
    plan = load_masim(file, defaults)
    return evolve(
        plan,
        folder=Path(folder),
        repeat=plan.repeat if repeat is None else repeat,
        seed=plan.seed if seed is None else seed,
    )


def _time_us(text: str) -> int:
    from ..errors import ConfigError
    from ..units import parse_time_us

    try:
        return parse_time_us(text)
    except ConfigError as error:
        raise click.BadParameter(str(error), param_hint="--pause") from None


def _check_writable(log: Path) -> None:
    from ..errors import WorkloadError

    try:
        log.open("ab").close()
    except OSError as error:
        raise WorkloadError(
            f"cannot write the log {log}: {error.strerror}; choose another with --log"
        ) from None


def _summary(plan: Workload, log: Path | None) -> str:
    import os

    from ..units import about_size, format_time_us

    size = about_size(sum(region.size for region in plan.regions))
    length = "for ever" if plan.duration_us is None else format_time_us(plan.duration_us)
    where = f"log {log}" if log else "no log"
    return f"damon workload: pid {os.getpid()}, {size}, {length}, {where}"


def _description(plan: Workload) -> list[str]:
    from ..units import about_size, format_time_us

    lines = [
        f"region {region.name}: {about_size(region.size)} of {region.memory}"
        for region in plan.regions
    ]
    names = [""] * len(plan.threads)
    names += [f"process {one.name}, " for one in plan.processes for _ in one.threads]
    for number, (process, phases) in enumerate(zip(names, plan.all_threads, strict=True)):
        for phase in phases:
            time = format_time_us(phase.duration_us)
            lines.append(f"{process}thread {number}, {phase.name}, {time}:")
            for resize in phase.resizes:
                size = about_size(resize.size)
                lines.append(f"  {plan.regions[resize.region].name} has {size} mapped")
            for pattern in phase.patterns:
                region = plan.regions[pattern.region]
                how = "at random" if pattern.random else f"every {pattern.stride} bytes"
                lines.append(
                    f"  {pattern.mode} {region.name}[{pattern.offset}:"
                    f"{pattern.offset + plan.length_of(pattern)}] {how}, weight {pattern.weight}"
                )
    return lines
