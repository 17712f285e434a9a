"""Facts about the pytest plugin, of tests that run inside these."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from schema_guard import open_store
from tests.needs import marked, needs

pytest_plugins = ["pytester"]

RECIPE = Path(__file__).parents[1] / "public" / "calls" / "testing" / "recipe"

GUARDED = """
import pytest
from schema_guard import guard

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}

def extractor(model, **settings):
    return guard(TOTAL, name="extract", **settings)(lambda prompt: model(prompt))
"""

OUTWARD = """
import socket
import pytest

def connect():
    with socket.socket() as out:
        out.settimeout(0.01)
        out.connect(("192.0.2.7", 9))
"""


# Loading.


def test_loading_imports_nothing_else():
    """The plugin alone loads none of the library's other parts, and no package that they need."""
    look = """
import sys
import pytest
before = set(sys.modules)
import schema_guard.testing.plugin
print(*sorted(set(sys.modules) - before))
"""
    command = [sys.executable, "-c", look]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    loaded = {name for name in done.stdout.split() if name.split(".")[0] not in sys.stdlib_module_names}
    assert loaded == {
        "schema_guard",
        "schema_guard.errors",
        "schema_guard.testing",
        "schema_guard.testing.plugin",
        "schema_guard.text",
    }


def test_a_test_that_uses_nothing_of_it_runs_as_without(run_tests):
    """Nothing is patched, recorded, reported or imported."""
    result = run_tests("""
import os, socket, sys

def test_plain(request):
    assert "connect" not in vars(socket.socket) or socket.socket.connect.__module__ != "schema_guard.testing.network"
    assert socket.getaddrinfo.__module__ == "socket"
    assert request.node.user_properties == []
""")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*schema_guard*")


def test_the_markers_are_declared(run_tests):
    """--markers explains both, so --strict-markers takes them."""
    result = run_tests("", "--markers")

    result.stdout.fnmatch_lines(
        ["@pytest.mark.schema_guard_failure_rate(max, *", "@pytest.mark.schema_guard_live: *"]
    )


@needs("loopback")
def test_the_recipe_for_ci_passes(pytester, run_tests):
    """The example file that users are given is green under the plugin."""
    result = run_tests((RECIPE / "test_invoice.py").read_text(encoding="utf-8"), "--sg-block-network")

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*::test_most_invoices_are_read: ok: 0 of 36 inputs failed: *"])


# Fixtures.


def test_guard_store_is_the_default_store(run_tests):
    """What a guarded function records in the test can be read from it; each test has its own."""
    result = run_tests(
        GUARDED
        + """
@pytest.mark.parametrize("n", [1, 2])
def test_calls(guard_store, scripted_model, n):
    extract = extractor(scripted_model(["no", '{"total": 1}'] * n))
    for _ in range(n):
        extract("a")
    assert [row["kind"] for row in guard_store.attempts()] == ["syntax", None] * n

def test_another(guard_store):
    assert list(guard_store.attempts()) == []

def test_none():
    from schema_guard import default_store
    assert default_store() is None
"""
    )

    result.assert_outcomes(passed=4)


def test_guard_store_is_written_and_closed_at_the_end(run_tests):
    """After the test its rows are in the file."""
    result = run_tests(
        GUARDED
        + """
kept = []

def test_calls(guard_store, scripted_model):
    kept.append(guard_store)
    extractor(scripted_model(['{"total": 1}']))("a")

def test_after():
    store, = kept
    assert store.is_closed
    assert store.counts().stored == 1
"""
    )

    result.assert_outcomes(passed=2)


@needs("loopback")
def test_llm_server_is_closed_at_the_end(run_tests):
    """Each server that a test starts answers until the test is over."""
    result = run_tests("""
import json, urllib.request
import pytest

servers = []

def ask(server):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    request = urllib.request.Request(f"{server.openai_url}/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)["choices"][0]["message"]["content"]

def test_two(llm_server):
    servers[:] = [llm_server(["{}"]), llm_server(lambda prompt: prompt, faults={0: "http_500"})]
    assert ask(servers[0]) == "{}"
    with pytest.raises(OSError, match="500") as raised:
        ask(servers[1])
    raised.value.close()
    assert ask(servers[1]) == "hi"

def test_after():
    assert [repr(server).endswith("closed>") for server in servers] == [True, True]
""")

    result.assert_outcomes(passed=2)


# The network.


