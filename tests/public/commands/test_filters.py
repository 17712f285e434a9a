"""The filters of each command that reads a store, alone and combined: how many calls match."""

import itertools
import json
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from schema_guard import open_store, tags
from tests.public.clock import START, stopped_clock
from tests.public.commands.command_lines import command, run
from tests.public.commands.desk import answers, lines, tasks
from tests.public.commands.shop import LABEL
from tests.public.decide.production import DAY, Production

FUNCTIONS, SCHEMAS, SEGMENTS = ("app.one", "app.two"), ("ticket", "label"), ("eu", "us")
TEN_DAYS = 10 * DAY


class Cell(NamedTuple):
    """Calls of one period, function, schema, and segment."""

    period: int
    function: str
    schema: str
    segment: str


CELLS = {
    Cell(*names): number
    for number, names in enumerate(itertools.product(range(3), FUNCTIONS, SCHEMAS, SEGMENTS), start=3)
}
"""Calls of each cell. All numbers differ. The periods start ten days apart."""


def moment(period, seconds=0.0):
    """Return the start of a period in the format of an option."""
    return datetime.fromtimestamp(START + period * TEN_DAYS + seconds, UTC).isoformat()


FILTERS = {
    ("--function", "app.one"): lambda cell: cell.function == "app.one",
    ("--function", "two"): lambda cell: cell.function == "app.two",
    ("--schema", "label"): lambda cell: cell.schema == "label",
    ("--schema", "ticket"): lambda cell: cell.schema == "ticket",
    ("--segment", "us"): lambda cell: cell.segment == "us",
    ("--segment", "eu"): lambda cell: cell.segment == "eu",
    ("--since", moment(1)): lambda cell: cell.period >= 1,
    ("--since", moment(2)): lambda cell: cell.period >= 2,
    ("--until", moment(1)): lambda cell: cell.period < 1,
    ("--until", moment(2)): lambda cell: cell.period < 2,
}


def combinations(*names):
    """Yield each set of filters with these names, with at most one filter of each name."""
    result = [one for one in FILTERS if one[0] in names]
    for size in range(len(names) + 1):
        for chosen in itertools.combinations(result, size):
            if len({name for name, _ in chosen}) == size:
                yield chosen


def matching(chosen):
    """Return the cells that match these filters, with their numbers of calls."""
    return {cell: n for cell, n in CELLS.items() if all(FILTERS[one](cell) for one in chosen)}


