"""``damon primitives``: what is installed, and what works here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..installed import InstalledPrimitive
    from ..primitive import Availability, Provides


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
    for index, primitive in enumerate(found):
        if verbose and index:
            click.echo()
        for line in _lines(primitive, verbose):
            click.echo(line)


def _lines(primitive: InstalledPrimitive, verbose: bool) -> list[str]:
    lines = [f"{primitive.name}  ({primitive.distribution} {primitive.version})"]
    if primitive.error:
        return [*lines, f"    broken: {primitive.error}"]
    lines.append(f"    {_provided(primitive.provides)}")
    if verbose:
        lines.append(f"    disturbs: {primitive.provides.disturbs or 'nothing'}")
    for ops in sorted(primitive.ops):
        lines += [f"    {line}" for line in _usability(str(ops), primitive.probe(ops), verbose)]
    return lines


def _provided(provides: Provides) -> str:
    told = [name for name in ("write", "cpu", "tid") if getattr(provides, name)]
    what = {"page": "every page", "region": "a page a region", "mapping": "whole mappings"}
    seen = what.get(provides.granularity, "single accesses")
    extra = {"write": "reads from writes", "cpu": "processors", "tid": "threads"}
    return f"sees {seen}" + (f", tells {', '.join(extra[one] for one in told)}" if told else "")


def _usability(ops: str, answer: Availability, verbose: bool) -> list[str]:
    if answer.usable:
        by = f" (by {answer.mechanism})" if answer.mechanism else ""
        lines = [f"{ops:7}usable{by}"]
    else:
        remedy = f": {answer.remedy}" if answer.remedy else ""
        lines = [f"{ops:7}not usable, {answer.missing or 'it does not say why'}{remedy}"]
    if verbose:
        lines += [
            f"       {name}: {lacks or 'usable'}" for name, lacks in answer.mechanisms.items()
        ]
    return lines


def _as_dict(primitive: InstalledPrimitive) -> dict[str, Any]:
    import attrs

    probed = {str(ops): attrs.asdict(primitive.probe(ops)) for ops in sorted(primitive.ops)}
    return {
        "name": primitive.name,
        "distribution": primitive.distribution,
        "version": primitive.version,
        "error": primitive.error,
        "ops": list(probed),
        "provides": attrs.asdict(primitive.provides),
        "availability": probed,
    }
