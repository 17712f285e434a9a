"""Compare the table of SDKs in the documentation with the results on this machine.

`python -m tests.public.ext.sdks.table` prints the cells that differ, for the installed SDKs. With `--update` it writes
the results into the page, with versions and the date.
"""

from __future__ import annotations

import logging
import sys
import warnings
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from tests.public.ext.sdks.case import HOWS, Case, Sdk

CHAPTER = Path(__file__).parents[4] / "schema_guard" / "docs" / "sdks.md"
# One file of cases each, in the order of the table.
MODULES = (
    "openai_calls",
    "anthropic_calls",
    "google_genai_calls",
    "mistralai_calls",
    "groq_calls",
    "cohere_calls",
    "ollama_calls",
    "litellm_calls",
    "instructor_calls",
    "pydantic_ai_calls",
    "dspy_calls",
    "mirascope_calls",
    "smolagents_calls",
    "openai_agents_calls",
    "langchain_calls",
    "llama_index_calls",
    "haystack_calls",
    "boto3_calls",
    "httpx_calls",
)

# The cells of a row, by its first cells.
Rows = dict[tuple[str, ...], dict[str, str]]


class Table(NamedTuple):
    """A table of the chapter: what its rows are told apart by, and what is told of each."""

    keys: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def head(self) -> str:
        """Its first two lines."""
        names = [*self.keys, *self.columns]
        return f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n"

    def rows_of(self, text: str) -> Rows:
        """Give its rows in a chapter; an empty cell is none."""
        _, _, below = text.partition(self.head)
        rows: Rows = {}
        for line in takewhile(lambda line: line.startswith("|"), below.splitlines()):
            cells = [cell.strip() for cell in line[1:-1].split("|")]
            shown = zip(self.columns, cells[len(self.keys) :], strict=True)
            rows[tuple(cells[: len(self.keys)])] = {column: cell for column, cell in shown if cell}
        return rows

    def written(self, text: str, rows: Rows) -> str:
        """Give a chapter with other rows in it."""
        before, result, below = text.partition(self.head)
        assert result, f"{CHAPTER.name} lacks a table with the head {self.head!r}"
        lines = [" | ".join([*key, *[cells.get(c, "") for c in self.columns]]) for key, cells in rows.items()]
        after = dropwhile(lambda line: line.startswith("|"), below.splitlines(keepends=True))
        return before + self.head + "".join([*[f"| {line} |\n" for line in lines], *after])


VALID = Table(("SDK", "the function returns"), HOWS)
WRONG = Table(("SDK", "call", "the server's answer"), ("the caller gets", "observed", "guarded"))
VERSIONS = Table(("package",), ("version", "tried on"))


def sdks() -> list[Sdk]:
    """Give all SDKs."""
    return [sdk for name in MODULES for sdk in import_module(f"tests.public.ext.sdks.{name}").SDKS]


def installed(sdk: str) -> str | None:
    """Give the version of a package; None when it is not installed."""
    try:
        return version(sdk)
    except PackageNotFoundError:
        return None


class Cells(NamedTuple):
    """Where what comes of a case stands: cells of one row."""

    case: Case
    table: Table
    row: tuple[str, ...]
    columns: tuple[str, ...]

    def tried(self) -> dict[str, str]:
        """Give what they hold here and now."""
        from tests.public.ext.sdks import trial

        text = (trial.cell_of(self.case),) if self.table is VALID else trial.failed(self.case)
        return dict(zip(self.columns, text, strict=True))


def cells_of(case: Case) -> Cells:
    """Give the place of a case."""
    if case.said.name == "a valid value":
        return Cells(case, VALID, (case.sdk, case.returns), (case.how,))
    call = case.returns if case.how in ("whole", "streamed") else f"{case.returns}, async"
    return Cells(case, WRONG, (case.sdk, call, case.said.name), WRONG.columns)


def main(arguments: list[str]) -> int:
    """Compare the chapter with what comes out here, or write it."""
    # What third parties warn of among themselves.
    warnings.simplefilter("ignore")
    logging.disable()
    text = CHAPTER.read_text(encoding="utf-8")
    new: dict[Table, Rows] = {VALID: {}, WRONG: {}}
    old = {table: table.rows_of(text) for table in new}
    newest = _newest(VERSIONS.rows_of(text))
    for sdk in sdks():
        for place in map(cells_of, [*sdk.cases, *sdk.failures]):
            before = old[place.table].get(place.row, {})
            was = {column: before[column] for column in place.columns if column in before}
            now = place.tried() if sdk.name in newest else was
            if now != was:
                print(f"{place.case.id}: {' / '.join(was.values())} -> {' / '.join(now.values())}")
            if now:
                new[place.table].setdefault(place.row, {}).update(now)
    if "--update" in arguments:
        for table, rows in [*new.items(), (VERSIONS, _versions(text))]:
            text = table.written(text, rows)
        CHAPTER.write_text(text, encoding="utf-8")
        return 0
    return int(new != old)


def _newest(old: Rows) -> dict[str, str]:
    """Return the versions of the installed SDKs, without those that are older than the version in the page.

    One environment cannot have the newest version of all SDKs, so each one updates a part of the page.
    """
    here = {sdk.name: at for sdk in sdks() if (at := installed(sdk.name))}
    before = {name: cells["version"] for (name,), cells in old.items() if cells}
    return {name: at for name, at in here.items() if Version(at) >= Version(before.get(name, at))}


def _versions(text: str) -> Rows:
    today = datetime.now(UTC).date().isoformat()
    old = VERSIONS.rows_of(text)
    newest = _newest(old)
    return {
        (sdk.name,): {"version": newest[sdk.name], "tried on": today}
        if sdk.name in newest
        else old.get((sdk.name,), {})
        for sdk in sdks()
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