@pytest.mark.parametrize(
    "fixture", marked(["guard_store", "scripted_model", "llm_server"], "loopback", "llm_server".__eq__)
)
def test_a_test_with_a_fixture_of_ours_reaches_no_other_machine(run_tests, fixture):
    """The failure names the host and the test, and says what to do."""
    result = run_tests(
        OUTWARD
        + f"""
def test_out({fixture}):
    connect()
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            (
                "E *test_it.py::test_out tried to reach '192.0.2.7': schema_guard blocks the network in this test; let it call a "
                "model by scripted_model or llm_server, or mark it @pytest.mark.schema_guard_live to let it through"
            )
        ]
    )


@pytest.mark.parametrize(
    "call",
    [
        'socket.socket().connect_ex(("192.0.2.7", 9))',
        'socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.7", 9))',
        'socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", 0, ("192.0.2.7", 9))',
        'socket.socket(type=socket.SOCK_DGRAM).sendmsg([b"x"], [], 0, ("192.0.2.7", 9))',
        'socket.create_connection(("api.openai.com", 443))',
        'socket.getaddrinfo(host="api.openai.com", port=443)',
        'socket.getaddrinfo(b"api.openai.com", 443)',
        'socket.gethostbyname("api.openai.com")',
        'urllib.request.urlopen("http://api.openai.com")',
        'asyncio.run(asyncio.open_connection("api.openai.com", 443))',
    ],
)
def test_every_way_out_is_blocked(run_tests, call):
    """Connections, datagrams and names, of clients and of asyncio; no `except Exception` hides it."""
    result = run_tests(
        f"""
import asyncio, gc, socket, urllib.request
import pytest

def test_out(scripted_model):
    with pytest.raises(pytest.fail.Exception, match="tried to reach '(192.0.2.7|api.openai.com)'"):
        try:
            {call}
        except Exception as error:
            raise AssertionError("hidden") from error
""",
        "-W",
        "ignore::ResourceWarning",
        "-W",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    )

    result.assert_outcomes(passed=1)


@needs("loopback")
def test_loopback_and_unix_sockets_stay_open(run_tests):
    """This machine can be reached by all its names, and so can a Unix socket."""
    result = run_tests("""
import socket
import pytest

@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "0.0.0.0"])
def test_in(llm_server, host):
    with socket.create_server(("0.0.0.0", 0)) as server:
        socket.create_connection((host, server.getsockname()[1])).close()

def test_lookup(llm_server):
    assert socket.getaddrinfo("localhost", 80)
    assert socket.getaddrinfo("::1", 80)
    assert socket.getaddrinfo(None, 80)

def test_unix(llm_server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("s")
        server.listen()
        client.connect("s")

def test_pair(llm_server):
    one, other = socket.socketpair()
    with one, other:
        one.send(b"x")
        assert other.recv(1) == b"x"
""")

    result.assert_outcomes(passed=7)


# The tests around these block the network by themselves: what reaches that block was let through by ours.
LET_THROUGH = "*a test tried to reach '192.0.2.7'"


def test_a_test_of_somebody_elses_is_not_blocked(run_tests):
    """Without a fixture of ours the network is as it was."""
    result = run_tests(OUTWARD + "def test_out(tmp_path): connect()")

    result.stdout.fnmatch_lines([LET_THROUGH])


def test_a_live_test_is_not_blocked(run_tests):
    """The marker lets a test with our fixtures through."""
    result = run_tests(
        OUTWARD
        + """
@pytest.mark.schema_guard_live
def test_out(guard_store): connect()
""",
        "--sg-block-network",
    )

    result.stdout.fnmatch_lines([LET_THROUGH])


def test_the_option_blocks_every_test(run_tests):
    """With --sg-block-network tests without our fixtures are blocked too."""
    result = run_tests(OUTWARD + "def test_out(): connect()", "--sg-block-network")

    result.stdout.fnmatch_lines(["*::test_out tried to reach '192.0.2.7': schema_guard blocks*"])


def test_the_network_is_back_after_the_test(run_tests):
    """What was patched for one test is gone in the next."""
    result = run_tests("""
import socket

seen = []

def test_in(scripted_model):
    seen.append(socket.socket.connect)

def test_after():
    assert socket.socket.connect is not seen[0]
    assert socket.getaddrinfo.__module__ == "socket"
""")

    result.assert_outcomes(passed=2)


# The marker.


def test_the_body_is_run_until_its_rate_is_decided(run_tests):
    """A body that never fails is run 36 times for max=0.1, and the summary says so."""
    result = run_tests("""
import pytest

runs = []

@pytest.mark.schema_guard_failure_rate(max=0.1)
def test_rate(tmp_path):
    runs.append(tmp_path)

def test_after():
    assert (len(runs), len(set(runs))) == (36, 1)
""")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*= failure rates (schema_guard) =*",
            "test_it.py::test_rate: ok: 0 of 36 runs failed: rate 0, bounds 0 to 0.09973 (alpha=0.05), max=0.1",
        ]
    )


def test_failures_of_the_body_are_counted(run_tests):
    """An AssertionError and a GuardFailed in the body are failures, and explained."""
    result = run_tests(
        GUARDED
        + """
turns = iter(range(1000))

@pytest.mark.schema_guard_failure_rate(max=0.2)
def test_rate(scripted_model):
    turn = next(turns)
    if turn == 0:
        extractor(scripted_model(["no"]), max_attempts=1)("a")
    assert turn > 10, "too early"
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "test_rate: failure rate is above max: 3 of 3 runs failed: rate 1, bounds 0.2* to 1 (alpha=0.05), max=0.2",
            "  calls that failed, the first of them:",
            "    run 1:",
            "      extract gave no valid reply in 1 attempt (schema *",
            "    run 2:",
            "      AssertionError: too early",
        ]
    )
    result.stdout.no_fnmatch_line("*During handling*")


