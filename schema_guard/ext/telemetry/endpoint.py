# SPDX-License-Identifier: Apache-2.0
"""Counters over HTTP, for a Prometheus on this machine."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.ext.telemetry.exposition import CONTENT_TYPE, exposition

if TYPE_CHECKING:
    from schema_guard.ext.telemetry.counters import Counters

__all__ = ["HOST", "MetricsEndpoint"]

HOST = "127.0.0.1"
_PATH = "/metrics"
_NAMES = {HOST, "localhost"}


class MetricsEndpoint:
    """Serves the counters of this process at `http://127.0.0.1:PORT/metrics`; a forked child serves none.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, port: int, counters: Counters) -> None:
        class Handler(_Handler):
            """Answers with these counters."""

        Handler.counters = counters
        try:
            self._server = ThreadingHTTPServer((HOST, port), Handler)
        except (OSError, OverflowError) as error:
            raise InvalidArgument(f"prometheus_port={port}: the port is not available: {error}") from error
        self._server.daemon_threads = True
        self._is_inherited = False  # without a thread, which `shutdown` would wait for
        self.port: int = self._server.server_address[1]
        Thread(target=self._server.serve_forever, name="schema-guard-metrics", daemon=True).start()

    def stop(self) -> None:
        """Listen no longer."""
        if not self._is_inherited:
            self._server.shutdown()
        self._server.server_close()

    def after_fork_in_child(self) -> None:
        """Let go of the parent's socket, which it goes on to serve."""
        self._is_inherited = True
        self._server.socket.close()


class _Handler(BaseHTTPRequestHandler):
    counters: Counters
    timeout = 5.0

    def do_GET(self) -> None:
        """Answer with the counters."""
        # A page that a name of somebody's leads here is none of this machine's.
        if self.headers.get("Host", "").rpartition(":")[0] not in _NAMES:
            self.send_error(403)
        elif self.path.partition("?")[0] != _PATH:
            self.send_error(404)
        else:
            body = exposition(self.counters.read()).encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
