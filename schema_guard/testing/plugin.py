# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: fixtures, and the marker that measures a failure rate. PYTEST_DONT_REWRITE.

Fixtures: `guard_store`, `scripted_model`, `llm_server`; `rate_input` for the marker
`schema_guard_failure_rate(max=0.02, ...)`.

Rules:
1. Loading the plugin costs nothing: the fixture or marker that a test uses imports what it needs.
2. A test that uses none of this runs as without the plugin: nothing is patched, and no hook does more than look.
3. Numbers travel in the report's `user_properties`, so that they reach JUnit's file, and the terminal from any
   worker of pytest-xdist.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from schema_guard.extensions import Server
    from schema_guard.models.scripted import ScriptedModel
    from schema_guard.records import Store
    from schema_guard.testing.rates import Criterion, FailureRate, Measurement

RATE_MARKER = "schema_guard_failure_rate"

RATE_LINE = "schema_guard_rate"
"""The property of a report that says a measured failure rate in words; its numbers have this and a word more."""

_STORE_VARIABLE = "SCHEMA_GUARD_STORE"
_running: list[pytest.Item] = []
"""The test that runs, innermost last: pytest can run inside a test of pytest's."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        f"{RATE_MARKER}(max, alpha=0.05, inputs=None, budget_calls=1000, undecided='fail', failures=(), "
        "max_errors=0): the test's body is one call; it is run until its failure rate is known to be at most max, or above",
    )


# Fixtures.


@pytest.fixture
def guard_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give an empty store on disk that is the default store while the test runs.

    A guard with a `store=` of its own keeps it.
    """
    from schema_guard.records import resolve_store  # rule 1

    url = f"sqlite:///{tmp_path_factory.mktemp('schema_guard') / 'records.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(_STORE_VARIABLE, url)
        store = resolve_store(url)
        assert store is not None
        with store:
            yield store


@pytest.fixture
def scripted_model() -> type[ScriptedModel]:
    """Give what makes a model from its replies: `scripted_model(['{"total": 1}'])`."""
    from schema_guard.models.scripted import ScriptedModel  # rule 1

    return ScriptedModel


@pytest.fixture
def llm_server() -> Iterator[Callable[..., Server]]:
    """Give what starts a server on loopback, as `serve` does; its servers are closed with the test."""
    from schema_guard.testing import serve  # rule 1

    with ExitStack() as servers:

        def start(answering: Any, **settings: Any) -> Server:
            return servers.enter_context(serve(answering, **settings))

        yield start


@pytest.fixture
def rate_input(request: pytest.FixtureRequest) -> None:
    """Give the input of this run, to a test marked `schema_guard_failure_rate(inputs=[...])`.

    The test alone is given a new one for each run: fixtures are set up once.
    """
    marker = request.node.get_closest_marker(RATE_MARKER)
    if marker is None or marker.kwargs.get("inputs") is None:
        pytest.fail(f"rate_input: expected a test marked {RATE_MARKER}(max=..., inputs=[...])", pytrace=False)