def test_inputs_reach_the_body_one_by_one(run_tests):
    """rate_input is the input of the run; equal ones count once."""
    result = run_tests("""
import pytest

seen = []

@pytest.mark.schema_guard_failure_rate(max=0.5, inputs=["a", "b", "a"], undecided="pass")
def test_rate(rate_input):
    seen.append(rate_input)

def test_after():
    assert seen == ["a", "a", "b"]
""")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_rate: undecided: 0 of 2 inputs failed in 3 calls: *"])


@pytest.mark.parametrize(
    ("undecided", "outcome"), [("fail", "failed"), ("pass", "passed"), ("skip", "skipped")]
)
def test_undecided_is_what_the_marker_says(run_tests, undecided, outcome):
    """A budget that ends first fails, passes or skips the test; the numbers are in the summary either way."""
    result = run_tests(f"""
import pytest

@pytest.mark.schema_guard_failure_rate(max=0.02, budget_calls=9, undecided={undecided!r})
def test_rate():
    pass
""")

    result.assert_outcomes(**{outcome: 1})
    result.stdout.fnmatch_lines(["test_it.py::test_rate: undecided: 0 of 9 runs failed: *"])


def test_methods_and_asynchronous_bodies_are_run_too(run_tests):
    """A method is run as a function is; a coroutine function by the plugin that awaits it."""
    result = run_tests("""
import pytest

class TestRates:
    runs = []

    @pytest.mark.schema_guard_failure_rate(max=0.2)
    def test_method(self):
        self.runs.append(1)

    @pytest.mark.anyio
    @pytest.mark.schema_guard_failure_rate(max=0.2, inputs=range(50))
    async def test_async(self, rate_input):
        self.runs.append(rate_input)

    def test_after(self):
        assert self.runs == [1] * 17 + list(range(17))

@pytest.fixture
def anyio_backend():
    return "asyncio"
""")

    result.assert_outcomes(passed=3)


def test_a_unittest_case_is_run_too(run_tests):
    """A method of unittest's is run as often as it needs."""
    result = run_tests("""
import unittest
import pytest

runs = []

class Case(unittest.TestCase):
    @pytest.mark.schema_guard_failure_rate(max=0.2)
    def test_method(self):
        runs.append(1)

def test_after():
    assert len(runs) == 17
""")

    result.assert_outcomes(passed=2)


def test_an_error_in_the_body_is_raised_as_it_is(run_tests):
    """What is no failure of the format ends the test at once, with its own traceback and a note."""
    result = run_tests("""
import pytest

@pytest.mark.schema_guard_failure_rate(max=0.02)
def test_rate():
    {}["missing"]
""")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E *KeyError: 'missing'", "E *call 1 of the failure rate, *failures=(KeyError,)*"]
    )


@pytest.mark.parametrize(
    ("how", "message"),
    [('pytest.fail("at once")', "at once"), ("connect()", "*::test_rate tried to reach '192.0.2.7': *")],
)
def test_what_fails_a_test_at_once_is_no_failed_call(run_tests, how, message):
    """pytest.fail, and the network that is blocked, end the test: they say nothing about the format."""
    result = run_tests(f"""{OUTWARD}
@pytest.mark.schema_guard_failure_rate(max=0.9, undecided="pass")
def test_rate(scripted_model):
    {how}
""")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E *Failed: {message}"])


