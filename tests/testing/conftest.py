"""What the tests of the plugin share: running pytest inside pytest."""

from importlib.metadata import entry_points

import pytest

# A pytest inside of pytest forgets what it was the first to import; a second one would then meet two copies of a module.
from schema_guard import guard, open_store

with open_store("sqlite://") as _store:
    guard({"type": "object"}, store=_store)(lambda prompt: "{}")("t")

# Example tests for users; test_plugin.py runs them under the plugin.
collect_ignore = ["recipe"]

PLUGIN = "schema_guard.testing.plugin"


@pytest.fixture
def run_tests(pytester):
    """Run a file of tests under the plugin, in this process; with a `-n` in a process of their own."""
    # Where the package is installed with its entry point, pytest loads the plugin by itself.
    is_installed = any(point.value == PLUGIN for point in entry_points(group="pytest11"))
    loading = () if is_installed else ("-p", PLUGIN)

    def run(source, *arguments, name="test_it"):
        if source:
            pytester.makepyfile(**{name: source})
        command = (*loading, "-W", "error", "-p", "no:cacheprovider", *arguments)
        if "-n" not in arguments:
            return pytester.runpytest(*command)
        # Each worker would load the other plugins too.
        return pytester.runpytest_subprocess(*command, "-p", "no:hypothesispytest", "-p", "no:anyio")

    return run
