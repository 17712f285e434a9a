"""Tests that need an optional part of the library.

Outside `tests/ext` and `tests/public/ext`, such a test declares its parts: `@needs("fitting")` for one test, or
`pytestmark = needs("fitting")` at the top of a file. If a part is missing, the test is skipped. A file is not even
imported then.
"""

import re
from pathlib import Path

import pytest

import schema_guard

PARTS = Path(schema_guard.__file__).parent / "ext"
DECLARED = re.compile(r"^(?:pytestmark|NEEDED) = .*?\bneeds\(([^)]*)\)", re.MULTILINE | re.DOTALL)


def is_installed(part):
    """Return whether the library has the part."""
    return (PARTS / part).is_dir()


def needs(*parts):
    """Return the mark of a test that needs these parts."""
    missing = [part for part in parts if not is_installed(part)]
    return pytest.mark.skipif(bool(missing), reason=f"needs the part {' and '.join(missing)}")


def missing_of(path):
    """Return the parts that the whole file declares, and that are missing."""
    declared = DECLARED.search(path.read_text(encoding="utf-8"))
    parts = re.findall(r'"(\w+)"', declared[1]) if declared else []
    return [part for part in parts if not is_installed(part)]
