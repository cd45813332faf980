"""A group whose commands are modules of a package, each imported only when it is called."""

from __future__ import annotations

from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEBUG_HELP = "Show a traceback with an error."


class LazyGroup(click.Group):
    """``modules``: names of commands, also of the modules in ``package`` and of the commands there.

    A name that Python keeps for itself has an underscore behind it there, as ``import_``.  Each
    comes with its line in the help.  Every command takes ``--debug``.
    """

    def __init__(self, *args: Any, package: str, modules: Mapping[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.package = package
        self.modules = dict(modules)
        self.params.append(debug_option())

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; UsageError with the nearest name if there is none."""
        if cmd_name not in self.modules:
            from ..spelling import did_you_mean

            hint = did_you_mean(cmd_name, self.modules)
            ctx.fail(f"no command {cmd_name!r}, there are {', '.join(self.modules)}{hint}")
        name = cmd_name.replace("-", "_")
        name = f"{name}_" if iskeyword(name) else name
        command: click.Command = getattr(import_module(f".{name}", self.package), name)
        if not any(param.name == "debug" for param in command.params):
            command.params.append(debug_option())
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.modules.items()))


def debug_option() -> click.Option:
    """``--debug``, which is looked for on the command line itself when an error comes."""
    return click.Option(["--debug"], is_flag=True, expose_value=False, help=_DEBUG_HELP)
