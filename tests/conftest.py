"""What all tests share: no network but loopback, no store unless asked for, slow tests on request."""

import os
import signal
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "dev", max_examples=10, deadline=None, derandomize="CI" in os.environ, print_blob="CI" in os.environ
)
# Which lines are run at all takes few examples.
settings.register_profile("few", max_examples=3, deadline=None, derandomize="CI" in os.environ)
settings.register_profile("many", max_examples=200, deadline=None)
settings.register_profile(
    "thorough", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# Read by type checkers, never run.
collect_ignore = ["typing"]

_LOOPBACK = {"localhost", "::1", "0.0.0.0"}  # noqa: S104 - compared with, never bound to


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow or local_model")


def pytest_configure():
    # A shell starts what runs in its background deaf to Ctrl-C, and so would be the processes that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: run with --slow")
    for item in items:
        if "slow" in item.keywords or "local_model" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch):
    """No test reaches another machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        host = address[0] if isinstance(address, tuple) else "localhost"
        if host not in _LOOPBACK and not str(host).startswith("127."):
            pytest.fail(f"a test tried to reach {host!r}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def corpora():
    """The folder of public test data, or a skip that says how to name it."""
    folder = os.environ.get("SCHEMA_GUARD_CORPORA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no corpora: set SCHEMA_GUARD_CORPORA to the folder that holds them")
    return Path(folder)
