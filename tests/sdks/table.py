"""The table of SDKs in the documentation: read, compared with what comes out here, and written.

python -m tests.sdks.table            says which cells differ, of the SDKs that are installed here
python -m tests.sdks.table --update   writes what came out into the chapter, with versions and the date
"""

from __future__ import annotations

import sys
import warnings
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import dropwhile, takewhile
from pathlib import Path

from tests.sdks.case import HOWS, Case

CHAPTER = Path(__file__).parents[2] / "schema_guard" / "docs" / "sdks.md"
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
    "langchain_calls",
)

Rows = dict[tuple[str, str], dict[str, str]]
_ROWS_HEAD = f"| SDK | what the function gives | {' | '.join(HOWS)} |\n|---|---|{'---|' * len(HOWS)}\n"
_VERSIONS_HEAD = "| package | version | tried on |\n|---|---|---|\n"
_NONE = ""


def cases() -> list[Case]:
    """Give the cases of all SDKs."""
    sdks = [sdk for name in MODULES for sdk in import_module(f"tests.sdks.{name}").SDKS]
    return [case for sdk in sdks for case in sdk.cases]


def installed(sdk: str) -> str | None:
    """Give the version of a package; None when it is not installed."""
    try:
        return version(sdk)
    except PackageNotFoundError:
        return None


def rows_of(text: str) -> Rows:
    """Give the cells of a chapter by row and column."""
    rows: Rows = {}
    for sdk, returns, *cells in _lines(text, _ROWS_HEAD):
        rows[sdk, returns] = {how: cell for how, cell in zip(HOWS, cells, strict=True) if cell != _NONE}
    return rows


def versions_of(text: str) -> dict[str, tuple[str, str]]:
    """Give the version of each package in a chapter, and when it was tried."""
    return {package: (at, day) for package, at, day in _lines(text, _VERSIONS_HEAD)}


def _lines(text: str, head: str) -> list[list[str]]:
    _, _, below = text.partition(head)
    listed = takewhile(lambda line: line.startswith("|"), below.splitlines())
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in listed]


def written(text: str, rows: Rows, versions: dict[str, tuple[str, str]]) -> str:
    """Give a chapter with other rows and versions."""
    shown = [[*row, *[cells.get(how, _NONE) for how in HOWS]] for row, cells in rows.items()]
    text = _replaced(text, _ROWS_HEAD, shown)
    return _replaced(text, _VERSIONS_HEAD, [[package, *of] for package, of in versions.items()])


def _replaced(text: str, head: str, lines: list[list[str]]) -> str:
    before, found, below = text.partition(head)
    assert found, f"{CHAPTER.name} lacks a table with the head {head!r}"
    after = dropwhile(lambda line: line.startswith("|"), below.splitlines(keepends=True))
    return before + head + "".join([*[f"| {' | '.join(line)} |\n" for line in lines], *after])


def main(arguments: list[str]) -> int:
    """Compare the chapter with what comes out here, or write it."""
    from tests.sdks.trial import cell_of

    # What third parties warn of among themselves.
    warnings.simplefilter("ignore")
    text = CHAPTER.read_text(encoding="utf-8")
    old, versions = rows_of(text), versions_of(text)
    new: Rows = {}
    for case in cases():
        row = (case.sdk, case.returns)
        was = old.get(row, {}).get(case.how)
        now = cell_of(case) if installed(case.sdk) else was
        if now != was:
            print(f"{case.id}: {was} -> {now}")
        if now is not None:
            new.setdefault(row, {})[case.how] = now
    if "--update" in arguments:
        today = datetime.now(UTC).date().isoformat()
        for sdk, _ in new:
            at = installed(sdk)
            versions[sdk] = (at, today) if at else versions[sdk]
        kept = {sdk: versions[sdk] for sdk, _ in new}
        CHAPTER.write_text(written(text, new, kept), encoding="utf-8")
        return 0
    return int(new != old)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
