"""The command `report`, by its arguments, its output and its exit status."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys

import pytest

from tests.needs import marked, needs
from tests.public.commands.command_lines import run, script

RIGHT = ['{"a": 1}', '{"a": 2}']


def test_report_of_an_empty_store(capsys, folder):
    """A store that was never written has no data, is no error, and is not made by looking."""
    status, out, err = run(capsys, "report", "--store", "sqlite:///none.db")

    assert (status, err) == (0, "")
    assert out.startswith("no data: no guarded call is recorded in sqlite:")
    assert not (folder / "none.db").exists()


@pytest.mark.parametrize(
    ("since", "calls"), [("1h", 2), ("2020-01-01", 2), ("2100-01-01T00:00", 0), ("0m", 0)]
)
def test_report_since(capsys, folder, suite, since, calls):
    """A time is a date or so long ago."""
    store = "sqlite:///records.db"
    run(capsys, "bench", "suite", "--model", script(folder, *RIGHT), "--strategy", "bare", "--store", store)
    _, out, _ = run(capsys, "report", "--store", store, "--since", since, "--format", "json")

    assert sum(found["calls"] for found in json.loads(out)["configurations"]) == calls


@needs("serving")
@pytest.mark.costly
def test_serve_until_interrupted(folder):
    """The page is served at the address that is printed, until Ctrl-C, which is no error; the store is not made by it."""
    command = [
        sys.executable,
        "-m",
        "schema_guard",
        "report",
        "--serve",
        "--store",
        "sqlite:///none.db",
        "--by",
        "model",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        host, token = re.search(r"http://([^/]+)/(\S+)", process.stdout.readline()).groups()
        cookie = f"schema_guard_{host.partition(':')[2]}={token}"
        found = []
        for path in (f"/{token}", "/?by=model"):
            connection = http.client.HTTPConnection(host, timeout=30)
            connection.request("GET", path, headers={"Cookie": cookie})
            found.append(connection.getresponse().read().decode())
            connection.close()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (0, "")
    assert 'url=/?by=model"' in found[0]
    assert "no data: no guarded call is recorded in sqlite:" in found[1]
    assert not (folder / "none.db").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--port", "1"), "--port goes with --serve"),
        (("--serve", "--format", "json"), "--serve gives a page: leave --format json out"),
        *marked(
            [
                (("--serve", "--port", "65536"), "port 65536: expected one of 0 to 65535"),
                (("--serve", "--function", "none"), "no function 'none' is recorded"),
                (("--serve", "--since", "soon"), "expected a date such as"),
            ],
            "serving",
            lambda row: True,
        ),
    ],
)
def test_serve_that_cannot_be(capsys, folder, arguments, told):
    """What does not go together, or is not there, is said before anything is served."""
    status, out, err = run(capsys, "report", "--store", "sqlite:///none.db", *arguments)

    assert (status, out) == (2, "")
    assert told in err


@needs("serving")
def test_serve_on_a_port_that_is_taken(capsys, folder):
    """A port that another program has is named, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, _, err = run(capsys, "report", "--store", "sqlite:///none.db", "--serve", "--port", port)

    assert status == 2
    assert (
        f"port {port} of 127.0.0.1 cannot be had (Address already in use): name another one, or none for a free one"
        in err
    )
