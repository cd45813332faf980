"""``--metrics``: a server for Prometheus beside the monitoring."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError
from ..listen_address import ListenAddress

if TYPE_CHECKING:
    from ..exposition import Exposition
    from ..monitored_context import MonitoredContext
    from ..monitoring import Observer
    from ..snapshot import Snapshot

_MISSING = "--metrics needs prometheus-client: pip install 'damon-core[metrics]'"


class MetricsServer:
    """Serves at ``address`` while active, and says where; without one, does nothing.

    ConfigError, before anything is monitored: the address is not to be had, or the library is
    missing.
    """

    def __init__(self, address: ListenAddress | None, quiet: bool) -> None:
        self.url: str | None = None
        self._address = address
        self._quiet = quiet
        self._exposition: Exposition | None = None
        self._stack = ExitStack()

    def __enter__(self) -> MetricsServer:
        if self._address is not None:
            from ..exposition import Exposition

            try:
                from ..exporter import Exporter
            except ModuleNotFoundError as error:
                if (error.name or "").split(".")[0] != "prometheus_client":
                    raise
                raise ConfigError(_MISSING) from None
            self._exposition = Exposition()
            exporter = self._stack.enter_context(Exporter(self._address, self._exposition))
            self.url = exporter.url
            if not self._quiet or not self._address.port:  # nobody could know a free port
                click.echo(f"metrics at {exporter.url}", err=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def observed(self, observer: Observer) -> Observer:
        """An observer that has each snapshot exposed first."""
        exposition = self._exposition
        if exposition is None:
            return observer

        def observe(context: MonitoredContext, snapshot: Snapshot) -> None:
            exposition.take(context, snapshot)
            observer(context, snapshot)

        return observe
