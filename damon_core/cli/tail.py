"""Commands of the form ``damon COMMAND [OPTIONS] -- CMD...``."""

from __future__ import annotations

import click


class CommandWithTail(click.Command):
    """Keeps what follows ``--`` apart from the arguments, in ``ctx.meta[KEY]``."""

    KEY = "damon_core.command"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Cut the arguments at the first ``--``."""
        if "--" in args:
            cut = args.index("--")
            if not args[cut + 1 :]:
                ctx.fail("no command after --")
            ctx.meta[self.KEY] = tuple(args[cut + 1 :])
            args = args[:cut]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """As of any command, and the tail."""
        return [*super().collect_usage_pieces(ctx), "[-- CMD...]"]
