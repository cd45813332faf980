"""``damon convert``: recordings of ours for other tools, and those of damo for ours."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from ..formats import FORMATS, Format, format_of, split_suffix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..formats.damo_targets import Known
    from ..formats.recorded import Recorded

OPS = ("vaddr", "fvaddr", "paddr")


def _format(ctx: click.Context, param: click.Parameter, name: str | None) -> Format | None:
    if name is None:
        return None
    if name not in FORMATS:
        from ..spelling import did_you_mean

        raise click.BadParameter(
            f"no format {name!r}, there are {', '.join(FORMATS)}{did_you_mean(name, FORMATS)}"
        )
    return FORMATS[name]


@click.command()
@click.argument("record", type=click.Path())
@click.option(
    "--to",
    "to",
    callback=_format,
    metavar="FORMAT",
    help=f"{', '.join(FORMATS)}; by default what the suffix of OUT says, or damon for damo's.",
)
@click.option("-o", "--output", "path", metavar="OUT", help='File to write; "-": standard output.')
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.option("--ops", type=click.Choice(OPS), help="Address space of a recording of damo.")
@click.option("--sample-us", metavar="TIME", help='Its sampling interval, as "5 ms".')
def convert(
    record: str,
    to: Format | None,
    path: str | None,
    force: bool,
    ops: str | None,
    sample_us: str | None,
) -> None:
    """Convert a recording for other tools, or one of damo for this one.

    RECORD is a recording of damon, or of damo: compressed or plain JSON, or the text of perf
    script. Where OUT is left out, the name is that of RECORD with the suffix of the format.
    What the file does not say, or the format cannot, is told.
    """
    from ..formats.damo_file import is_damo

    foreign = is_damo(record)
    if to is None:
        if path and path != "-":
            to = format_of(path)
        elif foreign:
            to = FORMATS["damon"]
        else:
            raise click.UsageError("say --to FORMAT, or -o with a suffix such as .csv")
    if not foreign:
        if to.name == "damon":
            raise click.UsageError(f"{record} is a recording of damon already")
        if ops or sample_us:
            raise click.UsageError("--ops and --sample-us are for recordings of damo")
        _write(record, _ours(record), to, _path(record, to, path), force)
        return
    contexts = _damos(record, _known(record, ops, sample_us))
    for name, recorded in contexts:
        out = _path(record, to, path)
        if len(contexts) > 1:
            out = _numbered(out, name)
        _write(record, recorded, to, out, force)


def _ours(path: str) -> Recorded:
    from ..record import open_record

    opened = open_record(path)
    if opened.note:
        _note(opened.note)
    return opened


def _damos(path: str, known: Known) -> Sequence[tuple[str, Recorded]]:
    """The contexts of a recording of damo, by name."""
    from ..formats.damo_recording import contexts_of

    contexts = contexts_of(path, known)
    for context in contexts:
        for note in context.notes:
            _note(f"{path}: {note}")
    return [(context.name, context) for context in contexts]


def _known(path: str, ops: str | None, sample_us: str | None) -> Known:
    from ..errors import ConfigError
    from ..formats.damo_targets import Known
    from ..model import Ops
    from ..units import parse_time_us

    try:
        sample = parse_time_us(sample_us) if sample_us else None
    except ConfigError as error:
        raise click.BadParameter(str(error), param_hint="--sample-us") from None
    if sample == 0:
        raise click.BadParameter("got 0, expected at least 1 us", param_hint="--sample-us")
    beside = _beside(f"{path}.kdamonds")
    return Known(Ops(ops) if ops else beside.ops, sample, beside.pids)


def _beside(path: str) -> Known:
    """What the parameters say that damo stores beside a recording."""
    from ..config.damo import read_damo
    from ..errors import ConfigError
    from ..formats.damo_targets import Known

    if not os.path.isfile(path):
        return Known()
    try:
        config, _ = read_damo(path)
    except ConfigError as error:
        _note(f"{error}: not used")
        return Known()
    if len(config.contexts) != 1:
        return Known()
    (context,) = config.contexts
    pids = tuple(target.pid for target in context.targets)
    return Known(context.spec.ops, None, tuple(pid for pid in pids if pid))


def _path(record: str, to: Format, path: str | None) -> str:
    if path is not None:
        return path
    stem, _ = split_suffix(record)
    return stem + to.suffix


def _numbered(path: str, name: str) -> str:
    if path == "-":
        raise click.UsageError("several contexts do not fit one standard output: say -o OUT")
    stem, suffix = os.path.splitext(path)
    return f"{stem}.{name}{suffix}"


def _write(record: str, recorded: Recorded, to: Format, path: str, force: bool) -> None:
    from ..errors import RecordError
    from ..formats.output import whole_file

    if not len(recorded):
        raise RecordError(f"{record}: has no snapshot: it ended before its first window did")
    if path == "-" and not to.is_text and sys.stdout.isatty():
        raise click.UsageError(f"{to.name} is not for a terminal: say -o OUT")
    if path != "-" and os.path.exists(path) and os.path.samefile(path, record):
        raise click.UsageError(f"{path} is the recording itself: say -o OUT")
    with whole_file(path, replace=force) as file:
        notes = to.write(recorded, file)
    for note in notes:
        _note(note)
    if path != "-":
        click.echo(f"{path}: {to.words}, {len(recorded):,} snapshots", err=True)


def _note(text: str) -> None:
    click.echo(f"note: {text}", err=True)
