"""Facts about the command `climb`."""

import socket

from tests.cli.command_lines import run, script


def closed_port():
    """Give a port of this machine on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def climbing(folder, model, *more):
    (folder / "inputs.txt").write_text("one\ntwo\nthree\nfour\nfive")
    return ("climb", "--schema", "s.json", "--inputs", "inputs.txt", "--model", model, *more)


def test_a_dead_server_is_the_environment(folder, capsys):
    """Where no call was answered the exit status is 2, and the last error is told."""
    asked = climbing(folder, f"http://127.0.0.1:{closed_port()}/v1#m", "--concurrency", "1")

    status, out, err = run(capsys, *asked)

    assert status == 2
    assert "schema-guard: no call got a reply that could be judged: 3 calls in a row" in err
    assert "Connection" in err
    assert "NEED_MORE_DATA" in out


def test_one_reply_is_a_measurement(folder, capsys):
    """As soon as one reply was judged the exit status is the verdict's."""
    model = script(folder, '{"a": 1}', *({"raise": "down"} for _ in range(9)))

    status, _, err = run(capsys, *climbing(folder, model, "--concurrency", "1"))

    assert status == 0
    assert "no call got" not in err
