"""Write the tasks of several public data sets, in `tasks.jsonl` of SCHEMA_GUARD_CORPORA, as a suite of one file.

A line has `id source licence instruction text schema gold match`, and `accept` if `match` is `accept`:

| match | right if | matchers |
|---|---|---|
| `exact` | everything is equal | none |
| `leaf` | leaf by leaf: the share counts, as in the Structured Output Benchmark's value accuracy | none |
| `exact_ws` | equal except for white space | `"spaces"` at every string |
| `sets` | every array has the same items | `"set"` at every array |
| `slots` | every array has the same items, each equally often | `"unordered"` at every array |
| `accept` | every parameter has an acceptable value | those of `schema_guard.ext.suites.bfcl` |
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.ext.suites.bfcl import match_of
from schema_guard.pointer import join

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_guard.bench.suites.scoring import Matcher

_EVERYWHERE: dict[str, tuple[type, Matcher]] = {
    "exact_ws": (str, "spaces"),
    "sets": (list, "set"),
    "slots": (list, "unordered"),
}
_SAME = ("id", "source", "licence", "instruction", "schema", "gold")


def convert(source: Path, target: Path) -> Path:
    """Write the tasks of a file as a suite, and return the path of the suite."""
    rows = map(json.loads, source.read_text(encoding="utf-8").strip("\n").split("\n"))
    target.write_text("".join(json.dumps(line_of(row)) + "\n" for row in rows), encoding="utf-8")
    return target


def line_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a suite for a task."""
    line = {key: row[key] for key in _SAME if row.get(key) not in (None, "")}
    # A word that the source chose, or a depth, and not a difficulty that was measured.
    tags = {"tags": [row["difficulty"]]} if "difficulty" in row else {}
    return {**line, "input": row["text"], "match": _match(row), **tags}


def _match(row: dict[str, Any]) -> dict[str, Matcher]:
    kind = row["match"]
    if kind == "accept":
        return match_of(row["accept"], row["gold"])
    if kind not in _EVERYWHERE:
        return {}
    wanted, matcher = _EVERYWHERE[kind]
    return {location: matcher for location, part in _parts(row["gold"], ()) if isinstance(part, wanted)}


def _parts(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
    """Yield every part of a value, itself included, with its location."""
    yield join(at), value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from _parts(part, (*at, key))
