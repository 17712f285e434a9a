"""The server of a page: who may read it, and that nothing that is sent to it does more."""

import contextlib
import http.client
import socket
import time
from http import HTTPStatus
from threading import Event, Thread

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.ext.serving import server as module
from schema_guard.ext.serving.server import PageAnswer, PageServer

PAGE = "<!doctype html><title>t</title><main>figures</main>"


@contextlib.contextmanager
def served(answer=lambda query: PageAnswer(HTTPStatus.OK, PAGE), **how):
    with PageServer(answer, **how) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server():
    with served() as running:
        yield running


def asked(server, path="/", method="GET", *, cookie=True, **headers):
    """Status, headers and body of the answer to a request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    if cookie:
        headers.setdefault("Cookie", f"{server.cookie}={server.token}")
    connection.request(method, path, headers=headers)
    reply = connection.getresponse()
    body = reply.read().decode()
    connection.close()
    return reply.status, reply.headers, body


def sent(server, *parts, timeout=10.0):
    """What comes back for bytes as they are."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=timeout) as connection:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
        result = b""
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(65_536):
                result += more
        return result


def head(server, *lines, first="GET / HTTP/1.1"):
    lines = (first, f"Host: 127.0.0.1:{server.server_port}", *lines, "", "")
    return "\r\n".join(lines).encode()


def test_the_address_leads_to_the_page(server):
    """The printed address hands over the cookie and leads on; the page is given for the cookie alone."""
    status, headers, body = asked(server, server.url.partition(str(server.server_port))[2], cookie=False)
    name, _, rest = headers["Set-Cookie"].partition("=")

    assert (status, name) == (200, f"schema_guard_{server.server_port}")
    assert rest == f"{server.token}; Path=/; SameSite=Strict; HttpOnly"
    assert 'content="0; url=/"' in body
    assert asked(server, cookie=False, Cookie=f"other=1; {name}={server.token}")[::2] == (200, PAGE)


def test_first_choices_stand_in_the_address():
    """What the command line chose is what the address leads to, escaped."""
    with served(start='function=a&since="><b>') as running:
        body = asked(running, f"/{running.token}", cookie=False)[2]

    assert 'url=/?function=a&amp;since=&quot;&gt;&lt;b&gt;"' in body


@pytest.mark.parametrize("path", ["/", "/?by=model", "/wrong", "/favicon.ico"])
@pytest.mark.parametrize(
    "cookie", ["", "x=1", "schema_guard_1={token}", "{name}=", "{name}={token}x", "{name}=\xe4"]
)
def test_without_the_token_there_is_nothing(server, path, cookie):
    """No cookie, a wrong one, or one of another port: 403, and no figures."""
    text = cookie.format(name=server.cookie, token=server.token)
    status, headers, body = asked(server, path, cookie=False, Cookie=text)

    assert status == 403
    assert "figures" not in body
    assert server.token not in body + str(headers)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil.example", ""],
)
def test_foreign_names_are_refused(server, host):
    """A name that somebody else made resolve to this machine is refused, token or not."""
    text = host.format(port=server.server_port)
    status, _, body = asked(server, Host=text)
    entry = asked(server, f"/{server.token}", Host=text)

    assert status == entry[0] == 421
    assert "figures" not in body
    assert "Set-Cookie" not in entry[1]


@pytest.mark.parametrize("lines", [("Host: 127.0.0.1:{port}",), ("Host: evil.example",)])
def test_two_names_are_refused(server, lines):
    """Two Host headers are none."""
    values = [line.format(port=server.server_port) for line in lines]

    assert b" 421 " in sent(server, head(server, *values, f"Cookie: {server.cookie}={server.token}"))


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"]
)
def test_foreign_origins_are_refused(server, origin):
    """What another site's page asks for is refused."""
    assert asked(server, Origin=origin.format(port=server.server_port))[0] == 403
    assert asked(server, Origin=f"http://localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2fetc/passwd",
        "/../../etc/passwd",
        "/%2e%2e/",
        "//",
        "/index.html",
        "/{token}/..",
        "/./",
        "http://127.0.0.1/",
        "*",
        "/\x00",
    ],
)
def test_no_path_reaches_a_file(server, path):
    """There is one page; whatever else a path says is not there, and is not repeated."""
    text = path.format(token=server.token)
    reply = sent(
        server, head(server, f"Cookie: {server.cookie}={server.token}", first=f"GET {text} HTTP/1.1")
    )

    assert b" 404 " in reply.splitlines()[0] or (text == "//" and b" 200 " in reply.splitlines()[0])
    assert b"root:" not in reply
    assert b"passwd" not in reply


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"]
)
def test_nothing_can_be_changed(server, method):
    """Every method but GET and HEAD is refused, token or not."""
    status, headers, body = asked(server, "/", method)

    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert "figures" not in body