@pytest.mark.parametrize(
    ("marker", "test", "message"),
    [
        ("", "test_it()", "expected schema_guard_failure_rate(max=...), and all by keyword"),
        ("0.02", "test_it()", "expected schema_guard_failure_rate(max=...), and all by keyword"),
        ("max=2", "test_it()", "max=2: expected a number in (0, 1)"),
        ("max=.1, budget=3", "test_it()", "budget=: expected one of max, *, did you mean 'budget_s'[?]"),
        ("max=.1, inputs='abc'", "test_it(rate_input)", "inputs='abc': expected a list of inputs*"),
        ("max=.1, failures=3", "test_it()", "failures=3: expected a tuple of exception classes"),
        ("max=.1, inputs=[1]", "test_it()", "inputs=: expected test_it to take rate_input"),
    ],
)
def test_a_marker_that_cannot_be_used_fails_its_test(run_tests, marker, test, message):
    """The message names the marker and the argument, without a traceback."""
    result = run_tests(f"""
import pytest

@pytest.mark.schema_guard_failure_rate({marker})
def {test}:
    pass
""")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"schema_guard_failure_rate: {message}"])
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_a_marker_on_what_is_no_function_fails_it(pytester, run_tests):
    """A doctest cannot be run as a call."""
    pytester.makeconftest("""
import pytest

def pytest_itemcollected(item):
    item.add_marker(pytest.mark.schema_guard_failure_rate(max=0.1))
""")
    result = run_tests('"""\n>>> 1\n1\n"""', "--doctest-modules", name="lib")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["schema_guard_failure_rate: expected a test function, lib.py::lib is none"])


def test_rate_input_without_the_marker_is_an_error(run_tests):
    """The fixture alone has nothing to give."""
    result = run_tests("def test_it(rate_input): pass")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["rate_input: expected a test marked schema_guard_failure_rate(max=..., inputs=[[]...])"]
    )


def properties_of(path):
    return {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in ET.parse(path).iter("testcase")  # noqa: S314 - made by this test
    }


RATES = """
import pytest
from schema_guard.testing import assert_failure_rate

def wrong_at_3(number):
    assert number != 3

@pytest.mark.schema_guard_failure_rate(max=0.1)
def test_marked():
    pass

@pytest.mark.parametrize("n", [1, 2])
def test_called(n):
    assert_failure_rate(wrong_at_3, range(n * 100), max=0.2)

def test_no_data():
    assert_failure_rate(wrong_at_3, [], max=0.2, undecided="pass")
"""


def test_the_numbers_are_in_the_junit_file(pytester, run_tests):
    """Each measured rate is a set of properties of its test."""
    run_tests(RATES, "--junitxml=r.xml").assert_outcomes(passed=4)

    properties = properties_of(pytester.path / "r.xml")
    line = properties["test_called[1]"].pop("schema_guard_rate")
    assert line.startswith("ok: wrong_at_3: 1 of 31 inputs failed: rate 0.03226, bounds ")
    assert {
        name.removeprefix("schema_guard_rate_"): value
        for name, value in properties["test_called[1]"].items()
        if not name.endswith(("lower", "upper", "_rate_rate"))
    } == {
        "failed": "1.0",
        "inputs": "31",
        "calls": "31",
        "errors": "0",
        "max": "0.2",
        "alpha": "0.05",
        "decision": "ok",
    }
    assert properties["test_no_data"]["schema_guard_rate_rate"] == "no data"


def rate_lines(result):
    return [line for line in result.outlines if line.startswith("test_it.py::") and " failed: rate " in line]


@pytest.mark.costly
def test_two_workers_report_what_one_process_does(pytester, run_tests):
    """Under pytest-xdist the counts, the summary and the properties are the same."""
    pytest.importorskip("xdist")
    alone = run_tests(RATES, "--junitxml=alone.xml")
    shared = run_tests("", "--junitxml=shared.xml", "-n", "2")

    assert rate_lines(alone) == rate_lines(shared) != []
    assert properties_of(pytester.path / "alone.xml") == properties_of(pytester.path / "shared.xml")


# Records.


KEPT = (
    GUARDED
    + """
from schema_guard.testing import ScriptedModel

@pytest.mark.parametrize("n", range(4))
def test_call(n):
    extractor(ScriptedModel(['{"total": 1}']))("a")

def test_own(guard_store, scripted_model):
    extractor(scripted_model(['{"total": 1}']))("a")
"""
)


def stored(folder):
    return {path.name: len(list(open_store(f"sqlite:///{path}").attempts())) for path in folder.glob("*.db")}


