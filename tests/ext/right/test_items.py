"""`Content(items=...)`: a list that is shorter than its source is a failed attempt."""

import json

import pytest

from schema_guard import Content, GuardFailed, InvalidArgument, guard, open_store
from schema_guard.cli.command import main
from schema_guard.ext.right.items import Items, table_rows

LIST = {"title": "rows", "type": "array", "items": {"type": "object"}}
TASK = "List the items:\n- desk\n- lamp\n- shelf\n"


def rows(*names):
    return json.dumps([{"item": name} for name in names])


def outcome_of(*replies, task=TASK, schema=LIST, **settings):
    """Return the outcome of a call with these replies."""
    value = iter(replies)

    @guard(schema, store=None, name="ask", max_attempts=len(replies), on_failure="return", **settings)
    def ask(prompt, count=3):
        return next(value)

    return ask.outcome(task)


def test_a_short_list_is_retried_with_the_missing_number():
    """The correction names both numbers, and no value."""
    outcome = outcome_of(
        rows("desk", "lamp"), rows("desk", "lamp", "shelf"), content=Content(items=Items(r"^- "))
    )
    failure = outcome.attempts[0].failure

    assert (failure.kind, failure.code) == ("semantic", "incomplete")
    assert len(outcome.value) == 3
    assert (
        "The check 'incomplete' refused it: the list has 2 distinct rows, and the source has 3: add the missing ones"
        in outcome.attempts[1].prompt
    )


def test_equal_rows_count_once():
    """A model that repeats a row has not found another one."""
    outcome = outcome_of(rows("desk", "lamp", "lamp"), content=Content(items=Items(3)))

    assert not outcome.ok


def test_a_longer_list_is_complete():
    """The counter is a lower bound."""
    assert outcome_of(rows("a", "b", "c", "d"), content=Content(items=Items(3))).ok


def test_a_function_gets_the_arguments_of_the_call():
    """The caller may know the number."""
    replies = iter([rows("a"), rows("a", "b")])

    @guard(LIST, store=None, max_attempts=2, content=Content(items=Items(lambda prompt, count: count)))
    def ask(prompt, count):
        return next(replies)

    assert len(ask("task", 2)) == 2


def test_each_call_has_its_own_number():
    """The number of one call is not that of the next one."""

    @guard(LIST, store=None, max_attempts=1, content=Content(items=Items(table_rows)))
    def ask(prompt):
        return rows("a", "b")

    assert len(ask("x | y\n1 | 2\n3 | 4")) == 2
    with pytest.raises(GuardFailed, match="the list has 2 distinct rows, and the source has 3"):
        ask("x | y\n1 | 2\n3 | 4\n5 | 6")


def test_a_list_inside_the_value_is_found():
    """Without a pointer, it is the only list of the object. With one, the list at this place."""
    assert Items(2).distinct({"lines": [1, 2]}) == 2
    assert Items(2).distinct({"lines": [1, 2], "tags": []}) is None
    assert Items(2, at="/a/lines").distinct({"a": {"lines": [1, 1]}, "tags": []}) == 1


def test_items_is_a_check_too():
    """`checks=` takes it as `content=` does."""
    assert not outcome_of(rows("desk"), checks=[Items(r"^- ")]).ok


def test_an_observed_call_is_not_retried():
    """Observation records the failure, and returns what the function returned."""

    @guard(LIST, store=None, observe=True, content=Content(items=Items(3)))
    def ask(prompt):
        return rows("a")

    assert ask("task") == rows("a")
    assert ask.outcome("task").failure.code == "incomplete"


@pytest.mark.parametrize("counter", [None, True, 2.5, "("])
def test_a_wrong_counter_is_refused(counter):
    """A counter is a number, a regular expression, or a function."""
    with pytest.raises(InvalidArgument, match=r"^content\.items\.counter="):
        Items(counter)


def test_items_must_be_items():
    """Another value is refused at once."""
    with pytest.raises(InvalidArgument, match=r"content\.items=3: expected Items\(counter\) or None"):
        Content(items=3)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("| item | price |\n|---|---|\n| desk | 90 |\n| lamp | 20 |", 2),
        ("a\tb\n1\t2\n\nNo table.\nc | d\n3 | 4", 2),
        ("no table | here", 0),
        ("", 0),
    ],
)
def test_rows_of_tables_are_counted(text, count):
    """Headers and lines of dashes don't count, and a line alone is no table."""
    assert table_rows(text) == count


@pytest.fixture
def listed(tmp_path):
    """Return a store with complete lists of short sources, and a failed call with a short list."""
    store = open_store(str(tmp_path / "records.db"))

    @guard(
        LIST,
        store=store,
        name="ask",
        max_attempts=1,
        on_failure="return",
        content=Content(items=Items(r"^- ")),
    )
    def ask(prompt, found):
        return rows(*range(found))

    for length, found in ((3, 3), (3, 3), (200, 50)):
        ask("\n".join(f"- {number}" for number in range(length)), found)
    store.flush()
    return store


def test_the_report_shows_the_length_of_lists_against_the_length_of_their_source(listed, capsys):
    """A model that stops early fails for long sources, whatever its rate for all calls is."""
    assert main(["report", "--store", listed.url]) == 0

    text = " ".join(capsys.readouterr().out.split())
    assert (
        "lists: share of the rows that the last reply has: 100% of sources with 1 to 10 rows (2 calls), "
        "25% of sources with 101 to 1,000 rows (1 call)"
    ) in text


def test_a_failed_call_has_no_opinion_and_no_grounding(listed):
    """The rows of a list alone don't count as a checked value."""
    (configuration,) = listed.configurations()
    content = listed.content([configuration.id])

    assert (content["values"], content["opinions"]) == (0, 0)
