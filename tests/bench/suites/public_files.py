"""Files of public data sets for tests: written, read, and what is told of them."""

import json

import pytest

from schema_guard.bench.suites.load import load_suite
from schema_guard.errors import InvalidArgument


def written_lines(path, rows):
    """Write a file of JSON Lines, and give its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def read_rows(path):
    """Read a file of JSON Lines."""
    return list(map(json.loads, path.read_text(encoding="utf-8").strip("\n").split("\n")))


def problems_of(path, **arguments):
    """What is told of a file that is no suite, one line a problem."""
    with pytest.raises(InvalidArgument) as caught:
        load_suite(path, **arguments)
    return str(caught.value).split("\n  ")[1:]
