"""If a filter leaves no calls, each command reports the calls that it leaves out. It never answers as if there were none."""

import json
from contextlib import suppress

import pytest

from schema_guard import guard, open_store
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command

TICKET = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"enum": ["a", "b"]}},
    "required": ["team"],
}
LATER, EARLIER = "2999-01-01", "2020-01-01"
BEFORE, AFTER = (
    "no calls since 2999-01-01 00:00 UTC, but 30 earlier calls are recorded",
    "30 later calls are recorded",
)


@pytest.fixture
def url(tmp_path):
    """A store with thirty calls of one function."""
    with stopped_clock(), open_store(f"sqlite:///{tmp_path}/records.db") as store:
        ask = guard(TICKET, store=store, name="shop.extract")(lambda text: '{"team": "a"}')
        for number in range(30):
            ask(f"ticket {number}")
    return store.url


def run(url, *arguments):
    return command(*arguments, "--store", url)


def test_report_counts_the_calls_before(url):
    """The title has the count, and exit status 0 means that the report is shown."""
    status, out, _ = run(url, "report", "--since", LATER)

    assert (status, out.splitlines()[0]) == (0, BEFORE)


def test_report_counts_the_calls_after(url):
    """The title names every filter."""
    out = run(url, "report", "--until", EARLIER, "--function", "extract", "--schema", "ticket")[1]

    assert out.startswith(
        f"no calls of schema 'ticket' of function 'extract' before {EARLIER} 00:00 UTC, but {AFTER}"
    )


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_report_counts_the_calls_in_each_form(url, form):
    """A page and a Markdown document have the same title."""
    assert BEFORE in run(url, "report", "--since", LATER, "--format", form)[1]


def test_report_counts_the_calls_in_json(url):
    """JSON has the sentence under `nothing`, which is null if there are calls."""
    empty, full = (
        json.loads(run(url, "report", *more, "--format", "json")[1]) for more in (["--since", LATER], [])
    )

    assert (empty["nothing"], full["nothing"]) == (BEFORE, None)


@pytest.mark.parametrize("asked", [["decide"], ["watch", "--max-failure-rate", "1%"]])
def test_other_commands_count_the_calls_and_exit_2(url, asked):
    """Without a call there is no verdict."""
    status, out, err = run(url, *asked, "--since", LATER)

    assert (status, out, BEFORE in err) == (2, "", True)


@pytest.fixture
def down(url):
    """The same store with a second function, of which all calls timed out."""

    def time_out(text):
        raise TimeoutError("down")

    with stopped_clock(), open_store(url) as store:
        ask = guard(TICKET, store=store, name="shop.down")(time_out)
        for number in range(5):
            with suppress(TimeoutError):
                ask(f"ticket {number}")
    return url


@pytest.mark.parametrize("asked", [["decide"], ["watch", "--max-failure-rate", "1%"]])
def test_a_function_that_got_no_reply_is_recorded(down, asked):
    """The calls are recorded. None of them was validated."""
    status, out, err = run(down, *asked, "--function", "shop.down")

    assert (status, out) == (2, "")
    assert "no validated calls of function 'shop.down' are recorded" in err


@pytest.mark.parametrize("asked", [["decide"], ["watch", "--max-failure-rate", "1%"]])
def test_calls_that_got_no_reply_since_a_day_are_recorded(down, asked):
    """The function has calls since that day, and all of them timed out."""
    status, out, err = run(down, *asked, "--function", "shop.down", "--since", EARLIER)

    assert (status, out) == (2, "")
    assert (
        f"no validated calls of function 'shop.down' since {EARLIER} 00:00 UTC, and none are recorded" in err
    )


@needs("transfer")
def test_export_counts_the_calls_on_stderr(url):
    """The file is empty, and the reason is beside it."""
    status, _, err = run(url, "store", "export", "--since", LATER)

    assert (status, BEFORE in err) == (0, True)


@pytest.mark.parametrize(
    "which", [["--function", "typo"], ["--segment", "typo"], ["--schema", "typo"], ["--since", LATER]]
)
def test_watch_exits_2_unless_it_may_be_empty(url, which):
    """A typo in a cron job is not a good result."""
    asked = ["watch", "--max-failure-rate", "1%", *which]

    assert run(url, *asked)[0] == 2
    status, out, err = run(url, *asked, "--allow-empty")
    assert (status, out) == (0, "")
    assert "recorded" in err


def test_watch_of_an_empty_store_exits_2_unless_it_may_be_empty(tmp_path):
    """A store that does not exist yet is a result only with --allow-empty."""
    url = f"sqlite:///{tmp_path}/none.db"

    assert run(url, "watch", "--max-failure-rate", "1%")[0] == 2
    assert run(url, "watch", "--max-failure-rate", "1%", "--allow-empty")[0] == 0


def test_watch_reports_a_breach_although_it_may_be_empty(tmp_path):
    """--allow-empty hides no failure."""
    with open_store(f"sqlite:///{tmp_path}/records.db") as store:
        ask = guard(TICKET, store=store, name="shop.extract", on_failure="return", max_attempts=1)(
            lambda text: "{}"
        )
        for number in range(30):
            ask(f"ticket {number}")

    assert run(store.url, "watch", "--max-failure-rate", "1%", "--allow-empty")[0] == 1


@pytest.mark.parametrize(
    "which",
    [
        ["--older-than", "9999d"], ["--max-rows", "1m"], ["--call", "typo"], ["--input", "typo"],
        ["--input-hash", "typo"], ["--cluster", "typo"], ["--segment", "typo"], ["--function", "typo"],
        ["--function", "typo", "--counts"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("more", [["--yes"], ["--dry-run"], ["--yes", "--format", "json"]])
def test_a_deletion_that_matches_nothing_exits_2(url, which, more):
    """A request to delete the records of a customer is not fulfilled by a typo."""
    status, out, err = run(url, "store", "delete", *which, *more)

    assert (status, out) == (2, "")
    assert err.startswith(("schema-guard: no", "schema-guard: sqlite", "schema-guard: postgresql"))
