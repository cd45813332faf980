"""Writes the reference pages that are made from the code; ``--check`` only compares them."""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import attrs
import click
from comparisons import page as comparison_page
from kernels import page as kernels_page

from damon_core.cli import damon
from damon_core.config.keys import FileKeys
from damon_core.config.scalars import expected, is_choice
from damon_core.config.schema import name_of, schema_text
from damon_core.exposition import FAMILIES
from damon_core.testing.differences import page as differences_page

REFERENCE = Path(__file__).parent / "reference"

CONFIG_HEAD = """# Configuration file

<!-- Made by docs/generate.py from damon_core/config; change it there. -->

A YAML file with one context at its top level, or with several under `contexts`. `damon check FILE`
prints what a file amounts to, or every fault in it with its line. Numbers may be plain, in the unit
that the key names (`_us`: microseconds), or texts such as `5 ms`, `1 m 2 s`, `2 MiB`, `1,000`,
`20 %`, `min`, `max`; K, KB and KiB are all 1024 bytes. Editors that know JSON schemas can use
[config.schema.json](config.schema.json), also printed by `damon check --schema`.

Anchors, aliases, tags and duplicate keys are refused, and so are files of more than 1 MiB.
"""

CLI_HEAD = """# Command line

<!-- Made by docs/generate.py from damon_core/cli; change it there. -->
"""


def config_page() -> str:
    """The keys, a section a class."""
    return "\n".join([CONFIG_HEAD, *_sections(FileKeys, set()), ""])


def _sections(cls: type[Any], done: set[type[Any]]) -> Iterator[str]:
    done.add(cls)
    yield from (f"## {name_of(cls)}", "", cls.__doc__ or "", "")
    yield from ("| key | value | default | meaning |", "|---|---|---|---|")
    fields = attrs.fields(attrs.resolve_types(cls))
    for field in fields:
        yield f"| `{field.name}` | {_value(field)} | {_default(field)} | {_meaning(field)} |"
    yield ""
    for field in fields:
        for inner in _classes(field.type):
            if inner not in done:
                yield from _sections(inner, done)


def _classes(kind: Any) -> Iterator[type[Any]]:
    if get_origin(kind) in (Union, types.UnionType, tuple):
        for one in get_args(kind):
            yield from _classes(one)
    elif attrs.has(kind) and name_of(kind) != kind.__name__:
        yield kind


def _value(field: Any) -> str:
    example = field.metadata["example"]
    kind = _kind(field.type)
    return f"{kind}, such as `{example}`" if example not in ("", *kind.split(", ")) else kind


def _kind(kind: Any) -> str:
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(_kind(one) for one in get_args(kind) if one is not type(None))
    if get_origin(kind) is tuple:
        return f"list of {_kind(get_args(kind)[0])}"
    if get_origin(kind) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(kind))
    if any(_classes(kind)):
        return f"[{name_of(kind)}](#{name_of(kind).lower()})"
    if is_choice(kind):
        return ", ".join(f"`{one.value}`" for one in kind)
    return re.sub(r"^(a|an|the) | such as .*", "", expected(kind))


def _default(field: Any) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    if field.metadata["shown"]:
        return str(field.metadata["shown"])
    if isinstance(field.default, int):
        return f"{field.default:,}"
    return "none" if not field.default else "its own defaults"


def _meaning(field: Any) -> str:
    alias = field.metadata["alias"]
    doc: str = field.metadata["doc"]
    return doc + (f" Also written `{alias}`, as damo does." if alias else "")


def cli_page() -> str:
    """Every command with its options."""
    return "\n".join([CLI_HEAD, *_commands(damon, "damon", None), ""])


# Not click's own help texts: their layout changes from one version of click to the next.
def _commands(command: click.Command, path: str, parent: click.Context | None) -> Iterator[str]:
    ctx = click.Context(command, info_name=path.split()[-1], parent=parent)
    usage = " ".join([path, *command.collect_usage_pieces(ctx)]).replace("[COMMAND]", "COMMAND")
    yield from (f"## {path}", "", f"`{usage}`", "")
    yield from (inspect.cleandoc(command.help or ""), "")
    options = [param for param in command.params if isinstance(param, click.Option)]
    if options:
        yield from ("| option | meaning |", "|---|---|")
        yield from (f"| {_option(option)} | {option.help} |" for option in options)
        yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            if inner is not None:
                yield from _commands(inner, f"{path} {name}", ctx)


def _option(option: click.Option) -> str:
    if option.is_flag:
        value = ""
    elif isinstance(option.type, click.Choice):
        value = " " + "\\|".join(str(choice) for choice in option.type.choices)
    else:
        value = " " + (option.metavar or option.type.name.split()[0].upper())
    names = ", ".join(f"`{name}{value}`" for name in option.opts)
    return f"{names}, repeatable" if option.multiple else names


METRICS_HEAD = """# Metrics

<!-- Made by docs/generate.py from damon_core/exposition.py; change it there. -->

What `damon record` and `damon monitor` serve to Prometheus with `--metrics`, at `/metrics`. Values
are those of the last window; sums (`_total`) are since the start, and equal those of a recording
made by the same run. Metrics appear with the first window.

Hot is what was accessed in the last window, by at least one sample. Cold is what has not been
accessed for at least the time that the label `idle` says, as far as monitoring has looked back.
Memory between the two is neither.
"""


def metrics_page() -> str:
    """Every metric with its labels."""
    lines = [METRICS_HEAD, "| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for family in FAMILIES.values():
        labels = ", ".join(f"`{label}`" for label in family.labels)
        lines.append(f"| `{family.name}` | {family.kind} | {labels} | {family.doc} |")
    return "\n".join([*lines, ""])


PAGES = {
    "comparison.md": comparison_page,
    "config.md": config_page,
    "cli.md": cli_page,
    "config.schema.json": schema_text,
    "differences.md": differences_page,
    "kernels.md": kernels_page,
    "metrics.md": metrics_page,
}


def main() -> int:
    """Write the pages; with ``--check``, 1 if one of them is not what the code says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    stale = []
    for name, page in PAGES.items():
        path = REFERENCE / name
        text = page()
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if not check:
                REFERENCE.mkdir(exist_ok=True)
                path.write_text(text)
    for name in stale if check else ():
        print(f"docs/reference/{name} is stale: run python docs/generate.py", file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
