"""Facts that `guard(content=Content(...))` stores about the values of a call."""

import os
import threading

import pytest

from schema_guard import Content, InvalidArgument, Params, Second, guard, open_store

SCHEMA = {
    "type": "object",
    "properties": {"item": {"type": "string"}, "total": {"type": "number"}},
    "required": ["item", "total"],
}
REPLY = '{"item": "Desk", "total": 10}'


@pytest.fixture
def store(tmp_path):
    with open_store(str(tmp_path / "records.db")) as opened:
        yield opened


def rows(store, columns):
    with store.reading() as snapshot:
        return [
            tuple(row)
            for row in snapshot.connection.select(f"SELECT {columns} FROM content ORDER BY call_id")
        ]


def guarded(store, reply=REPLY, **content):
    return guard(SCHEMA, store=store, content=Content(**content), on_failure="return", max_attempts=1)(
        lambda prompt: reply
    )


def opinion(store, reply, **second):
    """Return what is stored about a second model that gives a reply, or raises it."""

    def model(prompt):
        if isinstance(reply, BaseException):
            raise reply
        return reply

    other = Second(model, **{"share": 1, **second})
    guarded(store, second_opinion=other)("A desk for 10 EUR")
    store.flush()
    assert other.flush(5) == 0
    return rows(store, "leaves, agreed, differing")


@pytest.mark.parametrize("reply", [REPLY, f"```json\n{REPLY}\n```"])
def test_counts_the_value_of_the_reply_if_the_caller_changes_it(store, reply):
    """The value is counted later, in another thread, and the caller owns the one that it got."""
    function = guarded(store, reply, grounded=True)
    for _ in range(200):
        function("A desk for 10 EUR")["item"] = "Chair"

    assert set(rows(store, "sought, grounded")) == {(2, 2)}


def test_counts_the_values_that_occur_in_the_task(store):
    """Grounding counts the values of a reply, and those that occur in the task."""
    function = guarded(store, grounded=True)
    function("A desk for 10 EUR")
    function.outcome("A chair for 10 EUR")

    assert rows(store, "sought, grounded, kinds") == [
        (2, 2, '{"number": [1, 1], "text": [1, 1]}'),
        (2, 1, '{"number": [1, 1], "text": [1, 0]}'),
    ]


def test_takes_the_source_from_a_function_of_the_arguments(store):
    """A source function gets the arguments of the call."""

    @guard(
        SCHEMA,
        store=store,
        params=Params(prompt="question"),
        content=Content(grounded=lambda question, document: document),
    )
    def extract(question, document):
        return REPLY

    extract("What is it?", "a desk for 10")

    assert rows(store, "sought, grounded") == [(2, 2)]


def test_skips_fields(store):
    """The values of a skipped field are not looked for."""
    guarded(store, grounded=True, skip_fields=["item"])("10")

    assert rows(store, "sought, grounded") == [(1, 1)]


def test_stores_nothing_about_a_failed_call(store):
    """A call without a valid value has no content."""
    guarded(store, reply="no", grounded=True)("A desk")

    assert rows(store, "*") == []


def test_a_source_function_that_raises_changes_no_call(store, caplog):
    """The call and its record stay as they are, and a warning names the exception."""

    def broken(prompt):
        raise ValueError("no such document")

    assert guarded(store, grounded=broken)("A desk") == {"item": "Desk", "total": 10}
    assert rows(store, "*") == []
    assert len(list(store.attempts())) == 1
    assert "ValueError: no such document" in caplog.text


def test_compares_with_a_second_model(store):
    """A second opinion counts the values that both models give."""
    assert opinion(store, '{"item": "desk", "total": 9}') == [(2, 1, 0.5)]


@pytest.mark.parametrize(
    "reply", ["no JSON", '{"item": 1}', TimeoutError("late")], ids=["no JSON", "invalid", "raised"]
)
def test_a_second_model_without_a_valid_reply_differs_in_all_values(store, reply):
    """A missing second reply is no selection: all values differ."""
    assert opinion(store, reply) == [(2, 0, 1.0)]


def test_asks_about_the_share_of_the_calls(store):
    """The second model is asked about a random share of the calls."""
    asked = []
    other = Second(lambda prompt: asked.append(prompt) or REPLY, share=0.2)
    function = guarded(store, second_opinion=other)
    for number in range(500):
        function(f"Desk {number}")
    store.flush()
    other.flush(10)

    assert 60 <= len(asked) <= 140
    assert rows(store, "COUNT(*), COUNT(differing)") == [(len(asked), len(asked))]


def test_sends_the_prompt_of_the_first_attempt(store):
    """The second model gets the prompt that the first model got."""
    sent = []
    other = Second(lambda prompt: sent.append(prompt) or REPLY, share=1)
    guard(SCHEMA, store=store, content=Content(second_opinion=other))(
        lambda prompt: sent.append(prompt) or REPLY
    )("A desk")
    store.flush()
    other.flush(5)

    assert len(sent) == 2
    assert sent[0] == sent[1]


class TooManyRequests(Exception):
    status_code = 429