def test_head_is_get_without_the_page(server):
    """HEAD has the status and the headers of GET, and nothing else."""
    status, headers, body = asked(server, method="HEAD")

    assert (status, body) == (200, "")
    assert headers["Content-Length"] == str(len(PAGE))


@pytest.mark.parametrize("path", ["/", "/none", "/{token}"])
def test_every_answer_has_the_headers(server, path):
    """Whatever is answered, it is not stored, guessed at, framed or told of."""
    for method in ("GET", "HEAD", "POST"):
        headers = asked(server, path.format(token=server.token), method)[1]

        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
        assert headers["Server"].strip() == "schema-guard"


def test_a_header_of_ten_megabytes_is_cut(server):
    """A request that is too large is refused before it is read, and the server answers on."""
    begun = time.monotonic()
    reply = sent(server, head(server)[:-2], b"X: ", b"x" * 10_000_000, b"\r\n\r\n")

    assert reply == b"" or b" 431 " in reply.splitlines()[0]
    assert time.monotonic() - begun < 10
    assert asked(server)[0] == 200


@pytest.mark.parametrize(
    "given",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"<script> / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(server, given):
    """Bytes that are no request get a short answer that repeats none of them, or none."""
    reply = sent(server, given)

    assert reply == b"" or int(reply.split()[1]) in (400, 403, 405, 421, 505)
    assert b"script" not in reply
    assert asked(server)[0] == 200


def test_a_slow_request_is_ended(server, monkeypatch):
    """Who sends a byte now and then is cut off after a time that does not begin anew with each."""
    monkeypatch.setattr(module, "_HEAD_S", 0.3)
    begun = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection,
        contextlib.suppress(ConnectionError),
    ):
        while time.monotonic() < begun + 5:
            connection.sendall(b"G")
            time.sleep(0.05)
    assert time.monotonic() - begun < 3
    assert asked(server)[0] == 200


def test_connections_are_bounded(monkeypatch):
    """Those who say nothing take no more than their number: one too many is closed, and is answered when one has gone."""
    monkeypatch.setattr(module, "_MOST_CONNECTIONS", 2)
    monkeypatch.setattr(module, "_HEAD_S", 60.0)
    with served() as running, contextlib.ExitStack() as silent:
        for _ in range(2):
            gone = silent.enter_context(
                socket.create_connection(("127.0.0.1", running.server_port), timeout=10)
            )
        assert sent(running, head(running)) == b""
        gone.close()
        for _ in range(200):
            reply = sent(running, head(running))
            if reply:
                break
            time.sleep(0.05)

        assert b" 403 " in reply


def test_two_readers_are_answered_side_by_side():
    """A reader whose page takes long does not keep another one waiting."""
    begun, free = Event(), Event()

    def answer(query):
        if query == "slow":
            begun.set()
            assert free.wait(10)
        return PageAnswer(HTTPStatus.OK, PAGE)

    with served(answer) as running:
        slow = Thread(target=asked, args=(running, "/?slow"))
        slow.start()
        assert begun.wait(10)
        assert asked(running)[0] == 200
        free.set()
        slow.join()


def test_an_error_is_that_readers_alone():
    """An answer that cannot be made ends its connection, says nothing of itself, and not the server."""

    def answer(query):
        if query:
            raise RuntimeError("secret")
        return PageAnswer(HTTPStatus.OK, PAGE)

    with served(answer) as running:
        reply = sent(
            running, head(running, f"Cookie: {running.cookie}={running.token}", first="GET /?x HTTP/1.1")
        )

        assert b"secret" not in reply
        assert asked(running)[0] == 200


def test_only_this_machine_is_served(server):
    """It listens at 127.0.0.1 and nowhere else, at a free port unless one is named."""
    assert server.socket.getsockname() == ("127.0.0.1", server.server_port)
    assert server.url == f"http://127.0.0.1:{server.server_port}/{server.token}"
    assert len(server.token) >= 43


def test_every_server_has_its_own_token(server):
    """The token of one server opens no other."""
    with served() as other:
        assert other.token != server.token
        assert asked(other, cookie=False, Cookie=f"{other.cookie}={server.token}")[0] == 403


def test_a_port_that_is_taken_is_an_error(server):
    """The error names the port and what to do."""
    with pytest.raises(
        InvalidArgument,
        match=rf"port {server.server_port} of 127.0.0.1 is not available \(.*\). Choose another",
    ):
        PageServer(lambda query: PageAnswer(HTTPStatus.OK, PAGE), port=server.server_port)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_an_error(port):
    """A number that is no port is named."""
    with pytest.raises(InvalidArgument, match=f"port {port}: expected a number from 0 to 65535"):
        PageServer(lambda query: PageAnswer(HTTPStatus.OK, PAGE), port=port)
