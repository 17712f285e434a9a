# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: fixtures, the marker that measures a failure rate, and cassettes. PYTEST_DONT_REWRITE.

Fixtures: `guard_store`, `scripted_model`, `llm_server`; `rate_input` and `schema_guard_redact` for what is below.
Markers: `schema_guard_failure_rate(max=0.02, ...)` and `schema_guard_live`.
Options: `--sg-record DIR`, `--sg-replay DIR`, `--sg-dir DIR`, `--sg-block-network`.

Rules:
1. Loading it costs nothing: whatever it needs is imported by the fixture, marker or option that was used.
2. A test that uses none of this runs as without the plugin: nothing is patched, and no hook does more than look.
3. Numbers travel in the report's `user_properties`, so that they reach JUnit's file, and the terminal from any
   worker of pytest-xdist. Files are written only under the folders that the options name.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from schema_guard.extensions import Server
    from schema_guard.models.scripted import ScriptedModel
    from schema_guard.records import Store
    from schema_guard.testing.cassettes import Redact
    from schema_guard.testing.rates import Criterion, FailureRate, Measurement

RATE_MARKER = "schema_guard_failure_rate"
LIVE_MARKER = "schema_guard_live"

RATE_LINE = "schema_guard_rate"
"""The property of a report that says a measured failure rate in words; its numbers have this and a word more."""

UNUSED_LINE = "schema_guard_unused"
"""The property of a report that names a recorded reply that was not asked for."""

_STORE_VARIABLE = "SCHEMA_GUARD_STORE"
_running: list[pytest.Item] = []
"""The test that runs, innermost last: pytest can run inside a test of pytest's."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("schema_guard", "language-model calls (schema_guard)")
    group.addoption(
        "--sg-record",
        metavar="DIR",
        help="call the models, and keep the replies of guarded functions in one file a test under DIR",
    )
    group.addoption(
        "--sg-replay",
        metavar="DIR",
        help="answer guarded functions from the files that --sg-record wrote, without calling a model",
    )
    group.addoption(
        "--sg-dir",
        metavar="DIR",
        help="record every guarded call that has no other store in DIR/records.db, one file for each xdist worker",
    )
    group.addoption(
        "--sg-block-network",
        action="store_true",
        help="let no test reach another machine, unless it is marked schema_guard_live",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, and turn on what the options ask for."""
    config.addinivalue_line(
        "markers",
        f"{RATE_MARKER}(max, alpha=0.05, inputs=None, budget_calls=1000, budget_s=None, undecided='fail', failures=(), "
        "max_errors=0): the test's body is one call; it is run until its failure rate is known to be at most max, or above",
    )
    config.addinivalue_line(
        "markers", f"{LIVE_MARKER}: the test may reach the network where schema_guard would block it"
    )
    option = config.option
    if option.sg_record and option.sg_replay:
        raise pytest.UsageError("--sg-record and --sg-replay: expected one of them")
    for name in ("sg_record", "sg_replay", "sg_dir"):
        if path := getattr(option, name):
            # Workers are handed the options as they stand here.
            setattr(option, name, str(config.invocation_params.dir / Path(path).expanduser()))
    if option.sg_block_network:
        config.pluginmanager.register(_BlockEverywhere(), "schema_guard_block_network")
    if option.sg_record or option.sg_replay:
        config.pluginmanager.register(_Cassettes(config), "schema_guard_cassettes")
    if option.sg_dir:
        config.pluginmanager.register(_RecordsPlugin(config), "schema_guard_kept_records")


# Fixtures.


