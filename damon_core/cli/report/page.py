"""Where reports go: standard output, as text as wide as the terminal, or as JSON."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...report import Report

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def show(report: Report, as_json: bool) -> None:
    """Write a report as asked; what the terminal has no character for becomes a question mark."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if as_json:
        report.render_json(sys.stdout)
    else:
        report.render(sys.stdout)


def nr_colors() -> int:
    """How many colours the terminal has and wants: 0 (https://no-color.org), 256 or 2**24."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return 0
    return 2**24 if os.environ.get("COLORTERM") in ("truecolor", "24bit") else 256


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    import shutil

    return shutil.get_terminal_size((80, 24)).columns
