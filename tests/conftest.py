"""What all tests share: no network but loopback, no store unless asked for, slow tests on request."""

import gc
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.needs import is_needing, missing_of

# Outputs follow $COLUMNS, which workers of pytest-xdist have.
os.environ.pop("COLUMNS", None)

# `quick` unless told otherwise, `dev` with `--slow` and in `.ci/run tests`.
settings.register_profile("quick", max_examples=3, deadline=None, derandomize="CI" in os.environ)
# Which lines are run at all takes no more of them, but as many as a test asks for itself (`tests.thinned`).
settings.register_profile("few", settings.get_profile("quick"))
settings.register_profile(
    "dev", max_examples=10, deadline=None, derandomize="CI" in os.environ, print_blob="CI" in os.environ
)
settings.register_profile(
    "thorough", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# Else what is drawn depends on which modules are loaded: Hypothesis reads the constants in all of their sources. That is
# no part of its interface: a release that has it not, or under another name, is left as it is.
with suppress(ImportError, AttributeError):
    from hypothesis.internal.conjecture import providers

    _no_more = providers._local_constants
    providers._get_local_constants = lambda: _no_more

# Read by type checkers, never run.
collect_ignore = ["public/typing"]

PUBLIC = Path(__file__).parent / "public"
LEFT_OUT = pytest.StashKey[int]()
WITHOUT_PART = pytest.StashKey[dict]()
NEEDING = pytest.StashKey[int]()
_LOOPBACK = {"localhost", "::1", "0.0.0.0"}  # noqa: S104 - compared with, never bound to


def pytest_addoption(parser):
    parser.addoption(
        "--slow", action="store_true", help="also run the tests marked slow, costly or local_model"
    )
    parser.addoption("--costly", action="store_true", help="also run the tests marked costly")


def pytest_configure(config):
    # Before the tests are imported: some draw a part of what the profile says.
    profile = "dev" if config.getoption("--slow") else "quick"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", profile))
    # A shell starts what runs in its background deaf to Ctrl-C, and so would be the processes that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    # Modules and tests stay to the end: the collector would go through them again and again.
    gc.disable()


def pytest_ignore_collect(collection_path, config):
    """Leave out the files that need a part of the library that is missing."""
    if collection_path.suffix == ".py" and (missing := missing_of(collection_path)):
        config.stash.setdefault(WITHOUT_PART, {})[collection_path.name] = missing
        return True
    return None


def pytest_collection_finish():
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


def pytest_collection_modifyitems(config, items):
    # All processes of pytest-xdist must collect the same ids.
    if addresses := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(
            f"test ids hold the addresses of objects: {addresses[:3]}: name them with ids="
        )
    for item in items:
        if PUBLIC not in item.path.parents:
            item.add_marker("movable")
    config.stash[NEEDING] = sum(map(is_needing, items))
    if config.getoption("--slow"):
        return
    kinds = ["slow", "local_model", *([] if config.getoption("--costly") else ["costly"])]
    left_out = [item for item in items if any(item.get_closest_marker(kind) for kind in kinds)]
    if left_out:
        # Not skipped: it takes its time to skip thousands.
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not any(item.get_closest_marker(kind) for kind in kinds)]
        config.stash[LEFT_OUT] = len(left_out)


def pytest_terminal_summary(terminalreporter, config):
    if n := config.stash.get(LEFT_OUT, 0):
        terminalreporter.line(f"{n} tests are slow or costly: --slow runs them too")
    if n := config.stash.get(NEEDING, 0):
        terminalreporter.line(f"{n} tests need a part that is missing")
    for name, parts in config.stash.get(WITHOUT_PART, {}).items():
        terminalreporter.line(f"not collected: {name} needs the part {' and '.join(parts)}")


@pytest.fixture(scope="session", autouse=True)
def _loopback_only():
    """No test reaches another machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        host = address[0] if isinstance(address, tuple) else "localhost"
        if host not in _LOOPBACK and not str(host).startswith("127."):
            pytest.fail(f"a test tried to reach {host!r}")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def corpora():
    """The folder of public test data, or a skip that says how to name it."""
    folder = os.environ.get("SCHEMA_GUARD_CORPORA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no corpora: set SCHEMA_GUARD_CORPORA to the folder that holds them")
    return Path(folder)


@pytest.fixture
def interruptible():
    """Handle SIGINT as in a terminal. A program that a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
