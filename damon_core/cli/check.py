"""``damon check``: is this configuration right, and what does it amount to?"""

from __future__ import annotations

import click


@click.command()
@click.argument("file", required=False, metavar="[FILE]")
@click.option("--from-damo", metavar="FILE", help="Convert a kdamonds file of damo, JSON or YAML.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of the file, for editors.")
def check(file: str | None, from_damo: str | None, schema: bool) -> None:
    """Check a configuration file and print what it amounts to.

    Prints the configuration with all defaults filled in. Names and options of primitives are
    checked against what is installed. "-" reads standard input.
    """
    if [file is not None, from_damo is not None, schema].count(True) != 1:
        raise click.UsageError("give one of FILE, --from-damo FILE and --schema")
    if schema:
        from ..config.schema import schema_text

        click.echo(schema_text(), nl=False)
    elif from_damo is not None:
        _convert(from_damo)
    elif file is not None:
        _check(file)


def _check(file: str) -> None:
    from ..config import load_config
    from ..config.text import config_text
    from ..host import PrimitiveHost

    config = load_config(file)
    for context in config.contexts:
        PrimitiveHost(context.primitives, context.spec.ops)
    click.echo(config_text(config), nl=False)


def _convert(file: str) -> None:
    from ..config.damo import read_damo
    from ..config.text import config_text

    config, warnings = read_damo(file)
    for warning in warnings:
        click.echo(f"damon: {warning}", err=True)
    click.echo(config_text(config), nl=False)
