"""Serves metrics to Prometheus, by HTTP, while contexts are monitored."""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from attrs import frozen
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from .errors import ConfigError, one_line
from .exposition import FAMILIES, Exposition
from .listen_address import ListenAddress


class Exporter:
    """A server at an address, from ``with`` on and to its end.

    It is bound when made, so that nothing starts that could not be seen: ConfigError if the
    address is not to be had.
    """

    def __init__(self, address: ListenAddress, exposition: Exposition) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(exposition))
        try:
            family, _, _, _, where = socket.getaddrinfo(
                address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._server = _Server(family, where, registry)
        except OSError as error:
            raise ConfigError(
                f"metrics cannot be served at {address}: {error.strerror or error}; give another "
                "[ADDR:]PORT, or port 0 for a free one"
            ) from error
        self.address = ListenAddress(address.host, self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="damon metrics", daemon=True
        )

    @property
    def url(self) -> str:
        """Where the metrics are."""
        return f"http://{self.address}/metrics"

    def __enter__(self) -> Exporter:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@frozen
class _Families(Collector):
    """Asked by the registry at each scrape."""

    exposition: Exposition

    def collect(self) -> Iterator[Metric]:
        for name, samples in self.exposition.values().items():
            family = FAMILIES[name]
            cls = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            metric = cls(name, family.doc, labels=family.labels)
            for labels, value in samples:
                metric.add_metric(labels, value)
            yield metric


class _Server(ThreadingHTTPServer):
    """A thread for each scrape; a slow reader keeps nobody waiting."""

    daemon_threads = True

    def __init__(self, family: int, where: Any, registry: CollectorRegistry) -> None:
        self.address_family = socket.AddressFamily(family)
        self.registry = registry
        super().__init__(where, _Handler)

    def server_bind(self) -> None:
        # Not the parent's, which asks name servers how the address is called.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away is no fault."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10
    server_version = "damon"
    sys_version = ""

    def do_GET(self) -> None:
        """The metrics, at / as well."""
        if self.path.partition("?")[0] not in ("/", "/metrics"):
            self.send_error(404, "metrics are at /metrics")
            return
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        try:
            body = encode(self.server.registry)
        except Exception as error:
            self.send_error(500, one_line(error))
            return
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are no news."""
