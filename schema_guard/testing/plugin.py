# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: fixtures, and measured failure rates in the summary of a run. PYTEST_DONT_REWRITE.

Rules:
1. Loading the plugin costs almost no time, because each fixture imports its own modules.
2. A test that doesn't use the plugin runs as without it. The plugin patches nothing, and its hooks only observe.
3. A measured rate is in the report's `user_properties`. So it is in JUnit's file, and reaches the terminal from any
   worker of pytest-xdist.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from schema_guard.extensions import Server
    from schema_guard.models.scripted import ScriptedModel
    from schema_guard.records import Store
    from schema_guard.testing.rates import FailureRate

RATE_LINE = "schema_guard_rate"
"""The property of a report that has a measured failure rate in words."""

_STORE_VARIABLE = "SCHEMA_GUARD_STORE"
_running: list[pytest.Item] = []
"""The running tests, the innermost one last, because a test of pytest can run pytest inside it."""


@pytest.fixture
def guard_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Yield an empty store on disk that is the default store while the test runs.

    A guard with its own `store=` still uses that one.
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
    """Return the class of models with scripted replies: `scripted_model(['{"total": 1}'])`."""
    from schema_guard.models.scripted import ScriptedModel  # rule 1

    return ScriptedModel


@pytest.fixture
def llm_server() -> Iterator[Callable[..., Server]]:
    """Yield a function that starts a server on loopback, like `serve`. Its servers close at the end of the test."""
    from schema_guard.testing import serve  # rule 1

    with ExitStack() as servers:

        def start(answering: Any, **settings: Any) -> Server:
            return servers.enter_context(serve(answering, **settings))

        yield start


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Record which test runs."""
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()


def report(name: str, measured: FailureRate) -> None:
    """Add the measured failure rate of a function to the report of the running test, if a test runs."""
    if _running:
        _running[-1].user_properties.append((RATE_LINE, f"{measured.decision}: {name}: {measured}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the measured failure rates."""
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
    # Sorted because tests in several workers end in any order.
    return sorted(pairs, key=lambda pair: pair[0])
