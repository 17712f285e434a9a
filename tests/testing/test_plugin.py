"""Facts about the pytest plugin, of tests that run inside these."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.needs import needs

pytest_plugins = ["pytester"]

RECIPE = Path(__file__).parents[1] / "public" / "calls" / "testing" / "recipe"

GUARDED = """
import pytest
from schema_guard import guard

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}

def extractor(model, **settings):
    return guard(TOTAL, name="extract", **settings)(lambda prompt: model(prompt))
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

def test_plain(request):
    assert request.node.user_properties == []
""")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*schema_guard*")


def test_the_marker_is_declared(run_tests):
    """--markers explains the marker, so --strict-markers takes it."""
    result = run_tests("", "--markers")

    result.stdout.fnmatch_lines(["@pytest.mark.schema_guard_failure_rate(max, *"])


@needs("loopback")
def test_the_recipe_for_ci_passes(pytester, run_tests):
    """The example file that users are given is green under the plugin."""
    result = run_tests((RECIPE / "test_invoice.py").read_text(encoding="utf-8"))

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
            "      extract returned no valid reply in 1 attempt (schema *",
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


@pytest.mark.parametrize(("undecided", "outcome"), [("fail", "failed"), ("pass", "passed")])
def test_undecided_is_what_the_marker_says(run_tests, undecided, outcome):
    """A budget that ends first fails or passes the test; the numbers are in the summary either way."""
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


def test_what_fails_a_test_at_once_is_no_failed_call(run_tests):
    """pytest.fail ends the test, and says nothing about the format."""
    result = run_tests("""
import pytest

@pytest.mark.schema_guard_failure_rate(max=0.9, undecided="pass")
def test_rate(scripted_model):
    pytest.fail("at once")
""")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *Failed: at once"])


@pytest.mark.parametrize(
    ("marker", "test", "message"),
    [
        ("", "test_it()", "expected schema_guard_failure_rate(max=...), and all by keyword"),
        ("0.02", "test_it()", "expected schema_guard_failure_rate(max=...), and all by keyword"),
        ("max=2", "test_it()", "max=2: expected a number in (0, 1)"),
        (
            "max=.1, budget_call=3",
            "test_it()",
            "budget_call=: expected one of max, *, did you mean 'budget_calls'[?]",
        ),
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
