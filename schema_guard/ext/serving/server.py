# SPDX-License-Identifier: Apache-2.0
"""A read-only server of one page on 127.0.0.1. A client needs its token, and no part of a request reaches a file.

Rules:
1. A connection has one request. Its head is read completely before it is parsed, within a limit of size and time. The
   number of open connections is limited too.
2. Only GET and HEAD are allowed. The Host must be this server, so that no foreign name that resolves to 127.0.0.1 can
   read the page. An Origin must be this server, too.
3. The token is in the path once. From then on, it is in a cookie that no other site can send and no script can read.
4. There are two paths, compared unchanged. All others are refused.
"""

from __future__ import annotations

import hmac
import secrets
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from socketserver import TCPServer
from threading import BoundedSemaphore
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

ADDRESS = "127.0.0.1"

_MOST_HEAD_BYTES = 16_384
_MOST_CONNECTIONS = 16
_HEAD_S = 5.0
_REPLY_S = 10.0
_ENDS = (b"\r\n\r\n", b"\n\n")
_METHODS = ("GET", "HEAD")
_PORTS = range(65_536)

_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Allow", ", ".join(_METHODS)),
)


class PageAnswer(NamedTuple):
    """The response to a request.

    Attributes:
        status: HTTP status.
        page: HTML of the page.
        policy: Content security policy of the page.
        headers: More headers.
    """

    status: HTTPStatus
    page: str
    policy: str = "default-src 'none'; base-uri 'none'; form-action 'none'"
    headers: tuple[tuple[str, str], ...] = ()


class _RefusedError(Exception):
    """A refused request, which doesn't get the page."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class PageServer(ThreadingHTTPServer):
    """Serves one page to clients with the token, until it is closed.

    Args:
        answer: Returns the page for the query after the question mark. Several threads call it.
        port: Port of the server, or 0 for a free port.
        start: Query of the first page.

    Raises:
        InvalidArgument: The port is taken, not allowed, or invalid.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_port = False
    request_queue_size = 64

    def __init__(self, answer: Callable[[str], PageAnswer], *, port: int = 0, start: str = "") -> None:
        if port not in _PORTS:
            raise InvalidArgument(
                f"port {port}: expected a number from 0 to {_PORTS[-1]}. Use 0 for a free port"
            )
        self.answer, self.start = answer, start
        self.token = secrets.token_urlsafe(32)
        self._free = BoundedSemaphore(_MOST_CONNECTIONS)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise InvalidArgument(
                f"port {port} of {ADDRESS} is not available ({error.strerror}). Choose another port, or omit it to use a free port"
            ) from error

    @property
    def url(self) -> str:
        """The address of the page, with the token."""
        return f"http://{ADDRESS}:{self.server_port}/{self.token}"

    @property
    def cookie(self) -> str:
        """The name of the cookie. It has the port, because all ports of a machine share the cookies of a browser."""
        return f"schema_guard_{self.server_port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of this server that a request may use."""
        return f"{ADDRESS}:{self.server_port}", f"localhost:{self.server_port}"

    def server_bind(self) -> None:
        """Bind, without asking the network for the machine's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread. If too many connections are open, close this one at once."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error, because a fault of one connection concerns only that client."""


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    connection: socket.socket
    server_version = "schema-guard"
    sys_version = ""
    command = "GET"

    def handle(self) -> None:
        """Answer one request, and close."""
        try:
            self.rfile = BytesIO(self._head())
            self.raw_requestline = self.rfile.readline()
            if self.raw_requestline and self.parse_request():
                self._check()
                self._send(self._page())
        except _RefusedError as refused:
            self._refuse(refused.status, str(refused))
        except OSError:
            pass  # the client disconnected, or doesn't read the answer

    def _head(self) -> bytes:
        """Read up to the empty line. Return `b""` if the client disconnects before it."""
        deadline, head = monotonic() + _HEAD_S, b""
        while not any(end in head for end in _ENDS):
            self.connection.settimeout(max(deadline - monotonic(), 0.001))
            try:
                more = self.connection.recv(4_096)
            except TimeoutError:
                raise _RefusedError(HTTPStatus.REQUEST_TIMEOUT, "the request took too long") from None
            if not more:
                return b""
            head += more
            if len(head) > _MOST_HEAD_BYTES:
                raise _RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too large")
        return head

    def _check(self) -> None:
        """Refuse a request that can't come from a browser on this server's page."""
        if self.command not in _METHODS:
            raise _RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "this page is read-only")
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            raise _RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "the request is for another server")
        origins = {f"http://{host}" for host in self.server.hosts}
        if not origins.issuperset(self.headers.get_all("Origin", [])):
            raise _RefusedError(HTTPStatus.FORBIDDEN, "the request comes from another site")

    def _page(self) -> PageAnswer:
        path, _, query = self.path.partition("?")
        if _same(path, f"/{self.server.token}"):
            return self._entry()
        if not any(_same(token, self.server.token) for token in self._tokens()):
            raise _RefusedError(
                HTTPStatus.FORBIDDEN, "open the address that `schema-guard report --serve` printed"
            )
        if path != "/":
            raise _RefusedError(HTTPStatus.NOT_FOUND, "this server has only one page, at /")
        return self.server.answer(query)

    def _entry(self) -> PageAnswer:
        """Return a page that sets the cookie and forwards to the report.

        It is not a redirect, because a browser that followed a link on another site would not send the cookie.
        """
        target = escape(f"/?{self.server.start}" if self.server.start else "/")
        return PageAnswer(
            HTTPStatus.OK,
            f'<!doctype html><meta http-equiv="refresh" content="0; url={target}"><title>schema-guard</title>'
            f'<p><a href="{target}">The report</a>',
            headers=(
                (
                    "Set-Cookie",
                    f"{self.server.cookie}={self.server.token}; Path=/; SameSite=Strict; HttpOnly",
                ),
            ),
        )

    def _tokens(self) -> Iterator[str]:
        """Yield the values of our cookie in the request."""
        for header in self.headers.get_all("Cookie", []):
            for part in header.split(";"):
                name, _, value = part.strip().partition("=")
                if name == self.server.cookie:
                    yield value

    def _send(self, answer: PageAnswer) -> None:
        content = answer.page.encode("utf-8", "backslashreplace")
        self.connection.settimeout(_REPLY_S)
        self.send_response(answer.status)
        for name, value in (*_HEADERS, *answer.headers):
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", f"{answer.policy}; frame-ancestors 'none'")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self.request_version = "HTTP/1.0"  # a request of HTTP/0.9 would get no head
        self._send(PageAnswer(status, f"<!doctype html><title>{status.phrase}</title><p>{escape(message)}\n"))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request that the standard library can't parse, without repeating any of it."""
        self._refuse(HTTPStatus(code), HTTPStatus(code).phrase)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the standard library
        """Log nothing, because a log would contain the token."""


def _same(value: str, wanted: str) -> bool:
    """Compare two texts in a time that doesn't depend on where they differ."""
    return hmac.compare_digest(value.encode("utf-8", "replace"), wanted.encode())
