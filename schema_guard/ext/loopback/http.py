# SPDX-License-Identifier: Apache-2.0
"""HTTP on loopback: reads requests, writes what it is given, breaks off where it is told to.

Rules: one connection carries one request, so that what is done to it touches no other; every thread is a
daemon, and is waited for when the listener stops; nothing is printed.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# How often a thread looks whether it shall stop: what a test pays to close its server.
_POLL_S = 0.02
# Replies that are still on their way after this are left to their threads.
_STOP_WAIT_S = 2.0
# Without a byte for so long, a client is given up.
_IDLE_S = 30.0


class Received(NamedTuple):
    """A request as it came; the path is without its query, headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes
    query: str = ""


class SentResponse(NamedTuple):
    """What a request is answered with.

    Attributes:
        parts: The body, each part written on its own; None sends no byte at all, not even a status.
        status: The HTTP status.
        content_type: What the body is said to be.
        headers: More headers.
        ending: What follows the last part: the proper end, a reset of the connection, or silence until the
            client has gone.
    """

    parts: Iterable[bytes] | None
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}
    ending: Literal["proper", "reset", "silence"] = "proper"


Respond: TypeAlias = "Callable[[Received], SentResponse]"


class Listener(ThreadingHTTPServer):
    """A port on loopback, bound when this is made; it refuses connections until `start`."""

    daemon_threads = True
    request_queue_size = 256  # as many clients may come at once

    def __init__(self, address: tuple[str, int], respond: Respond) -> None:
        super().__init__(address, _Handler, bind_and_activate=False)
        self.respond = respond
        self.stopping = threading.Event()
        self._answering: list[threading.Thread] = []
        self._accepting = threading.Thread(
            target=self.serve_forever, args=(_POLL_S,), name="schema_guard.serve", daemon=True
        )
        try:
            self.server_bind()
        except BaseException:
            self.server_close()
            raise

    def start(self) -> None:
        """Listen."""
        self.server_activate()
        self._accepting.start()

    def stop(self) -> None:
        """Close the port and end what is on its way."""
        self.stopping.set()
        if self._accepting.is_alive():
            self.shutdown()
            self._accepting.join()
        self.server_close()
        deadline = monotonic() + _STOP_WAIT_S
        for thread in self._answering:
            thread.join(max(0.0, deadline - monotonic()))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, which `stop` waits for."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._answering = [other for other in self._answering if other.is_alive()]
        thread.start()
        self._answering.append(thread)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have gone."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_S
    server: Listener

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        self.close_connection = True
        length = self.headers.get("Content-Length", "")
        content = self.rfile.read(int(length)) if length.isdecimal() else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        url = urlsplit(self.path)
        sent = self.server.respond(Received(self.command, url.path, headers, content, url.query))
        if sent.parts is not None:
            self._head(sent)
            for part in sent.parts:
                self._chunk(part)
        if sent.ending == "proper":
            self.wfile.write(b"0\r\n\r\n")
        elif sent.ending == "reset":
            # Linger 0: the close is a reset, as of a server that died.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self._be_silent()

    def _head(self, sent: SentResponse) -> None:
        self.send_response(sent.status)
        own = {"Content-Type": sent.content_type, "Connection": "close", "Transfer-Encoding": "chunked"}
        for name, value in {**own, **sent.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, content: bytes) -> None:
        if content:  # an empty chunk is the end
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

    def _be_silent(self) -> None:
        while not self.server.stopping.wait(_POLL_S):
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return