def test_waits_after_too_many_requests(store, monkeypatch):
    """A rate limit of the second model puts its questions off, and is no opinion."""
    monkeypatch.setattr("schema_guard.ext.right.second.PAUSE_S", 0.05)
    replies = [TooManyRequests(), REPLY]

    def model(prompt):
        reply = replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    other = Second(model, share=1)
    guarded(store, second_opinion=other)("A desk for 10 EUR")
    store.flush()
    other.flush(5)

    assert rows(store, "agreed, differing") == [(2, 0.0)]


def test_stops_at_the_budget(store):
    """The second model is not asked when its budget is spent."""
    prices = {"model": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}
    other = Second(lambda prompt: REPLY, share=1, budget=0.5, prices=prices)
    other._later.spent = 1.0
    guarded(store, second_opinion=other)("A desk")
    store.flush()
    other.flush(5)

    assert rows(store, "differing") == [(None,)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_has_the_whole_budget():
    """The budget is that of a process, so what the parent has spent does not count in its child."""
    prices = {"model": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}
    other = Second(lambda prompt: REPLY, share=1, budget=0.5, prices=prices)
    other._later.spent = 1.0
    child = os.fork()
    if not child:
        os._exit(int(other._later.spent))
    _, status = os.waitpid(child, 0)

    assert (os.waitstatus_to_exitcode(status), other._later.spent) == (0, 1.0)


def test_a_budget_without_a_known_cost_allows_one_request(store, caplog):
    """A reply without token counts has no cost, so nobody knows when the budget is spent."""
    asked = []
    prices = {"model": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}
    other = Second(lambda prompt: asked.append(prompt) or REPLY, share=1, budget=0.5, prices=prices)
    function = guarded(store, second_opinion=other)
    for number in range(5):
        function(f"A desk, number {number}")
    store.flush()
    assert other.flush(5) == 0

    assert len(asked) == 1
    assert "is unknown" in caplog.text


def test_a_forked_child_waits_for_no_question_of_its_parent(store):
    """Questions belong to the process that has the thread."""
    answered = threading.Event()
    other = Second(lambda prompt: answered.wait(10) and REPLY, share=1)
    guarded(store, second_opinion=other)("A desk for 10 EUR")
    store.flush()
    child = os.fork()
    if not child:
        os._exit(other.flush(5))

    assert os.waitpid(child, 0)[1] == 0
    assert other.flush(0) == 1
    answered.set()
    assert other.flush(5) == 0


def test_refuses_a_function_that_builds_its_own_prompt():
    """No second model can get a prompt that only the function knows."""
    with pytest.raises(InvalidArgument, match="builds its own prompt"):

        @guard(SCHEMA, content=Content(second_opinion=Second(lambda prompt: REPLY)))
        def extract(text: str, instructions: str) -> str:
            return REPLY


@pytest.mark.parametrize("share", [0, 1.5, True, "5%"])
def test_refuses_a_share_outside_of_its_range(share):
    """A share is a number above 0, and at most 1."""
    with pytest.raises(InvalidArgument, match="expected a number > 0 and <= 1"):
        Second(lambda prompt: REPLY, share=share)


def texts(tmp_path, *policies):
    """Return the stored texts of calls of which every second one is drawn, under some policies of one file."""
    path = str(tmp_path / "texts.db")
    stores = [open_store(path, payload=policy) for policy in policies]
    other = Second(lambda prompt: '{"item": "mail ann@corp.com", "total": 10}', share=0.5)
    function = guarded(stores[0], second_opinion=other)
    for number in range(20):
        function(f"Desk {number} of ann@corp.com")
    stores[0].flush()
    other.flush(5)
    calls = [row["call_id"] for row in stores[0].attempts()]
    stored = stores[0].texts(calls), rows(stores[0], "second_reply")
    for each in stores:
        each.close()
    return other, calls, stored


def test_stores_the_texts_of_calls_with_a_second_opinion(tmp_path):
    """With `payload="second_opinion"`, only the calls that were drawn have texts."""
    other, calls, (stored, replies) = texts(tmp_path, "second_opinion")

    assert {one.call_id for one in stored} == {call_id for call_id in calls if other.draws(call_id)}
    assert all(one.reply == REPLY for one in stored)
    assert all(b"ann@corp.com" in reply for (reply,) in replies)


def test_redacts_these_texts_if_another_store_of_the_file_redacts(tmp_path):
    """Of two stores of a file, one that redacts and one that stores few texts, both apply."""
    _, calls, (stored, replies) = texts(tmp_path, "second_opinion", "redacted")

    assert 0 < len(stored) < len(calls)
    assert not [one for one in stored if "ann@corp.com" in str(one.prompt)]
    assert not [reply for (reply,) in replies if b"ann@corp.com" in reply]


def test_deleting_a_call_deletes_its_second_reply(tmp_path):
    """The counts of the content stay, and its text goes."""
    from schema_guard.records import Retention

    texts(tmp_path, "second_opinion")
    with open_store(str(tmp_path / "texts.db")) as store:
        store.prune(Retention(max_rows=0))

        assert {row[0] for row in rows(store, "second_reply")} == {None}
        assert all(row[0] is not None for row in rows(store, "differing"))