# A failure rate by marker.


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Know which test runs; run the body of a marked one as often as its rate needs."""
    _running.append(item)
    try:
        marker = item.get_closest_marker(RATE_MARKER)
        if marker is None:
            return (yield)
        return (yield from _measured(item, marker))
    finally:
        _running.pop()


def _measured(item: pytest.Item, marker: pytest.Mark) -> Generator[None, object, object]:
    from schema_guard.testing.rates import Measurement, settle  # rule 1

    criterion = _criterion(marker)
    inputs = marker.kwargs.get("inputs")
    with _as_failure():
        measurement = Measurement(criterion, inputs)
    if not isinstance(item, pytest.Function):
        pytest.fail(f"{RATE_MARKER}: expected a test function, {item.nodeid} is none", pytrace=False)
    body = item.obj
    item.obj = _repeated(body, measurement, has_inputs=inputs is not None)
    try:
        result = yield
    finally:
        item.obj = body
    try:
        settle(measurement, criterion, item.name)
    except AssertionError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    return result


def _criterion(marker: pytest.Mark) -> Criterion:
    from dataclasses import fields  # rule 1

    from schema_guard.testing.rates import Criterion
    from schema_guard.text import did_you_mean

    settings = {name: value for name, value in marker.kwargs.items() if name != "inputs"}
    known = [field.name for field in fields(Criterion)]
    for name in settings:
        if name not in known:
            listed = ", ".join([*known, "inputs"])
            near = did_you_mean(name, [*known, "inputs"])
            pytest.fail(f"{RATE_MARKER}: {name}=: expected one of {listed}{near}", pytrace=False)
    if marker.args or "max" not in settings:
        pytest.fail(f"{RATE_MARKER}: expected {RATE_MARKER}(max=...), and all by keyword", pytrace=False)
    with _as_failure():
        return Criterion(**settings)


@contextmanager
def _as_failure() -> Iterator[None]:
    """Fail the test, without a traceback through the plugin, for a marker that cannot be used."""
    from schema_guard.errors import InvalidArgument  # rule 1

    try:
        yield
    except InvalidArgument as error:
        raise pytest.fail.Exception(f"{RATE_MARKER}: {error}", pytrace=False) from None


def _repeated(body: Callable[..., Any], measurement: Measurement, *, has_inputs: bool) -> Callable[..., Any]:
    """Give a function that runs the body once for each input; who calls or awaits tests takes it for the body."""

    @wraps(body)
    def run(**arguments: Any) -> None:
        _require_input(body, arguments, has_inputs=has_inputs)
        for value in measurement.inputs():
            with measurement.call(value):
                body(**_with_input(arguments, value))

    @wraps(body)
    async def run_async(**arguments: Any) -> None:
        _require_input(body, arguments, has_inputs=has_inputs)
        for value in measurement.inputs():
            with measurement.call(value):
                await body(**_with_input(arguments, value))

    return run_async if iscoroutinefunction(body) else run


def _require_input(body: Callable[..., Any], arguments: dict[str, Any], *, has_inputs: bool) -> None:
    if has_inputs and "rate_input" not in arguments:
        pytest.fail(f"{RATE_MARKER}: inputs=: expected {body.__name__} to take rate_input", pytrace=False)


def _with_input(arguments: dict[str, Any], value: Any) -> dict[str, Any]:
    return {**arguments, "rate_input": value} if "rate_input" in arguments else arguments


def report(name: str, measured: FailureRate) -> None:
    """Put a measured failure rate into the report of the test that runs; without one it is only returned.

    Args:
        name: Of what was called.
        measured: What was measured.
    """
    if not _running:
        return
    numbers = {
        "failed": measured.failed,
        "inputs": measured.inputs,
        "calls": measured.calls,
        "errors": measured.errors,
        "rate": "no data" if measured.rate is None else measured.rate,
        "lower": measured.lower,
        "upper": measured.upper,
        "max": measured.max,
        "alpha": measured.alpha,
        "decision": measured.decision,
    }
    item = _running[-1]
    properties = item.user_properties
    called = "" if name == item.name else f"{name}: "
    properties.append((RATE_LINE, f"{measured.decision}: {called}{measured}"))
    properties += [(f"{RATE_LINE}_{word}", value) for word, value in numbers.items()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the measured failure rates."""
    rates = _rate_lines(terminalreporter)
    if rates:
        terminalreporter.section("failure rates (schema_guard)")
    for where, line in rates:
        terminalreporter.line(f"{where}: {line}")


def _rate_lines(reporter: Any) -> list[tuple[str, str]]:
    """Return the measured failure rates with the ids of their tests, sorted by the ids."""
    reports = [report for group in reporter.stats.values() for report in group]
    pairs = [
        (report.nodeid, str(value))
        for report in reports
        if getattr(report, "when", None) == "call"
        for key, value in report.user_properties
        if key == RATE_LINE
    ]
    # Of tests in several workers, the order is that in which they ended.
    return sorted(pairs, key=lambda pair: pair[0])
