"""The page on JSON fields has each field that a command prints."""

import json
import re
from pathlib import Path

import pytest

from tests.public.pages.blocks import ROOT

PAGE = (ROOT / "schema_guard" / "docs" / "report_json.md").read_text("utf-8")
GOLDEN = Path(__file__).parents[1] / "golden"
WORDS = {
    word
    for path in (ROOT / "schema_guard").rglob("*.py")
    for word in re.findall(r"\w+", path.read_text("utf-8"))
}
VERDICTS = ("decide/*.json", "shop/decide*format_json.txt")
REPORTS = ("commands/groups/*.json",)
# For each table: the recorded outputs, and the places of the objects in them. `*` stands for each member.
TABLES = {
    "the report": (REPORTS, [""]),
    "a group or configuration": (REPORTS, ["groups/*", "configurations/*"]),
    "a verdict": (VERDICTS, ["", "verdict", "verdicts/*"]),
    "a rate": (VERDICTS, ["rates/*", "verdict/rates/*", "verdicts/*/rates/*"]),
    "a watched configuration": (("shop/watch*format_json.txt",), ["watched/*"]),
    "a benchmark": (("bench/prices_json.txt", "bench/other_epochs_json.txt"), [""]),
    "a variant": (("bench/prices_json.txt", "bench/other_epochs_json.txt"), ["variants/*"]),
    "`bench compare`": (("bench/pair_*_json.txt",), [""]),
}
OF_THE_TEST = {"exit", "verdicts"}  # fields of a recorded output, and the list of several verdicts


def table_of(name):
    """Return the fields in the first column of a table."""
    rows = PAGE.partition(f"| field of {name} |")[2].partition("\n\n")[0]
    return {field for row in rows.splitlines()[2:] for field in re.findall(r"`(\w+)`", row.split(" | ")[0])}


def objects_at(value, place):
    """Yield the objects at a place of a JSON value."""
    if not place:
        yield value
        return
    step, _, rest = place.partition("/")
    members = value.values() if isinstance(value, dict) else value
    for member in members if step == "*" else [value[step]] if step in value else []:
        yield from objects_at(member, rest)


def printed(patterns, places):
    """Return the fields of objects in recorded outputs."""
    fields = set()
    for path in (path for pattern in patterns for path in GOLDEN.glob(pattern)):
        text = path.read_text("utf-8")
        start = re.search(r"(?:\A|--- stdout\n)(?=\{)", text)
        if start is None:  # an output that is recorded as its differences from another one
            continue
        value, _ = json.JSONDecoder().raw_decode(text, start.end())
        for one in (found for place in places for found in objects_at(value, place)):
            # A recorded verdict is inside of an object with its exit status.
            fields |= set() if not isinstance(one, dict) or "exit" in one else one.keys()
    return fields - OF_THE_TEST


@pytest.mark.parametrize("name", TABLES)
def test_page_has_each_printed_field(name):
    """Each field of a recorded output is in the table."""
    assert sorted(printed(*TABLES[name]) - table_of(name)) == []


@pytest.mark.parametrize("name", TABLES)
def test_page_has_no_removed_field(name):
    """Each field of the table is a word of the code."""
    assert sorted(table_of(name) - WORDS) == []