def summed_by(cells, *names):
    """Return numbers of calls, summed by some attributes of the cells."""
    result = {}
    for cell, n in cells.items():
        key = tuple(getattr(cell, name) for name in names)
        result[key] = result.get(key, 0) + n
    return result


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A store with the calls of every cell."""
    place = tmp_path_factory.mktemp("cells")
    with stopped_clock() as clock, open_store(f"sqlite:///{place}/r.db", payload="full") as store:
        production = Production(store, clock, place)
        for cell, n in CELLS.items():
            clock.now = max(clock.now, START + cell.period * TEN_DAYS)
            more = {"schema": LABEL, "good": '{"tags": ["red"]}'} if cell.schema == "label" else {}
            with tags(segment=cell.segment):
                production.calls(n, 0, name=cell.function, after_s=1.0, **more)
        return store.url


def output_of(url, *arguments):
    """Run a command on the store and return its stdout."""
    status, out, err = command(*arguments, "--store", url)
    assert status in (0, 1), err
    return out


def ids(chosen):
    return " ".join(itertools.chain(*chosen)) or "none"


READING = list(combinations("--function", "--schema", "--segment", "--since"))


@pytest.mark.parametrize("chosen", READING, ids=ids)
def test_report_counts_the_matching_calls(url, chosen):
    """Each function and schema has its matching calls. No other one is shown."""
    result = json.loads(output_of(url, "report", *itertools.chain(*chosen), "--format", "json"))[
        "configurations"
    ]

    assert {(one["function"], one["schema"]): one["calls"] for one in result} == summed_by(
        matching(chosen), "function", "schema"
    )


@pytest.mark.parametrize("by", ["function", "segment", "model", "version"])
def test_report_applies_filters_with_every_grouping(url, by):
    """All filters apply with each value of --by."""
    chosen = [("--function", "two"), ("--schema", "label"), ("--segment", "us"), ("--since", moment(1))]
    document = json.loads(output_of(url, "report", "--by", by, *itertools.chain(*chosen), "--format", "json"))

    assert [one["calls"] for one in document["groups"]] == [sum(matching(chosen).values())]


@pytest.mark.parametrize("chosen", READING, ids=ids)
def test_watch_counts_the_matching_calls(url, chosen):
    """Each function and schema has its own line with its matching calls."""
    result = json.loads(
        output_of(url, "watch", "--max-failure-rate", "0.5", *itertools.chain(*chosen), "--format", "json")
    )["watched"]

    assert {(one["function"], one["schema"]): one["n"] for one in result} == summed_by(
        matching(chosen), "function", "schema"
    )


@pytest.mark.parametrize("chosen", READING, ids=ids)
def test_decide_counts_the_matching_calls(url, chosen):
    """Each verdict counts only the matching calls."""
    document = json.loads(output_of(url, "decide", *itertools.chain(*chosen), "--format", "json"))
    verdicts = document.get("verdicts", [document])

    assert {
        (one["function"], one["schema"]): (one["calls"], one["rates"]["system_prompt"]["n"])
        for one in verdicts
    } == {key: (n, n) for key, n in summed_by(matching(chosen), "function", "schema").items()}


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        (["--older-than", "12d"], lambda cells: sum(n for cell, n in cells.items() if cell.period < 1)),
        (["--max-rows", "100"], lambda cells: sum(cells.values()) - 100),
        (["--older-than", "12d", "--max-rows", "100"], lambda cells: sum(cells.values()) - 100),
        (
            ["--older-than", "2d", "--max-rows", "300"],
            lambda cells: sum(n for cell, n in cells.items() if cell.period < 2),
        ),
    ],
    ids=["age", "rows", "rows of both", "age of both"],
)
def test_prune_applies_the_stricter_limit(url, folder, options, gone):
    """The limits on age and on rows apply alone and together."""
    path = Path(url.removeprefix("sqlite:///"))
    (folder / "copy.db").write_bytes(path.read_bytes())
    with stopped_clock(START + 2 * TEN_DAYS + DAY):
        status, out, err = command(
            "store", "delete", "--yes", *options, "--store", "copy.db", "--format", "json"
        )

    assert (status, err) == (0, "")
    document = json.loads(out)
    assert (document["removed"], document["left"]) == (gone(CELLS), sum(CELLS.values()) - gone(CELLS))


NOBODY = (
    "report --function app.none",
    "watch --max-failure-rate 0.1 --function app.none",
    "decide --function app.none",
    "report --schema none --segment eu",
    "watch --max-failure-rate 0.1 --schema none --since 2026-01-01",
    "decide --schema none --segment eu",
)


@pytest.mark.parametrize("line", NOBODY)
def test_filter_without_a_match_is_an_error(capsys, url, line):
    """A filter that matches no recorded call ends with exit status 2."""
    status, out, err = run(capsys, *shlex.split(line), "--store", url)

    assert (status, out) == (2, "")
    assert err.startswith("schema-guard: ")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two results with two variants each. Only the first result allows a retry."""
    place = tmp_path_factory.mktemp("results")
    lines(place / "suite.jsonl", tasks())
    lines(place / "good.jsonl", answers(wrong=("i3",)))
    lines(place / "bad.jsonl", answers(invalid={f"i{n}" for n in range(1, 13)}))
    for name, more in (("before", "2"), ("after", "1")):
        suite, good, bad = place / "suite.jsonl", place / "good.jsonl", place / "bad.jsonl"
        command(
            "bench", "run", suite, "--model", f"scripted:{good}", "--model", f"scripted:{bad}", "--strategy", "bare",
            "--max-attempts", more, "--sample", "all", "--store", "none", "--output", place / f"{name}.json",
        )  # fmt: skip
    return place / "before.json", place / "after.json"


COMPARED = {
    (): ([("good bare", "good bare", 0.0, 0.0), ("bad bare", "bad bare", 9 / 15, 9 / 15)], [], []),
    ("--variant", "good bare"): ([("good bare", "good bare", 0.0, 0.0)], ["bad bare"], ["bad bare"]),
    ("--variant", "bad bare"): ([("bad bare", "bad bare", 9 / 15, 9 / 15)], ["good bare"], ["good bare"]),
    ("--variant", "bad bare=good bare"): ([("bad bare", "good bare", 9 / 15, 0.0)], ["good bare"], ["bad bare"]),
    ("--variant", "good bare=bad bare"): ([("good bare", "bad bare", 0.0, 9 / 15)], ["bad bare"], ["good bare"]),
}  # fmt: skip


@pytest.mark.parametrize("options", COMPARED, ids=str)
def test_compare_shows_only_the_named_variant(results, options):
    """The other variants of both results are listed as not compared."""
    status, out, err = command("bench", "compare", *results, *options, "--format", "json")

    assert (status, err) == (0, "")
    document = json.loads(out)
    compared = [one["compared"] for one in document["differences"]]
    variants = [
        (one["a"], one["b"], one["rate_a"], one["rate_b"]) for one in compared if one["measure"] == "format"
    ]
    assert (variants, document["unpaired_a"], document["unpaired_b"]) == COMPARED[options]


@pytest.mark.parametrize("options", COMPARED, ids=str)
def test_gate_checks_only_the_named_variant(results, options):
    """The gate fails only for a bad variant after a good one."""
    before, after = results
    status, _, err = command("bench", "compare", before, after, "--gate", *options, "--max-drop", "0")

    assert (status, err) == (int(options == ("--variant", "good bare=bad bare")), "")
