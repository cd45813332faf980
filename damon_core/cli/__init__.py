"""The ``damon`` command: finds the subcommand, and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Any

import click

from ..errors import DamonError, one_line
from .lazy_group import LazyGroup

_COMMANDS = {
    "check": "Check a configuration file and print what it amounts to.",
    "compare": "Compare primitives with the truth and with each other.",
    "monitor": "Watch what targets access, as it happens.",
    "convert": "Convert recordings for other tools, and those of damo.",
    "import": "Make a recording of what perf has sampled.",
    "new-primitive": "Make a package with a new primitive.",
    "primitives": "List the installed primitives, and what works on this machine.",
    "record": "Monitor targets and record what they access.",
    "report": "Show what a recording says.",
    "workload": "Run a known access pattern, with a log of what it touched.",
}
"""Name, also of the module and of the command in it, and summary; modules load at first use."""


@click.group(
    cls=LazyGroup,
    package=__name__,
    modules=_COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="damon-core", prog_name="damon", message="%(prog)s %(version)s")
@click.pass_context
def damon(ctx: click.Context) -> None:
    """See which memory is hot, which is cold, and who touches it, on the kernel you run.

    Exit codes: 0 done, 1 ran but failed, 2 bad input. Data goes to standard output, progress and
    messages to standard error.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. Errors are one line each on standard error."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        result = damon.main(args, prog_name="damon", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        if "--debug" in takewhile(lambda arg: arg != "--", args):
            traceback.print_exception(error)
        _let_go_of_output()
        return _failed(error)
    return result if isinstance(result, int) else 0


def _let_go_of_output() -> None:
    """What cannot be written now cannot be written at the exit either, where Python complains."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(error: Exception) -> int:
    """Say what went wrong; the exit code."""
    if isinstance(error, click.exceptions.UsageError):
        if isinstance(error, _no_args_error()):
            click.echo(error.format_message(), err=True)
            return 2
        path = error.ctx.command_path if error.ctx else "damon"
        _say(f"{error.format_message().rstrip('.')}; see {path} --help")
        return 2
    if isinstance(error, click.Abort):
        _say("interrupted")
        return 1
    if isinstance(error, DamonError):
        _say(str(error))
        return error.exit_code
    if isinstance(error, OSError):
        _say(one_line(error).partition(": ")[2] or one_line(error))
        return 1
    _say(f"this is a fault of damon itself: {one_line(error)}; --debug shows where")
    return 1


def _no_args_error() -> Any:
    # Since click 8.2 a group without its subcommand shows its help by this error.
    return getattr(click.exceptions, "NoArgsIsHelpError", ())


def _say(text: str) -> None:
    for line in text.splitlines() or [""]:
        click.echo(f"damon: {line}", err=True)
