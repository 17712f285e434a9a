"""Options of `decide` on a store: the figures that each changes, and whether the next `decide` still has the change."""

import json
import shlex
import shutil

import pytest

from schema_guard import About, guard, open_store
from tests.public.clock import START, stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.desk import ITEM, lay_out, lines, tasks
from tests.public.commands.shop import PRICES, open_depot
from tests.public.decide.examples import economics
from tests.public.decide.leaves import flat
from tests.public.decide.production import DAY, Production


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The file of a store with two functions, trials, and a tuned model."""
    place = tmp_path_factory.mktemp("options")
    with stopped_clock() as clock, open_store(f"sqlite:///{place}/r.db", payload="full") as store:
        open_depot(Production(store, clock, place))
    return place / "r.db"


@pytest.fixture
def figures(recorded, folder):
    """Return a function that decides on one function of the store. It returns each figure by its place."""
    shutil.copy(recorded, folder / "r.db")
    (folder / "prices.json").write_text(json.dumps(PRICES))
    (folder / "with.json").write_text(json.dumps({"economics": economics(), "calls_per_month": 9_000}))

    def decided(options="", function="depot.pack"):
        line = f"decide --store sqlite:///r.db --function {function} --format json {options}"
        with stopped_clock(START + 60 * DAY):
            status, out, err = command(*shlex.split(line))
        assert status in (0, 1), err
        return flat(json.loads(out))

    return decided


def changed(before, after):
    """Return the sections of the verdict that differ."""
    return {key.split("/")[1] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


STORED = {
    "--max-failure-rate 40%": {"/config/target": 0.4},
    "--decline few_shot=mine": {"/ladder": ("few_shot", "declined", "mine (2026-07-27)")},
}
NOT_STORED = {
    "--min-right 90%": {"/config/right": 0.9},
    "--max-p95 100ms": {"/config/latency_p95_s": 0.1},
    "--burst-length 40": {"/config/burst_length": 40},
    "--what-if target=0.5": {"/config/target": 0.5},
    "--what-if alpha=0.2 --what-if horizon_months=3": {"/config/alpha": 0.2, "/config/horizon_months": 3},
    "--with with.json": {"/calls_per_month": 9_000},
    "--with with.json --prices prices.json": {"/calls_per_month": 9_000},
    "--with with.json --what-if calls_per_month=7": {"/calls_per_month": 7},
    "--also-version v1": {},
}


def playbook_of(found):
    numbers = {key.split("/")[2] for key in found if key.startswith("/ladder/")}
    return {
        tuple(found.get(f"/ladder/{number}/{name}") for name in ("rung", "status", "reason"))
        for number in numbers
    }


def has(found, places):
    return all(
        value in playbook_of(found) if key == "/ladder" else found[key] == value
        for key, value in places.items()
    )


@pytest.mark.parametrize("option", STORED)
def test_declared_option_is_stored(figures, option):
    """The next verdict without the option is the same, but for the source of the target."""
    before = figures()
    after = figures(option)

    assert not has(before, STORED[option])
    assert has(after, STORED[option])
    assert changed(after, figures()) <= {"target_sources"}


@pytest.mark.parametrize("option", STORED)
def test_declared_option_is_about_one_function(figures, option):
    """The verdict of another function stays the same."""
    before = figures(function="depot.sort")
    figures(option)

    assert changed(before, figures(function="depot.sort")) == set()


@pytest.mark.parametrize("option", NOT_STORED)
def test_other_option_is_not_stored(figures, option):
    """The option changes its figure for one verdict. The next one is as before."""
    before = figures()
    after = figures(option)

    assert changed(before, after) != set()
    assert has(after, NOT_STORED[option])
    assert changed(before, figures()) == set()


def test_later_declaration_replaces_the_earlier_one(figures):
    """The latest reason replaces the earlier ones."""
    figures("--decline few_shot=one")
    figures("--decline few_shot=two")
    results = [row for row in playbook_of(figures()) if row[0] == "few_shot"]

    assert results == [("few_shot", "declined", "two (2026-07-27)")]


def test_what_if_changes_a_stored_target_for_once(figures):
    """The stored target stays."""
    figures("--max-failure-rate 40%")

    assert figures("--what-if target=0.2")["/config/target"] == 0.2
    assert figures()["/config/target"] == 0.4


@pytest.mark.parametrize("form", ["text", "text --full", "json", "markdown"])
def test_output_file_has_what_stdout_had(figures, folder, form):
    """`--output` writes the same text, and prints one line."""
    line = f"decide --store sqlite:///r.db --function depot.pack --format {form}".split()
    with stopped_clock(START + 60 * DAY):
        status, out, _ = command(*line)
        written, text, _ = command(*line, "--output", "verdict.txt")

    assert (folder / "verdict.txt").read_text() == out
    assert (status, text.count("\n")) == (written, 1)


@pytest.fixture
def benched(folder):
    """A store with a function and its trials, and the result of these trials."""
    lay_out(folder)
    lines(folder / "item.jsonl", [task for task in tasks() if task["id"].startswith("i")])
    settings = {
        "name": "app.item",
        "about": About(version="1", model="m"),
        "strategy": "bare",
        "max_attempts": 1,
    }
    with open_store("sqlite:///r.db") as store:
        read = guard(ITEM, store=store, **settings)(lambda prompt: '{"a": 1, "unit": "kg"}')
        for number in range(30):
            read(f"text {number}")
    line = "bench run item.jsonl --model scripted:bad.jsonl --strategy bare,few_shot --concurrency 1 --sample all"
    status, _, err = command(
        *line.split(), "--store", "sqlite:///r.db", "--function", "app.item", "--output", "r.json"
    )
    assert status == 0, err


@pytest.mark.parametrize(
    ("option", "known"),
    [("", {}), ("--answers r.json", {"bare": [9, 5], "few_shot": [9, 7]})],
)
def test_answers_count_the_wrong_values_of_trials(benched, option, known):
    """Known answers belong to the trials of their strategy. The function in production has none."""
    line = f"decide --store sqlite:///r.db --min-right 0.5 --format json {option}"
    result = json.loads(command(*line.split())[1])["rates"]
    right = {name: rate["met"]["right"] for name, rate in result.items()}
    counts = {name: [one["n"], one["k"]] for name, one in right.items()}

    assert len(counts) == 3
    assert counts["bare max_attempts=1"] == [0, 0]
    for name, count in counts.items():
        if name != "bare max_attempts=1":
            assert count == known.get(name.split()[0], [0, 0])
