"""Each filter of each command that reads a store, alone and with every other: how many calls are left."""

import csv
import io
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
from tests.public.decide.town import DAY, Town

FUNCTIONS, SCHEMAS, SEGMENTS = ("app.one", "app.two"), ("ticket", "label"), ("eu", "us")
TEN_DAYS = 10 * DAY


class Cell(NamedTuple):
    """Calls that are alike."""

    period: int
    function: str
    schema: str
    segment: str


CELLS = {
    Cell(*names): number
    for number, names in enumerate(itertools.product(range(3), FUNCTIONS, SCHEMAS, SEGMENTS), start=3)
}
"""No two cells have the same number of calls; the periods begin ten days apart."""


def moment(period, seconds=0.0):
    """Return the moment at which a period begins, as an option takes it."""
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
    """Yield each set of filters with these names, at most one of each name."""
    found = [one for one in FILTERS if one[0] in names]
    for size in range(len(names) + 1):
        for chosen in itertools.combinations(found, size):
            if len({name for name, _ in chosen}) == size:
                yield chosen


def left(chosen):
    """Return the cells that these filters leave, with their numbers of calls."""
    return {cell: n for cell, n in CELLS.items() if all(FILTERS[one](cell) for one in chosen)}


def added_up(cells, *names):
    """Return numbers of calls by some of a cell's names."""
    found = {}
    for cell, n in cells.items():
        key = tuple(getattr(cell, name) for name in names)
        found[key] = found.get(key, 0) + n
    return found


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A store with every cell's calls."""
    place = tmp_path_factory.mktemp("cells")
    with stopped_clock() as clock, open_store(f"sqlite:///{place}/r.db", payload="full") as store:
        town = Town(store, clock, place)
        for cell, n in CELLS.items():
            clock.now = max(clock.now, START + cell.period * TEN_DAYS)
            more = {"schema": LABEL, "good": '{"tags": ["red"]}'} if cell.schema == "label" else {}
            with tags(segment=cell.segment):
                town.calls(n, 0, name=cell.function, after_s=1.0, **more)
        return store.url


def asked(url, *arguments):
    """Return what a command on the store prints."""
    status, out, err = command(*arguments, "--store", url)
    assert status in (0, 1), err
    return out


def attempts(out, form):
    """Return the attempts in what `store export` writes."""
    if form == "csv":
        return [row for row in csv.DictReader(io.StringIO(out)) if row["record"] == "attempt"]
    return [row for row in map(json.loads, out.splitlines()) if "call_id" in row]


def ids(chosen):
    return " ".join(itertools.chain(*chosen)) or "none"


READING = list(combinations("--function", "--schema", "--segment", "--since"))


@pytest.mark.parametrize("chosen", READING, ids=ids)
def test_report_counts_what_the_filters_leave(url, chosen):
    """Each function and schema has the calls that are left, and no other one is shown."""
    found = json.loads(asked(url, "report", *itertools.chain(*chosen), "--format", "json"))["configurations"]

    assert {(one["function"], one["schema"]): one["calls"] for one in found} == added_up(
        left(chosen), "function", "schema"
    )


@pytest.mark.parametrize("by", ["function", "segment", "model", "version"])
def test_report_filters_whatever_its_rows_are(url, by):
    """All filters hold with each --by."""
    chosen = [("--function", "two"), ("--schema", "label"), ("--segment", "us"), ("--since", moment(1))]
    found = json.loads(asked(url, "report", "--by", by, *itertools.chain(*chosen), "--format", "json"))

    assert [one["calls"] for one in found["groups"]] == [sum(left(chosen).values())]


@pytest.mark.parametrize("chosen", READING, ids=ids)
def test_watch_counts_what_the_filters_leave(url, chosen):
    """Each function and schema has its own line, with the calls that are left."""
    found = json.loads(asked(url, "watch", "--slo", "0.5", *itertools.chain(*chosen), "--format", "json"))[
        "watched"
    ]

    assert {(one["function"], one["schema"]): one["n"] for one in found} == added_up(
        left(chosen), "function", "schema"
    )


@pytest.mark.parametrize("chosen", READING, ids=ids)
def test_decide_counts_what_the_filters_leave(url, chosen):
    """Each verdict is on the calls that are left."""
    found = json.loads(asked(url, "decide", *itertools.chain(*chosen), "--format", "json"))
    verdicts = found.get("verdicts", [found])

    assert {
        (one["function"], one["schema"]): (one["calls"], one["rates"]["system_prompt"]["n"])
        for one in verdicts
    } == {key: (n, n) for key, n in added_up(left(chosen), "function", "schema").items()}


@pytest.mark.parametrize(
    "chosen", list(combinations("--function", "--schema", "--since", "--until")), ids=ids
)
def test_store_export_writes_what_the_filters_leave(url, chosen):
    """A row for each attempt that is left; an empty span of time leaves none."""
    out = asked(url, "store", "export", "--format", "csv", *itertools.chain(*chosen))
    found = {}
    for row in attempts(out, "csv"):
        key = row["function"], row["schema_name"], row["segment"]
        found[key] = found.get(key, 0) + 1

    assert found == added_up(left(chosen), "function", "schema", "segment")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("name", ["function", "schema", "since", "until"])
def test_store_export_filters_in_each_form(url, name, form):
    """The file's form changes nothing in what is written."""
    (chosen,) = [one for one in FILTERS if one[0] == f"--{name}"][:1]
    out = asked(url, "store", "export", "--format", form, *chosen)

    assert len(attempts(out, form)) == sum(left([chosen]).values())


