"""The command `report`, by its arguments, its output and its exit status."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys

import pytest

from schema_guard import open_store
from tests.needs import marked, needs
from tests.public.commands.command_lines import run, script

RIGHT = ['{"a": 1}', '{"a": 2}']


def test_report_of_an_empty_store(capsys, folder):
    """A store without calls is no error."""
    open_store("sqlite:///empty.db").close()
    status, out, err = run(capsys, "report", "--store", "sqlite:///empty.db")

    assert (status, err) == (0, "")
    assert " ".join(out.split()).startswith("no data, because no guarded call is recorded in sqlite:")


@pytest.mark.parametrize(
    ("since", "calls"), [("1h", 2), ("2020-01-01", 2), ("2100-01-01T00:00", 0), ("0m", 0)]
)
def test_report_since(capsys, folder, suite, since, calls):
    """A time is a date or so long ago."""
    store = "sqlite:///records.db"
    run(
        capsys,
        "bench",
        "run",
        "suite",
        "--model",
        script(folder, *RIGHT),
        "--strategy",
        "bare",
        "--store",
        store,
    )
    _, out, _ = run(capsys, "report", "--store", store, "--since", since, "--format", "json")

    assert sum(result["calls"] for result in json.loads(out)["configurations"]) == calls


@needs("serving")
@pytest.mark.costly
def test_serve_until_interrupted(folder):
    """The page is served at the address that is printed, until Ctrl-C, which is no error; the store is not made by it."""
    open_store(f"sqlite:///{folder}/none.db").set_target("0" * 16, 0.01)
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
        results = []
        for path in (f"/{token}", "/?by=model"):
            connection = http.client.HTTPConnection(host, timeout=30)
            connection.request("GET", path, headers={"Cookie": cookie})
            results.append(connection.getresponse().read().decode())
            connection.close()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (0, "")
    assert 'url=/?by=model"' in results[0]
    assert "no data, because no guarded call is recorded in sqlite:" in results[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--serve", "--format", "json"), "--format has no effect with --serve"),
        *marked(
            [
                (("--serve", "65536"), "65536 is not in the range 0<=x<=65535"),
                (("--serve", "--function", "none"), "no function 'none' is recorded"),
                (("--serve", "--since", "soon"), "expected a date such as"),
            ],
            "serving",
            lambda row: True,
        ),
    ],
)
def test_serve_that_cannot_be(capsys, folder, arguments, told):
    """A conflict of options, or a name that is not recorded, is an error before the page is served."""
    open_store("sqlite:///empty.db").close()
    status, out, err = run(capsys, "report", "--store", "sqlite:///empty.db", *arguments)

    assert (status, out) == (2, "")
    assert told in err


@needs("serving")
def test_serve_on_a_port_that_is_taken(capsys, folder):
    """The error names a port that another program has, and the fix."""
    open_store("sqlite:///empty.db").close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, _, err = run(capsys, "report", "--store", "sqlite:///empty.db", "--serve", port)

    assert status == 2
    assert (
        f"port {port} of 127.0.0.1 is not available (Address already in use). Choose another port, or omit it to "
        "use a free port" in err
    )
