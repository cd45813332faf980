"""``damon primitives``: what is installed, and what works here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..installed import InstalledPrimitive
    from ..model import Ops
    from ..primitive import Availability, Provides

HEAD = ("PRIMITIVE", "VERSION", "OPS", "HERE", "SEES, OR WHY NOT")
SEEN = {"page": "every page", "region": "one page a region", "mapping": "whole mappings"}


@click.command()
@click.option("-v", "--verbose", is_flag=True, help="Also mechanisms, remedies, side effects.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def primitives(verbose: bool, as_json: bool) -> None:
    """List the installed primitives, and what works on this machine.

    Each is asked, for each address space it knows, whether it can be used here as you are now; if
    not, what is missing and how to get it.
    """
    from ..host import installed

    found = installed()
    if as_json:
        click.echo(json.dumps([_as_dict(primitive) for primitive in found], indent=2))
        return
    if not found:
        click.echo("no primitive is installed: pip install damon-accessed-bit", err=True)
    rows = [HEAD, *(row for primitive in found for row in _rows(primitive))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[-1]]).rstrip())
    for primitive in found if verbose else ():
        click.echo()
        for line in _details(primitive):
            click.echo(line)


def _rows(primitive: InstalledPrimitive) -> list[tuple[str, ...]]:
    """A row of the table for each address space."""
    who = (primitive.name, primitive.version)
    if primitive.error:
        return [(*who, "", "", f"broken: {primitive.error}")]
    rows: list[tuple[str, ...]] = []
    for ops in _ordered(primitive.ops):
        answer = primitive.probe(ops)
        how = answer.mechanism or "yes" if answer.usable else "no"
        rows.append(
            (*who, str(ops), how, _why(answer) or _provided(answer.provides or primitive.provides))
        )
        who = ("", "")
    return rows


def _ordered(supported: frozenset[Ops]) -> list[Ops]:
    from ..model import Ops

    return [ops for ops in Ops if ops in supported]


def _why(answer: Availability) -> str:
    if answer.usable:
        return ""
    missing = answer.missing or "it does not say why"
    return f"{missing} ({answer.remedy})" if answer.remedy else missing


def _provided(provides: Provides) -> str:
    told = [name for name in ("write", "cpu", "tid") if getattr(provides, name)]
    return ", ".join([SEEN.get(provides.granularity, "single accesses"), *told])


def _details(primitive: InstalledPrimitive) -> list[str]:
    lines = [f"{primitive.name}: from {primitive.distribution} {primitive.version}"]
    lines.append(f"  disturbs: {primitive.provides.disturbs or 'nothing'}")
    for ops in _ordered(primitive.ops):
        answer = primitive.probe(ops)
        lines += [
            f"  {ops}, {mechanism}: {lacks or 'usable'}"
            for mechanism, lacks in answer.mechanisms.items()
        ]
    return lines


def _as_dict(primitive: InstalledPrimitive) -> dict[str, Any]:
    import attrs

    probed = {str(ops): attrs.asdict(primitive.probe(ops)) for ops in _ordered(primitive.ops)}
    return {
        "name": primitive.name,
        "distribution": primitive.distribution,
        "version": primitive.version,
        "error": primitive.error,
        "ops": list(probed),
        "provides": attrs.asdict(primitive.provides),
        "availability": probed,
    }
