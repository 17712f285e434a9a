# SPDX-License-Identifier: Apache-2.0
"""Counters in Prometheus' text format, version 0.0.4: as text, over HTTP on this machine, and in a file."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.ext.telemetry.counters import COUNTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.ext.telemetry.counters import Counters, Labels

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def exposition(sums: Mapping[str, Mapping[Labels, float]], pid: int | None = None) -> str:
    """Return the counters as text.

    Args:
        sums: The sums, as `Counters.read` returns them.
        pid: Id of the process, as an additional label; None for none.
    """
    lines = []
    for counted in COUNTED:
        name = f"schema_guard_{counted.name}_total"
        lines += [f"# HELP {name} {counted.text}", f"# TYPE {name} counter"]
        for labels, value in sorted(sums[counted.name].items()):
            pairs = list(zip(counted.labels, labels, strict=True))
            if pid is not None:
                pairs.append(("pid", str(pid)))
            label_text = ",".join(f'{label}="{_escaped(text)}"' for label, text in pairs)
            lines.append(f"{name}{{{label_text}}} {value!r}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    # Lone surrogates, which UTF-8 text must not contain, are written as escapes.
    return text.encode("utf-8", "backslashreplace").decode("utf-8").translate(_ESCAPES)


# Over HTTP.


HOST = "127.0.0.1"
_PATH = "/metrics"
_NAMES = {HOST, "localhost"}


class MetricsEndpoint:
    """An endpoint for the counters of this process, at `http://127.0.0.1:PORT/metrics`. A forked child has none.

    Attributes:
        port: Port of the endpoint.
    """

    def __init__(self, port: int, counters: Counters) -> None:
        class Handler(_Handler):
            """A handler with these counters."""

        Handler.counters = counters
        try:
            self._server = ThreadingHTTPServer((HOST, port), Handler)
        except (OSError, OverflowError) as error:
            raise InvalidArgument(
                f"prometheus_port={port}: opening the port failed: {error}. Choose another port"
            ) from error
        self._server.daemon_threads = True
        self._is_inherited = False  # an inherited server has no thread, for which `shutdown` would wait
        self.port: int = self._server.server_address[1]
        Thread(target=self._server.serve_forever, name="schema-guard-metrics", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if not self._is_inherited:
            self._server.shutdown()
        self._server.server_close()

    def after_fork_in_child(self) -> None:
        """Close the child's copy of the socket, which the parent still serves."""
        self._is_inherited = True
        self._server.socket.close()


class _Handler(BaseHTTPRequestHandler):
    counters: Counters
    timeout = 5.0

    def do_GET(self) -> None:
        """Answer with the counters."""
        # A page under another host name that resolves to this address is not from this machine.
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
        """Log nothing."""


# In a file, for node_exporter's textfile collector.


PID = "{pid}"
"""Placeholder in a path for the process ID, so that each process of a server has its own file."""


class TextFile:
    """A file of the counters, written at intervals. It is always complete: the old text or the new one."""

    def __init__(
        self, path: str, counters: Counters, every_s: float, fault: Callable[[str, Exception], None]
    ) -> None:
        if not path.replace(PID, "1").endswith(".prom"):
            raise InvalidArgument(
                f"prometheus_file={path!r}: expected a path that ends in .prom, because node_exporter reads only such files"
            )
        self._template = path
        self._counters = counters
        self._every_s = every_s
        self._fault = fault
        self.start()

    def start(self) -> None:
        """Write from now on. A forked child only writes if the path has the process id."""
        self._stopped = Event()
        # Concurrent writers would take the unfinished file from each other. A signal handler may start one of them.
        self._writing = RLock()
        self._pid = os.getpid()
        self.path = Path(self._template.replace(PID, str(self._pid)))
        Thread(target=self._run, args=(self._stopped,), name="schema-guard-textfile", daemon=True).start()

    def after_fork_in_child(self) -> None:
        """Write the child's own file if it has one. Otherwise, leave the parent's file alone."""
        if PID in self._template:
            self.start()
        else:
            self._stopped = Event()
            self._stopped.set()
            # A thread of the parent may have held it, and can't release it here.
            self._writing = RLock()

    def write(self) -> None:
        """Write the file now. A fault is logged, and never raised."""
        with self._writing:
            if not self._stopped.is_set():
                self._write()

    def _write(self) -> None:
        text = exposition(self._counters.read(), self._pid if PID in self._template else None)
        unfinished = self.path.with_name(f".{self.path.name}.{self._pid}")
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(self.path)
        except OSError as error:
            self._fault("writing the file of counters failed", error)

    def stop(self) -> None:
        """Write for the last time. If each process has its own file, remove the file."""
        with self._writing:
            if self._stopped.is_set():
                return
            if PID in self._template:
                self.path.unlink(missing_ok=True)
            else:
                self._write()
            self._stopped.set()

    def _run(self, stopped: Event) -> None:
        self.write()
        while not stopped.wait(self._every_s):
            self.write()