@pytest.fixture
def _schema_guard_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Block the network for the test, unless it is marked as live."""
    if request.node.get_closest_marker(LIVE_MARKER) is not None:
        yield
        return
    from schema_guard.testing.network import blocked  # rule 1

    with blocked(request.node.nodeid):
        yield


@pytest.fixture
def guard_store(tmp_path_factory: pytest.TempPathFactory, _schema_guard_network: None) -> Iterator[Store]:
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
def scripted_model(_schema_guard_network: None) -> type[ScriptedModel]:
    """Give what makes a model from its replies: `scripted_model(['{"total": 1}'])`."""
    from schema_guard.models.scripted import ScriptedModel  # rule 1

    return ScriptedModel


@pytest.fixture
def llm_server(_schema_guard_network: None) -> Iterator[Callable[..., Server]]:
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


@pytest.fixture(scope="session")
def schema_guard_redact() -> Redact | None:
    """Give what redacts cassettes further; a conftest.py overrides it to give a function from text to text.

    That is also the place to even out what is another text in every run, such as the date in a prompt.
    """
    return None


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
    """List the measured failure rates, and the recorded replies that were not asked for."""
    rates = _properties(terminalreporter, RATE_LINE, "call")
    if rates:
        terminalreporter.section("failure rates (schema_guard)")
    for where, line in rates:
        terminalreporter.line(f"{where}: {line}")
    unused = _properties(terminalreporter, UNUSED_LINE, "teardown")
    if unused:
        terminalreporter.section("recorded replies that were not used (schema_guard)")
        terminalreporter.line("record these tests again with --sg-record, which leaves out what is not used")
    for where, line in unused:
        terminalreporter.line(f"{where}: {line}")


def _properties(reporter: Any, name: str, when: str) -> list[tuple[str, str]]:
    """Give the properties of that name with the ids of their tests, sorted by the ids."""
    reports = [report for group in reporter.stats.values() for report in group]
    pairs = [
        (report.nodeid, str(value))
        for report in reports
        if getattr(report, "when", None) == when
        for key, value in report.user_properties
        if key == name
    ]
    # Of tests in several workers, the order is that in which they ended.
    return sorted(pairs, key=lambda pair: pair[0])


# What the options turn on.


class _BlockEverywhere:
    """Blocks the network in every test; of `--sg-block-network`."""

    @pytest.fixture(autouse=True)
    def _schema_guard_block_network(self, _schema_guard_network: None) -> None:
        """Use the fixture that blocks."""


class _Cassettes:
    """Records or replays the guarded calls of every test; of `--sg-record` and `--sg-replay`."""

    def __init__(self, config: pytest.Config) -> None:
        self._is_recorded = bool(config.option.sg_record)
        self._folder = Path(config.option.sg_record or config.option.sg_replay)
        self._shown = os.path.relpath(self._folder, config.invocation_params.dir)

    @pytest.fixture(autouse=True)
    def _schema_guard_cassette(
        self, request: pytest.FixtureRequest, schema_guard_redact: Redact | None
    ) -> Iterator[None]:
        """Stand between the guarded functions of one test and their models."""
        from schema_guard.testing.cassettes import file_name, recording, replaying  # rule 1

        node = request.node
        path = self._folder / file_name(node.nodeid)
        if self._is_recorded:
            with recording(path, redact=schema_guard_redact, test=node.nodeid):
                yield
            return
        how = f"pytest '{node.nodeid}' --sg-record {self._shown}"
        with replaying(path, redact=schema_guard_redact, how=how) as unused:
            yield
        for recorded in unused:
            node.user_properties.append((UNUSED_LINE, f"{path.name}: {recorded.as_words()}"))


class _RecordsPlugin:
    """Makes a file of the user's the default store of all tests; of `--sg-dir`."""

    def __init__(self, config: pytest.Config) -> None:
        worker = getattr(config, "workerinput", {}).get("workerid")
        self._folder = Path(config.option.sg_dir)
        self._outer = os.environ.get(_STORE_VARIABLE)
        name = "records.db" if worker is None else f"records-{worker}.db"
        os.environ[_STORE_VARIABLE] = f"sqlite:///{self._folder / name}"

    def pytest_sessionfinish(self) -> None:
        """Write what is still to be written, before a worker says that it is done."""
        records = sys.modules.get("schema_guard.records.urls")
        store = None if records is None else records.default_store()
        if store is not None:
            store.flush()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the files, those of earlier runs included."""
        files = sorted(self._folder.glob("records*.db"))
        if not files:
            return
        from schema_guard.records.urls import command_on  # only a session with records needs the store

        terminalreporter.section("records (schema_guard)")
        for file in files:
            terminalreporter.line(command_on(f"sqlite:///{file.absolute()}", "report"))

    def pytest_unconfigure(self) -> None:
        """Leave the environment as it was."""
        if self._outer is None:
            os.environ.pop(_STORE_VARIABLE, None)
        else:
            os.environ[_STORE_VARIABLE] = self._outer
