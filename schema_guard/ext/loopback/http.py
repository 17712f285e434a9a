# SPDX-License-Identifier: Apache-2.0
"""HTTP on loopback, with responses that can end in a fault.

Rules: One connection carries one request, so a fault in one touches no other. Every thread is a daemon, and the
listener waits for it when it stops. The listener prints nothing but unexpected errors.
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

# Interval between a thread's checks whether to stop. It is the time that a test needs to close its server.
_POLL_S = 0.02
# After this time, `stop` leaves unfinished replies to their threads.
_STOP_WAIT_S = 2.0
# The listener gives up a client that sends no byte for this time.
_IDLE_S = 30.0


class Received(NamedTuple):
    """A request as received. The path has no query, and the header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes
    query: str = ""


class SentResponse(NamedTuple):
    """The response to a request.

    Attributes:
        parts: The body, with each part written separately. With None, no byte is sent, not even a status.
        status: HTTP status.
        content_type: Content type of the body.
        headers: More headers.
        ending: End of the response: the proper end, a reset of the connection, or silence until the client disconnects.
    """

    parts: Iterable[bytes] | None
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}
    ending: Literal["proper", "reset", "silence"] = "proper"


Respond: TypeAlias = "Callable[[Received], SentResponse]"


class Listener(ThreadingHTTPServer):
    """A port on loopback, bound when the listener is created. It refuses connections until `start`."""

    daemon_threads = True
    request_queue_size = 256  # clients that can connect at once

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
        """Close the port and end open replies."""
        self.stopping.set()
        if self._accepting.is_alive():
            self.shutdown()
            self._accepting.join()
        self.server_close()
        deadline = monotonic() + _STOP_WAIT_S
        for thread in self._answering:
            thread.join(max(0.0, deadline - monotonic()))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a new thread, which `stop` waits for."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._answering = [other for other in self._answering if other.is_alive()]
        thread.start()
        self._answering.append(thread)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of connections, which clients cause when they disconnect."""
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
        """Ignore the message."""

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
            # With linger 0, closing the connection resets it, as if the server had died.
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
