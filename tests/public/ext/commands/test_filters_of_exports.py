"""The filters of the commands that export from a store, alone and combined: how many calls match."""

import csv
import io
import itertools
import json
import shlex

import pytest

from tests.public.commands.command_lines import run
from tests.public.commands.test_filters import (
    CELLS,
    FILTERS,
    FUNCTIONS,
    Cell,
    combinations,
    ids,
    matching,
    moment,
    output_of,
    summed_by,
    url,
)

__all__ = ["url"]


def attempts(out, form):
    """Return the attempts in an output of `store export`."""
    if form == "csv":
        return list(csv.DictReader(io.StringIO(out)))
    return [row for row in map(json.loads, out.splitlines()) if "call_id" in row]


@pytest.mark.parametrize(
    "chosen", list(combinations("--function", "--schema", "--since", "--until")), ids=ids
)
def test_store_export_writes_the_matching_attempts(url, chosen):
    """The export has a row for each matching attempt. An empty time range has none."""
    out = output_of(url, "store", "export", "--format", "csv", *itertools.chain(*chosen))
    results = {}
    for row in attempts(out, "csv"):
        key = row["function"], row["schema_name"], row["segment"]
        results[key] = results.get(key, 0) + 1

    assert results == summed_by(matching(chosen), "function", "schema", "segment")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("name", ["function", "schema", "since", "until"])
def test_store_export_filters_in_each_format(url, name, form):
    """JSON Lines and CSV have the same number of attempts."""
    (chosen,) = [one for one in FILTERS if one[0] == f"--{name}"][:1]
    out = output_of(url, "store", "export", "--format", form, *chosen)

    assert len(attempts(out, form)) == sum(matching([chosen]).values())


def test_store_export_includes_since_and_excludes_until(url):
    """A call exactly at --since is included. A call exactly at --until is excluded."""
    first = CELLS[Cell(0, "app.one", "ticket", "eu")]
    out = output_of(
        url, "store", "export", "--format", "csv", "--since", moment(0, 1), "--until", moment(0, first)
    )

    assert len(attempts(out, "csv")) == first - 1


@pytest.mark.parametrize("segment", [(), *(one for one in FILTERS if one[0] == "--segment")], ids=str)
@pytest.mark.parametrize("since", [(), *(one for one in FILTERS if one[0] == "--since")], ids=str)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_export_accounts_for_each_matching_call(url, function, since, segment):
    """A training set has a row, or a reason for its absence, for each matching call."""
    chosen = [one for one in (since, segment) if one]
    out = output_of(
        url, "tune", "prepare", "--schema", "ticket", "--function", function, *itertools.chain(*chosen), "-o", "set",
        "--accept-unchecked", "--base", "m9", "--min-examples", "1", "--format", "json",
    )  # fmt: skip
    manifest = json.loads(out)["manifest"]
    cells = {
        cell: n
        for cell, n in matching(chosen).items()
        if (cell.function, cell.schema) == (function, "ticket")
    }

    assert sum(manifest["sources"].values()) + sum(manifest["left_out"].values()) == sum(cells.values())
    assert {*manifest["segments"]} == {cell.segment for cell in cells}


NOBODY = (
    "store export --function app.none",
    "store export --schema none --until 2027-01-01",
    "tune prepare --schema ticket --function app.none -o set",
    "tune prepare --schema ticket --function app.one --since 2999-01-01 -o set",
)


@pytest.mark.parametrize("line", NOBODY)
def test_filter_without_a_match_is_an_error(capsys, url, line):
    """A filter that matches no recorded call ends with exit status 2."""
    status, out, err = run(capsys, *shlex.split(line), "--store", url)

    assert (status, out) == (2, "")
    assert err.startswith("schema-guard: ")
