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


@needs("loopback")
def test_the_recipe_for_ci_passes(pytester, run_tests):
    """The example file that users are given is green under the plugin."""
    result = run_tests((RECIPE / "test_invoice.py").read_text(encoding="utf-8"))

    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["*::test_first_replies_are_good_enough: ok: *extract: 0 of 36 inputs failed: *"]
    )


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


# Measured rates.


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

@pytest.mark.parametrize("n", [1, 2])
def test_called(n):
    assert_failure_rate(wrong_at_3, range(n * 100), max=0.2)

def test_no_data():
    assert_failure_rate(wrong_at_3, [], max=0.2, undecided="pass")
"""


def test_the_numbers_are_in_the_junit_file(pytester, run_tests):
    """Each measured rate is a property of its test."""
    run_tests(RATES, "--junitxml=r.xml").assert_outcomes(passed=3)

    properties = properties_of(pytester.path / "r.xml")
    line = properties["test_called[1]"]["schema_guard_rate"]
    assert line.startswith("ok: wrong_at_3: 1 of 31 inputs failed: rate 0.03226, bounds ")
    assert properties["test_no_data"]["schema_guard_rate"].startswith("undecided: wrong_at_3: no data")


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
