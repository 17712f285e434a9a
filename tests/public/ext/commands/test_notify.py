"""`watch --notify`: a message for each newly proved fault, and JUnit XML of `watch` and the gate."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from xml.etree.ElementTree import fromstring

import pytest

from schema_guard import guard, open_store
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import run

DAY_S = 86_400
WATCH = ("watch", "--max-failure-rate", "5%", "--store", "r.db")


@pytest.fixture
def webhook():
    """A server that keeps what it gets, and answers with `status`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(server.status)
            self.end_headers()

        def log_message(self, *arguments):
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.status, server.url = [], 200, f"http://127.0.0.1:{server.server_port}/secret"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def record(store, days, clock, *, is_bad, name="shop.read", failed=5):
    """Record 100 calls a day. A bad day has 20% of failures."""
    texts = {True: "canary", False: "{}"}

    @guard({"title": "order", "type": "object"}, store=store, name=name, max_attempts=1, on_failure="return")
    def read(prompt):
        return texts[is_bad and int(prompt.split()[-1]) % failed == 0]

    for number in range(100 * days):
        read(f"canary {clock.now} {number}")
        clock.now += DAY_S / 100


def bad_store():
    with stopped_clock() as clock, open_store("r.db") as store:
        record(store, 4, clock, is_bad=True)


def test_a_breach_is_one_message(folder, capsys, webhook):
    """The second run of `watch` sends nothing new. The message has no text of a call and no address of the store."""
    bad_store()

    results = [run(capsys, *WATCH, "--notify", webhook.url) for _ in range(2)]

    ((path, kind, body),) = webhook.got
    assert [status for status, *_ in results] == [1, 1]
    assert (path, kind, list(body)) == ("/secret", "application/json", ["text"])
    assert body["text"].startswith("BREACH: shop.read (schema order), system_prompt: 20% of calls failed")
    assert body["text"].endswith("Next: schema-guard decide --function shop.read")
    assert "canary" not in body["text"]
    assert str(folder) not in body["text"]


def test_no_message_without_a_breach(folder, capsys, webhook):
    """OK and UNDECIDED are no news."""
    with stopped_clock() as clock, open_store("r.db") as store:
        record(store, 2, clock, is_bad=False)

    assert run(capsys, *WATCH, "--notify", webhook.url)[0] == 0
    assert webhook.got == []


def test_a_message_that_was_refused_is_sent_by_the_next_run(folder, capsys, webhook, caplog):
    """The address is a secret, so that no message on stderr has it."""
    bad_store()
    webhook.status = 404

    status, out, err = run(capsys, *WATCH, "--notify", webhook.url)

    assert status == 1
    assert "sending the message failed: status 404" in caplog.text
    assert "secret" not in out + err + caplog.text

    webhook.status = 200
    run(capsys, *WATCH, "--notify", webhook.url)
    assert len(webhook.got) == 2


def test_the_environment_can_name_the_webhook(folder, capsys, webhook, monkeypatch):
    """A command line is visible to other users of a machine."""
    bad_store()
    monkeypatch.setenv("SCHEMA_GUARD_NOTIFY", webhook.url)

    run(capsys, *WATCH)

    assert len(webhook.got) == 1


@pytest.mark.parametrize("url", ["hook", "file:///etc/secret", "https://"])
def test_a_wrong_address_is_2(folder, capsys, url):
    """It is not shown."""
    bad_store()
    status, _, err = run(capsys, *WATCH, "--notify", url)

    assert status == 2
    assert "--notify: expected the URL of a webhook" in err
    assert "secret" not in err


def test_a_rise_after_the_message_is_another_message(folder, capsys, webhook):
    """A fault that lasts is reported once, and a function that gets worse again once more."""
    messages = []

    with stopped_clock() as clock:
        for is_bad, failed in ((False, 5), (True, 20), (True, 2)):
            before = len(webhook.got)
            for _ in range(20):
                with open_store("r.db") as store:
                    record(store, 1, clock, is_bad=is_bad, failed=failed)
                for _ in range(2):
                    run(
                        capsys,
                        "watch",
                        "--max-failure-rate",
                        "1%",
                        "--store",
                        "r.db",
                        "--notify",
                        webhook.url,
                    )
            messages.append(len(webhook.got) - before)
    assert messages == [0, 1, 1]


def test_one_bad_day_is_no_message(folder, capsys, webhook):
    """A rise is proved against a constant rate, so that a weekend can look like one. `watch` prints it."""
    with stopped_clock() as clock, open_store("r.db") as store:
        record(store, 31, clock, is_bad=True, failed=66)
        record(store, 1, clock, is_bad=True, failed=7)
        store.flush()
        options = ("--max-failure-rate", "3%", "--store", "r.db", "--notify", webhook.url)
        status, out, _ = run(capsys, "watch", *options)

    assert status == 1
    assert "failures rose" in out
    assert webhook.got == []


def test_watch_as_junit(folder, capsys):
    """Each function is a test case, and fails if it needs attention."""
    with stopped_clock() as clock, open_store("r.db") as store:
        record(store, 4, clock, is_bad=True)
        record(store, 4, clock, is_bad=False, name="shop.other")

    status, out, _ = run(capsys, *WATCH, "--format", "junit")

    (suite,) = fromstring(out)  # noqa: S314 - our own
    assert status == 1
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert {case.get("name"): [part.tag for part in case] for case in suite} == {
        "shop.read (schema order)": ["failure"],
        "shop.other (schema order)": ["system-out"],
    }
    assert "at least 13% with 95% confidence" in suite[0][0].get("message")


def test_the_gate_as_junit(folder, capsys):
    """Each rate of each variant is a test case."""
    rows = [
        {
            "id": f"t{n}",
            "input": f"a is {n}.",
            "gold": {"a": n},
            "schema": {"title": "item", "type": "object"},
        }
        for n in range(200)
    ]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name, wrong in (("before", 200), ("after", 2)):
        replies = [
            {"when": f"a is {n}.", "reply": "no" if n % wrong == 1 else json.dumps({"a": n})}
            for n in range(200)
        ]
        (folder / f"{name}-replies.jsonl").write_text("\n".join(map(json.dumps, replies)))
        options = ["--strategy", "bare", "--sample", "all", "--max-attempts", "1", "-o", f"{name}.json"]
        run(capsys, "bench", "run", "tasks.jsonl", "--model", f"scripted:{name}-replies.jsonl", *options)

    gate = ("bench", "compare", "before.json", "after.json", "--format", "junit")
    status, out, _ = run(capsys, *gate, "--gate")

    (suite,) = fromstring(out)  # noqa: S314 - our own
    assert status == 1
    assert {case.get("name"): case[0].tag for case in suite} == {
        "bare valid": "failure",
        "bare right": "failure",
    }
    assert run(capsys, *gate)[0] == 2
