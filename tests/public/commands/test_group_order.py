"""The groups of `report`, and the lines of `watch` and `decide`: what each contains, and which comes first."""

import itertools
import json
import random
import re
import shutil

import pytest

from schema_guard import open_store, tags
from tests.public.clock import START, stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.shop import FENCED, LABEL, TAGGED, paid
from tests.public.decide.production import CUT_OFF, DAY, ENUM, GOOD, PATTERN, REFUSED, SHAPE, Production
from tests.public.golden import expected, normalized, wrapped_json

# Calls and failed calls of each segment. No two have the same proved rate.
SEGMENTS = {
    "certain": (600, 300),
    "likely": (60, 36),
    "few": (3, 3),
    "rare": (400, 8),
    "never": (300, 0),
    "one": (1, 0),
    "single": (1, 1),
}
SINCE = ("2026-06-01", "2026-06-03T00:00", "2026-06-20")
BY = ("function", "segment", "model", "version")


def fill(production):
    """Record three functions with several segments, models, versions, and kinds of failures."""
    names = [*SEGMENTS]
    random.Random(5).shuffle(names)
    for name in names:
        calls, failed = SEGMENTS[name]
        with tags(segment=name):
            production.calls(failed, 1, SHAPE, ENUM, PATTERN, good=paid(GOOD), after_s=300.0, name="app.sort")
            production.calls(calls - failed, 0, good=paid(GOOD), after_s=300.0, name="app.sort")
    production.takes_s = 2.0
    for version, model, every, bad in (
        ("v1", "m1", 4, CUT_OFF),
        ("v2", "m1", 9, REFUSED),
        ("v2", "m2", 30, "no JSON"),
        ("v3", "m2", 0, SHAPE),
    ):
        settings = {"name": "app.read", "version": version, "model": model, "good": FENCED, "max_attempts": 2}
        production.calls(90, every, bad, retries=True, after_s=600.0, **settings)
    production.calls(30, 0, name="app.read", version="v3", model="m2", raises=KeyError("code"))
    production.calls(
        50, 5, '{"tags": []}', name="app.label", schema=LABEL, good=TAGGED, model="m3", after_s=60.0
    )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The file of a store with these calls."""
    place = tmp_path_factory.mktemp("groups")
    with stopped_clock() as clock, open_store(f"sqlite:///{place}/r.db", payload="full") as store:
        fill(Production(store, clock, place))
    return place / "r.db"


@pytest.fixture
def read(recorded, folder):
    """Return a function that runs a command on a copy of the store."""
    shutil.copy(recorded, folder / "r.db")

    def run(line, form="json"):
        with stopped_clock(START + 40 * DAY):
            status, out, err = command(*line.split(), "--store", "sqlite:///r.db", "--format", form)
        assert status in (0, 1), err
        return json.loads(out) if form == "json" else out

    return run


FILTERS = (
    "",
    "--segment certain",
    "--segment rare",
    "--function app.read",
    "--schema label",
    *(f"--since {since}" for since in SINCE),
)
REPORTS = [f"report --by {by} {more}".strip() for by, more in itertools.product(BY, FILTERS)]


@pytest.mark.parametrize("line", REPORTS)
def test_whole_report_matches_the_recording(read, folder, line):
    """Each figure of each group equals the recorded one."""
    text = normalized(wrapped_json(read(line)) + "\n", folder)
    name = re.sub(r"\W+", "_", line)
    base = re.sub(r"report_by_[a-z]+", "report_by_function", name)
    base = "report_by_function" if base == name else base

    assert text == expected(
        f"commands/groups/{name}.json", text, f"commands/groups/{base}.json" if base != name else None
    )


def proved(group):
    """Return the failure rate that is proved, then the measured one."""
    return group["failed"]["lower"], group["failed"]["rate"]


@pytest.mark.parametrize("line", REPORTS)
def test_worst_group_comes_first(read, line):
    """The groups of each schema are in the order of the failure rate that is proved."""
    groups = read(line)["groups"]
    for _, same in itertools.groupby(groups, key=lambda group: group["schema_fingerprint"]):
        rates = [proved(group)[0] for group in same]
        assert rates == sorted(rates, reverse=True)


def test_order_is_by_what_is_proved_and_not_by_the_rate(read):
    """Three failures of three calls come after 300 failures of 600 calls, because less is proved."""
    results = [group["segment"] for group in read("report --by segment --function app.sort")["groups"]]

    assert results[:5] == ["certain", "likely", "few", "single", "rare"]
    assert {*results[5:]} == {"never", "one"}


@pytest.mark.parametrize("form", ["text", "markdown"])
@pytest.mark.parametrize("by", BY)
def test_each_form_has_the_order_of_the_json(read, by, form):
    """The rows of a table come in the order of the groups."""
    groups = read(f"report --by {by} --function app.sort")["groups"]
    lines = read(f"report --by {by} --function app.sort", form).splitlines()
    names = [str(group[by]) for group in groups]
    rows = [
        word
        for line in lines
        if re.search(r"\[\d", line)
        for word in re.findall(r"[\w.]+", line)[:2]
        if word in names
    ]

    assert [*dict.fromkeys(rows)] == names


# Calls, failed calls, and calls that raise, of each function. The worst one comes first with a limit of 10%.
WORST_FIRST = {
    "app.awful": (300, 300, 0), "app.bad": (300, 120, 0), "app.above": (300, 60, 0), "app.raises": (100, 0, 40),
    "app.unclear": (200, 16, 0), "app.some": (40, 1, 0), "app.few": (3, 0, 0), "app.below": (600, 12, 0), "app.fine": (600, 0, 0),
}  # fmt: skip


@pytest.fixture
def ranked(folder):
    """A store with these functions, in another order."""
    with stopped_clock() as clock, open_store("sqlite:///r.db") as store:
        production = Production(store, clock, folder)
        for name in sorted(WORST_FIRST):
            calls, failed, raised = WORST_FIRST[name]
            settings = {"name": name, "after_s": 60.0}
            production.calls(calls, calls // failed if failed else 0, **settings)
            production.calls(raised, 0, raises=KeyError("code"), **settings)
    with stopped_clock(START + 40 * DAY):
        yield


@pytest.mark.parametrize("line", ["watch --max-failure-rate 0.1", "decide", "report"])
def test_functions_come_worst_first(ranked, folder, line):
    """Functions with something proved to be wrong come first, then the others by the proved rate."""
    document = json.loads(command(*line.split(), "--store", "sqlite:///r.db", "--format", "json")[1])
    rows = [
        [
            one["function"],
            one.get("state", one.get("verdict", "")),
            one.get("exit_code"),
            len(one.get("breaches", [])),
        ]
        for one in document.get("watched") or document.get("verdicts") or document["groups"]
    ]
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    text += command(*line.split(), "--store", "sqlite:///r.db")[1]
    text = normalized(text, folder)

    assert text == expected(f"commands/groups/order_of_{line.split()[0]}.txt", text)
