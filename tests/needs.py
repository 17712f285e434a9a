"""Tests that need an optional part of the library.

Outside `tests/ext` and `tests/public/ext`, such a test declares its parts: `@needs("fitting")` for one test, or
`pytestmark = needs("fitting")` at the top of a file. If a part is missing, the test is skipped. A file is not even
imported then.
"""

import re
from pathlib import Path

import pytest

import schema_guard
from schema_guard.extensions import PARTS as TABLE

PARTS = Path(schema_guard.__file__).parent / "ext"
REASON = "needs the part"
ALL = sorted({place.partition(":")[0].split(".")[2] for place in TABLE.values()})
# The statement ends before the next line that is not indented.
DECLARED = re.compile(r"^(?:pytestmark|NEEDED) = [^\n]*(?:\n    [^\n]*)*?\bneeds\(([^)]*)\)", re.MULTILINE)


def is_installed(part):
    """Return whether the library has the part."""
    return (PARTS / part).is_dir()


def needs(*parts):
    """Return the mark of a test that needs these parts."""
    missing = [part for part in parts if not is_installed(part)]
    return pytest.mark.skipif(bool(missing), reason=f"{REASON} {' and '.join(missing)}")


def is_needing(item):
    """Return whether a collected test is skipped because a part is missing."""
    return any(
        mark.args[:1] == (True,) and mark.kwargs["reason"].startswith(REASON)
        for mark in item.iter_markers("skipif")
    )


def marked(rows, part, needing):
    """Return the rows of a parametrized test, with the mark of the part on the rows that need it.

    Args:
        rows: Values, or tuples of values.
        part: Name of the part.
        needing: Takes a row. Returns whether the row needs the part.
    """
    made = []
    for row in rows:
        values = row.values if hasattr(row, "marks") else row
        values = values if isinstance(values, tuple) else (values,)
        marks = [*getattr(row, "marks", ()), needs(part)]
        is_needing = needing(values if len(values) > 1 else values[0])
        made.append(pytest.param(*values, marks=marks, id=getattr(row, "id", None)) if is_needing else row)
    return made


def part_of(line):
    """Return the part that has the command of a command line, or None."""
    words = line.split()
    if "--playbook" in words:
        return "playbook"
    for key in (f"command:{' '.join(words[:2])}", f"command:{' '.join(words[:1])}"):
        if key in TABLE:
            return TABLE[key].partition(":")[0].split(".")[2]
    return None


def with_parts(lines):
    """Return the command lines of a parametrized test. A command of a part has the mark of the part."""
    return [pytest.param(line, marks=needs(part)) if (part := part_of(line)) else line for line in lines]


def missing_of(path):
    """Return the parts that the whole file declares, and that are missing."""
    declared = DECLARED.search(path.read_text(encoding="utf-8"))
    if declared is None:
        return []
    parts = ALL if "*ALL" in declared[1] else re.findall(r'"(\w+)"', declared[1])
    return [part for part in parts if not is_installed(part)]
