"""Processes that a test starts."""

import os


def unmeasured():
    """Return the environment without coverage, because coverage loads its own modules into each process."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
