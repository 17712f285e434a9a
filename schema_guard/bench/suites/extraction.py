# SPDX-License-Identifier: Apache-2.0
"""Extraction tasks of several public data sets in one file, each with its own way to compare.

A line holds `id source licence instruction text schema gold match`, and `accept` where `match` says so:

| match | right when | matchers |
|---|---|---|
| `exact` | everything is equal | none |
| `leaf` | leaf by leaf: the share counts, as in the Structured Output Benchmark's value accuracy | none |
| `exact_ws` | equal but for white space | `"spaces"` at every string |
| `sets` | every array holds the same items | `"set"` at every array |
| `slots` | every array holds the same items, each as often | `"unordered"` at every array |
| `accept` | every parameter has an acceptable value | those of `alternatives` |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.alternatives import match_of
from schema_guard.bench.suites.assembly import Line, suite_of_lines
from schema_guard.bench.suites.reading import SuiteReader
from schema_guard.pointer import join

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_guard.bench.suites.scoring import Matcher
    from schema_guard.bench.suites.values import Suite

_EVERYWHERE: dict[str, tuple[type, Matcher]] = {
    "exact_ws": (str, "spaces"),
    "sets": (list, "set"),
    "slots": (list, "unordered"),
}


def load_extraction(path: Path) -> Suite:
    """Load the tasks of a file; those that cannot be used are left out.

    Raises:
        InvalidArgument: The file is not of this form, or none of its tasks can be used.
    """
    reader, refused = SuiteReader.of_file(path), list[str]()
    return suite_of_lines(reader, path, _lines(reader, path, refused), refused=refused)


def _lines(reader: SuiteReader, path: Path, refused: list[str]) -> Iterator[Line]:
    for where, row in reader.read_rows(path.name, "extraction task"):
        try:
            match = _match(row)
        except ValueError as error:
            refused.append(f"{row['id']}: {error}")
            continue
        except (TypeError, LookupError) as error:
            reader.problems.append(f"{where}: the values to accept do not fit the gold: {error}")
            continue
        yield Line(
            where=where,
            id=row["id"],
            input=row["text"],
            instruction=row.get("instruction", ""),
            gold=row["gold"],
            document=row["schema"],
            name=path.stem,
            match=match,
            # A word that the source chose, or a depth: not a difficulty that was measured.
            tags=(row["difficulty"],) if "difficulty" in row else (),
            source=row.get("source"),
            licence=row.get("licence"),
        )


def _match(row: dict[str, Any]) -> dict[str, Matcher]:
    kind = row["match"]
    if kind == "accept":
        return match_of(row["accept"], row["gold"])
    if kind not in _EVERYWHERE:
        return {}
    wanted, matcher = _EVERYWHERE[kind]
    return {location: matcher for location, part in _parts(row["gold"], ()) if isinstance(part, wanted)}


def _parts(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
    """Give every part of a value, itself included, with its location."""
    yield join(at), value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from _parts(part, (*at, key))
