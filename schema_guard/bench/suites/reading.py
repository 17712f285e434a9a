# SPDX-License-Identifier: Apache-2.0
"""Read the files of a suite, and keep every problem with its file and line.

Rules:
1. Nothing outside the suite's folder is read, wherever a name or a link leads; but the file that the user named is.
2. Reading goes on after a problem, so that all of them are told at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.forms import form
from schema_guard.errors import InvalidArgument
from schema_guard.pointer import pointer
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_guard.values import Violation

# What a Reader gives for text that is no JSON; None is a JSON value.
BROKEN = object()


@dataclass(slots=True)
class SuiteReader:
    """Reads the files of one suite and keeps the list of what is wrong with them.

    Attributes:
        root: The suite's folder.
        named: The file that the user named; None where that was the folder.
        problems: One line each.
    """

    root: Path
    named: Path | None = None
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of_file(cls, path: Path) -> SuiteReader:
        """Return the reader of a suite that is one file, with the file's folder around it."""
        return cls(path.parent, path)

    def refuse_problems(self, suite: object) -> None:
        """Raise what was found.

        Raises:
            InvalidArgument: There are problems; the message lists each of them.
        """
        if self.problems:
            count = len(self.problems)
            lines = "".join(f"\n  {problem}" for problem in self.problems)
            raise InvalidArgument(f"suite {str(suite)!r}: {count} problem{'' if count == 1 else 's'}{lines}")

    def read_object(self, relative: str, kind: str) -> dict[str, Any] | None:
        """Read a file that holds one object of a form; None when it is not that."""
        value = self.read_json(relative)
        return value if value is not BROKEN and self.conforms(value, kind, relative) else None

    def read_rows(self, relative: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Read a file of one object a line, blank lines skipped: where each of the right form stands, and the object."""
        text = self.read_text(relative)
        if text is None:
            return
        # Not splitlines(): U+2028 may stand inside a JSON string.
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if not lines:
            self.problems.append(f"{relative}: expected at least one {kind}")
        for number, line in lines:
            where = f"{relative}:{number}"
            row = self._decode(line, relative, number)
            if row is not BROKEN and self.conforms(row, kind, where):
                yield where, row

    def read_json(self, relative: str) -> Any:
        """Read a file of JSON; BROKEN when it is not that."""
        text = self.read_text(relative)
        return BROKEN if text is None else self._decode(text, relative)

    def read_text(self, relative: str) -> str | None:
        """Read a file; None when that cannot be done."""
        path = self.root / relative
        if path != self.named and not self.is_inside(path):
            self.problems.append(f"{relative}: this file lies outside the suite")
            return None
        try:
            if path.is_fifo():
                self.problems.append(f"{relative}: this is no file but a pipe, which may have no end")
                return None
            # Not read_text(): it would turn every carriage return into a line feed, inside the cells of a CSV too.
            return path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            self.problems.append(f"{relative}: this file is missing")
        except OSError as error:
            self.problems.append(f"{relative}: this file cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            self.problems.append(f"{relative}: this file is not UTF-8: {error.reason} at byte {error.start}")
        return None

    def is_inside(self, path: Path) -> bool:
        """Return whether a path, with all links followed, lies inside the suite's folder."""
        try:
            return path.resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError, ValueError):
            # A loop of links, or a name with NUL.
            return False

    def conforms(self, value: Any, kind: str, where: str) -> bool:
        """Return whether a value is of a form, and report what is not."""
        schema = form(kind)
        known = schema.document.get("properties", {})
        is_closed = schema.document.get("additionalProperties") is False
        unknown = [key for key in value if key not in known] if is_closed and isinstance(value, dict) else []
        problems = [f"unknown key {clip(repr(key))}{did_you_mean(key, known)}" for key in unknown]
        try:
            broken = schema.violations(value)
        except InvalidArgument as error:
            problems.append(str(error))
        else:
            problems += [violations_text([v]) for v in broken if v.keyword != "additionalProperties"]
        self.problems += [f"{where}: {problem}" for problem in problems]
        return not problems

    def _decode(self, text: str, relative: str, number: int | None = None) -> Any:
        """Read JSON; *number* is the line of its file that the text is, None when it is the whole file."""
        where = relative if number is None else f"{relative}:{number}"
        try:
            return decoded(text)
        except json.JSONDecodeError as error:
            line = f"{relative}:{number or error.lineno}"
            self.problems.append(f"{line}: broken JSON at column {error.colno}: {error.msg}")
        except ValueError as error:
            self.problems.append(f"{where}: broken JSON: {error}")
        return BROKEN


def decoded(text: str) -> Any:
    """Read JSON in which no key stands twice and every number is finite.

    Raises:
        ValueError: The text is not that; a JSONDecodeError where it is no JSON at all.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("the value is nested too deeply. Reduce the nesting") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise ValueError(f"the key {clip(repr(key))} occurs twice. Remove one of the two")
        members[key] = value
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"the value {constant} is not a JSON number. Use a finite number")


def violations_text(broken: list[Violation]) -> str:
    """Tell the most relevant violation, and how many more there are."""
    first, more = broken[0], len(broken) - 1
    return f"at {pointer(first.instance_location)}: expected {first.expected}, got {first.actual}" + (
        f" and {more} more" if more else ""
    )
