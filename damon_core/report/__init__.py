"""Reports: each is built from plain objects, and renders itself into a file as text or as JSON."""

from __future__ import annotations

from typing import IO, Protocol


class Report(Protocol):
    """What a report can do; it never prints by itself and knows no command line."""

    def render(self, file: IO[str]) -> None:
        """Write it for people."""

    def render_json(self, file: IO[str]) -> None:
        """Write it for programs: one JSON object; bytes, microseconds, nanoseconds."""