def test_the_environment_is_left_as_it_was(run_tests, monkeypatch):
    """--sg-dir takes the place of a store that the environment names, until the end."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none")
    run_tests("def test_it(): pass", "--sg-dir", "kept").assert_outcomes(passed=1)

    assert os.environ["SCHEMA_GUARD_STORE"] == "none"


def test_a_folder_keeps_the_records_of_all_tests(pytester, run_tests, monkeypatch):
    """With --sg-dir the default store is a file in it; guard_store stays the test's own."""
    monkeypatch.delenv("SCHEMA_GUARD_STORE", raising=False)
    result = run_tests(KEPT, "--sg-dir", "kept")

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines([f"schema-guard report --store sqlite:///{pytester.path}/kept/records.db"])
    assert stored(pytester.path / "kept") == {"records.db": 4}


@pytest.mark.slow
def test_each_worker_writes_files_of_its_own(pytester, run_tests):
    """Under pytest-xdist no two processes share a file, nothing is lost, and all records are named."""
    pytest.importorskip("xdist")
    result = run_tests(KEPT, "--sg-dir", "kept", "--sg-record", "tapes", "-n", "2")

    result.assert_outcomes(passed=5)
    files = stored(pytester.path / "kept")
    assert set(files) <= {"records-gw0.db", "records-gw1.db"}
    assert sum(files.values()) == 4
    assert len(list((pytester.path / "tapes").iterdir())) == 5
    result.stdout.fnmatch_lines([f"*sqlite:///{pytester.path}/kept/{name}" for name in sorted(files)])


# Cassettes.

TAPED = (
    GUARDED
    + """
import os
from schema_guard.testing import ScriptedModel

def model():
    if "OFFLINE" in os.environ:
        pytest.fail("the model was called")
    return ScriptedModel(["no", '{"total": 1, "mail": "sk-proj-abcdefghijklmnop1234"}'])

def test_call():
    outcome = extractor(lambda prompt, held=[]: (held or held.append(model()) or held)[0](prompt)).outcome("WHAT")
    assert (outcome.ok, len(outcome.attempts)) == (True, 2)

def test_without_calls():
    pass
"""
)


@needs("redaction")
def test_recorded_tests_run_without_their_model(pytester, run_tests, monkeypatch):
    """--sg-record writes one file for each test that makes calls; --sg-replay needs no model."""
    run_tests(TAPED, "--sg-record", "tapes").assert_outcomes(passed=2)
    (tape,) = (pytester.path / "tapes").iterdir()
    monkeypatch.setenv("OFFLINE", "1")

    result = run_tests("", "--sg-replay", "tapes")

    result.assert_outcomes(passed=2)
    assert json.loads(tape.read_text(encoding="utf-8"))["test"] == "test_it.py::test_call"
    assert "sk-proj-abcdefghijklmnop1234" not in tape.read_text(encoding="utf-8")
    result.stdout.no_fnmatch_line("*not used*")


@needs("redaction")
def test_a_changed_prompt_names_the_command_that_records_it(pytester, run_tests, monkeypatch):
    """A replay that does not fit fails with what changed and what to run; the old reply is listed."""
    run_tests(TAPED.replace("WHAT", "invoice 1"), "--sg-record", "tapes")
    monkeypatch.setenv("OFFLINE", "1")

    result = run_tests(TAPED.replace("WHAT", "invoice 2"), "--sg-replay", "tapes", name="test_it")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            (
                "E *ReplayError: extract: attempt 1 is not what was recorded in *.json: the task differs from character 8, recorded "
                "'invoice 1', now 'invoice 2'; record it again: pytest 'test_it.py::test_call' --sg-record tapes"
            ),
            "*= recorded replies that were not used (schema_guard) =*",
            "record these tests again with --sg-record, which leaves out what is not used",
            "test_it.py::test_call: test_it.py-test_call-*.json: attempt 1 of extract, 'invoice 1'",
            "test_it.py::test_call: test_it.py-test_call-*.json: attempt 2 of extract, 'invoice 1'",
        ]
    )


@needs("redaction")
def test_a_fixture_redacts_further(pytester, run_tests):
    """A conftest.py gives what takes out the secrets of its project."""
    pytester.makeconftest("""
import pytest

@pytest.fixture(scope="session")
def schema_guard_redact():
    return lambda text: text.replace("WHAT", "[what]")
""")

    run_tests(TAPED, "--sg-record", "tapes").assert_outcomes(passed=2)

    (tape,) = (pytester.path / "tapes").iterdir()
    assert json.loads(tape.read_text(encoding="utf-8"))["calls"][0]["task"] == "[what]"


def test_recording_and_replaying_at_once_is_refused(run_tests):
    """One of the two options has to go."""
    result = run_tests("", "--sg-record", "a", "--sg-replay", "b")

    result.stderr.fnmatch_lines(["ERROR: --sg-record and --sg-replay: expected one of them"])
