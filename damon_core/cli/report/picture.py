"""Where pictures go: a file, whose name says of which kind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import ConfigError, PlotError
from ..param_types import Parsed

if TYPE_CHECKING:
    from typing import Any, TypeVar

    from matplotlib.figure import Figure

    F = TypeVar("F", bound=Callable[..., Any])

FIGURES = ("png", "svg", "pdf")
HTML = "html"


def picture_option(*kinds: str) -> Callable[[F], F]:
    """``-o FILE`` of one of these kinds, passed as ``output``: a path or None."""

    def parse(text: str) -> Path:
        path = Path(text)
        known = _list_of(kinds)
        suffix = path.suffix.lower()
        if suffix.removeprefix(".") not in kinds:
            raise ConfigError(f"{text!r} is no picture: its name must end in {known}")
        folder = path.parent
        if path.is_dir() or not folder.is_dir():
            what = "is a directory" if path.is_dir() else f"has no directory {str(folder)!r}"
            raise ConfigError(f"{text!r} {what}: name a file in a directory that exists")
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise ConfigError(f"{text!r} must not be written: choose another place")
        return path

    return click.option(
        "-o",
        "--output",
        type=Parsed("file", parse),
        metavar="FILE",
        help=f"Draw it into a file: {_list_of(kinds)}.",
    )


def refuse_both(output: Path | None, as_json: bool) -> None:
    """UsageError for a picture and JSON at once."""
    if output and as_json:
        raise click.UsageError("--output and --json exclude each other")


def write_figure(output: Path, figure: Figure) -> None:
    """Write a figure, and say so."""
    import io

    from ...figures import save_figure

    file = io.BytesIO()
    save_figure(figure, file, kind_of(output))
    write_picture(output, file.getvalue())


def write_picture(output: Path, content: bytes) -> None:
    """Write a whole picture, and say so; PlotError if that fails."""
    from ...units import about_size

    try:
        output.write_bytes(content)
    except OSError as error:
        raise PlotError(f"{output}: cannot be written ({error.strerror})") from error
    click.echo(f"wrote {output}, {about_size(len(content))}", err=True)


def kind_of(output: Path) -> str:
    """ "png" of a.PNG."""
    return output.suffix.lower().removeprefix(".")


def _list_of(kinds: tuple[str, ...]) -> str:
    *most, last = (f".{kind}" for kind in kinds)
    return f"{', '.join(most)} or {last}" if most else last