def test_store_export_takes_in_since_and_leaves_out_until(url):
    """A call at the very moment is from then on, and not from before then."""
    first = CELLS[Cell(0, "app.one", "ticket", "eu")]
    out = asked(
        url, "store", "export", "--format", "csv", "--since", moment(0, 1), "--until", moment(0, first)
    )

    assert len(attempts(out, "csv")) == first - 1


@pytest.mark.parametrize("segment", [(), *(one for one in FILTERS if one[0] == "--segment")], ids=str)
@pytest.mark.parametrize("since", [(), *(one for one in FILTERS if one[0] == "--since")], ids=str)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_export_takes_rows_of_what_the_filters_leave(url, function, since, segment):
    """A training set has a row, or a reason, for each call that is left."""
    chosen = [one for one in (since, segment) if one]
    out = asked(
        url, "export", "--schema", "ticket", "--function", function, *itertools.chain(*chosen), "-o", "set",
        "--accept-unchecked", "--base", "m9", "--min-examples", "1", "--format", "json",
    )  # fmt: skip
    manifest = json.loads(out)["manifest"]
    cells = {
        cell: n for cell, n in left(chosen).items() if (cell.function, cell.schema) == (function, "ticket")
    }

    assert sum(manifest["sources"].values()) + sum(manifest["left_out"].values()) == sum(cells.values())
    assert manifest["cost"]["calls"] == sum(manifest["sources"].values())
    assert {*manifest["segments"]} == {cell.segment for cell in cells}


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
def test_prune_takes_the_stricter_of_its_limits(url, folder, options, gone):
    """Age and number of rows hold alone, and together."""
    path = Path(url.removeprefix("sqlite:///"))
    (folder / "copy.db").write_bytes(path.read_bytes())
    with stopped_clock(START + 2 * TEN_DAYS + DAY):
        status, out, err = command("store", "prune", *options, "--store", "copy.db", "--format", "json")

    assert (status, err) == (0, "")
    found = json.loads(out)
    assert (found["removed"], found["left"]) == (gone(CELLS), sum(CELLS.values()) - gone(CELLS))


NOBODY = (
    "report --function app.none",
    "watch --slo 0.1 --function app.none",
    "decide --function app.none",
    "store export --function app.none",
    "report --schema none --segment eu",
    "watch --slo 0.1 --schema none --since 2026-01-01",
    "decide --schema none --segment eu",
    "store export --schema none --until 2027-01-01",
    "export --schema ticket --function app.none -o set",
    "export --schema ticket --function app.one --since 2999-01-01 -o set",
)


@pytest.mark.parametrize("line", NOBODY)
def test_a_name_that_is_not_recorded_is_an_error(capsys, url, line):
    """A filter that can never match is told, with exit status 2."""
    status, out, err = run(capsys, *shlex.split(line), "--store", url)

    assert (status, out) == (2, "")
    assert err.startswith("schema-guard: ")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two results with two columns each, the first with a retry and the second without."""
    place = tmp_path_factory.mktemp("results")
    lines(place / "suite.jsonl", tasks())
    lines(place / "good.jsonl", answers(wrong=("i3",)))
    lines(place / "bad.jsonl", answers(invalid={f"i{n}" for n in range(1, 13)}))
    for name, more in (("before", "2"), ("after", "1")):
        suite, good, bad = place / "suite.jsonl", place / "good.jsonl", place / "bad.jsonl"
        command(
            "bench", suite, "--model", f"scripted:{good}", "--model", f"scripted:{bad}", "--strategy", "bare",
            "--max-attempts", more, "--sample", "all", "--store", "none", "--output", place / f"{name}.json",
        )  # fmt: skip
    return place / "before.json", place / "after.json"


COMPARED = {
    (): ([("good bare", "good bare", 0.0, 0.0), ("bad bare", "bad bare", 9 / 15, 9 / 15)], [], []),
    ("--column", "good bare"): ([("good bare", "good bare", 0.0, 0.0)], ["bad bare"], ["bad bare"]),
    ("--column", "bad bare"): ([("bad bare", "bad bare", 9 / 15, 9 / 15)], ["good bare"], ["good bare"]),
    ("--column", "bad bare=good bare"): ([("bad bare", "good bare", 9 / 15, 0.0)], ["good bare"], ["bad bare"]),
    ("--column", "good bare=bad bare"): ([("good bare", "bad bare", 0.0, 9 / 15)], ["bad bare"], ["good bare"]),
}  # fmt: skip


@pytest.mark.parametrize("options", COMPARED, ids=str)
def test_compare_shows_the_column_that_is_named(results, options):
    """The other columns of both results are listed as not compared."""
    status, out, err = command("bench", "compare", *results, *options, "--format", "json")

    assert (status, err) == (0, "")
    found = json.loads(out)
    columns = [
        (one["a"], one["b"], one["format"]["rate_a"], one["format"]["rate_b"]) for one in found["columns"]
    ]
    assert (columns, found["unpaired_a"], found["unpaired_b"]) == COMPARED[options]


@pytest.mark.parametrize("options", COMPARED, ids=str)
@pytest.mark.parametrize("measure", ["valid", "right", "both"])
def test_gate_judges_the_column_that_is_named(results, options, measure):
    """Only a bad column after a good one is proved to be worse."""
    before, after = results
    status, _, err = command(
        "bench", "gate", after, "--baseline", before, *options, "--measure", measure, "--max-drop", "0"
    )

    assert (status, err) == (int(options == ("--column", "good bare=bad bare")), "")
