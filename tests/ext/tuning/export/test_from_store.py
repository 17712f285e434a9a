"""Which recorded calls become rows, as what, and why the others do not."""

import datetime as dt
import json

import pytest
from pydantic import BaseModel

from schema_guard import About, Content, Schema, Second, guard, open_store
from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.export.from_store import StoredCall, _refused, from_store, stored_calls
from schema_guard.ext.tuning.export.served_prompt import recorded_task
from schema_guard.ext.tuning.export.values import ExportSettings
from schema_guard.records.attempts import Where
from schema_guard.records.payloads.texts import Texts, Touched
from tests.ext.tuning.export.rows import TICKET, looks, recorded

SCHEMA = Schema.of(TICKET)
GOOD, BAD = '{"team": "billing"}', '{"team": "sales"}'


def gathered(store, corrected=None, **settings):
    result = from_store(stored_calls(store, Where()), SCHEMA, ExportSettings(**settings), corrected or {})
    store.close()
    return result


def test_a_valid_answer_that_a_check_has_passed_is_checked(tmp_path):
    """The settings of a call say whether a value had to pass a check of the user's."""
    (row,) = gathered(recorded(tmp_path / "r.db", [[f"Here:\n{GOOD}"]])).rows

    assert (row.source, row.answer, row.failure) == ("checked", {"team": "billing"}, None)


def test_an_answer_that_a_second_model_repeats_is_agreed(tmp_path):
    """All values of the second opinion must be the same."""
    store = open_store(str(tmp_path / "r.db"), payload="full")
    replies = {"a": GOOD, "b": '{"team": "shipping"}'}
    second = Second(lambda prompt: replies[prompt[-1]], share=1)
    ask = guard(TICKET, store=store, name="ask", content=Content(second_opinion=second))(lambda prompt: GOOD)
    for name in replies:
        ask(f"To: billing {name}")
    store.flush()
    assert second.flush(5) == 0
    result = gathered(store)

    assert [(row.source, row.text[-1]) for row in result.rows] == [("agreed", "a")]
    assert [why for why in result.left_out if why.startswith("valid, with unchecked")]


def test_an_answer_that_nobody_has_looked_at_is_left_out_unless_it_is_asked_for(tmp_path):
    """Valid is not right; of the model that is to be tuned it is never taken."""
    result = gathered(recorded(tmp_path / "r.db", [[GOOD]], checks=[]))
    assert not result.rows
    assert [why for why in result.left_out if why.startswith("valid, with unchecked")]

    for model, taken in (("large", 1), ("small-2026-01-02", 0), (None, 0)):
        store = recorded(
            tmp_path / f"{model}.db", [[GOOD]], checks=[], about=About(version="v1", model=model)
        )
        result = gathered(store, accept_unchecked=True, base="openai:small")
        assert [row.source for row in result.rows] == ["valid"] * taken


@pytest.mark.parametrize(
    ("model", "base", "is_base"),
    [
        ("small", "http://127.0.0.1:8000/v1#small", True),
        ("accounts/us/models/Small", "small", True),
        ("ft:small:us::7", "small", True),
        ("large>small", "small", True),
        ("smaller", "small", False),
    ],
)
def test_the_model_that_is_to_be_tuned_is_known_by_every_name(model, base, is_base):
    """Whoever serves it, on whichever day, and when it is tuned already."""
    settings = ExportSettings(accept_unchecked=True, base=base)

    assert bool(_refused({"reply_model": None, "model": model}, settings)) == is_base


@pytest.mark.parametrize(
    ("replies", "settings", "reason"),
    [
        ([BAD, BAD, BAD], {}, "no attempt was valid"),
        (['{"team": "billing"'], {"repair": "lossy"}, "a repair invented or removed a part of the answer"),
    ],
)
def test_what_no_model_gave_is_left_out(tmp_path, replies, settings, reason):
    """The reason is counted, and a person can still answer the input."""
    result = gathered(recorded(tmp_path / "r.db", [replies], **settings))

    assert not result.rows
    assert [why.startswith(reason) for why in result.left_out] == [True]
    assert [one.text for one in result.open] == ["Ticket 0 the parcel never came to Oslo"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"gateway_repaired": True}, "a gateway may have repaired the reply"),
        ({"stopped_at": 7}, "its reply was stopped early"),
        ({"schema_fingerprint": "0" * 16}, "recorded with another version of the schema"),
        ({"kind": "transport"}, "no model reply"),
    ],
)
def test_what_records_say_of_a_reply_leaves_it_out(tmp_path, changed, reason):
    """Gateway-repaired, early-stopped, and lost replies are none that a model gave whole."""
    store = recorded(tmp_path / "r.db", [[GOOD]])
    (call,) = stored_calls(store, Where())
    store.close()
    attempts = [{**attempt, **changed} for attempt in call.attempts]

    result = from_store([StoredCall(attempts, call.texts)], SCHEMA, ExportSettings(), {})

    assert not result.rows
    assert [why.startswith(reason) for why in result.left_out] == [True]


class Parcel(BaseModel):
    number: int
    due: dt.date | None = None


def converted(tmp_path, typed):
    """The rows of a call whose reply the type converted."""
    with open_store(f"{tmp_path}/r.db", payload="full") as store:
        read = guard(Parcel, store=store, checks=[looks])(lambda prompt: '{"number": "7", "due": 0}')
        read("Ticket 7")
        store.flush(10)
        settings = ExportSettings(typed=typed)
        return from_store(stored_calls(store, Where()), Schema.of(Schema.of(Parcel).document), settings, {})


def test_a_converted_reply_is_exported_as_its_type_writes_it(tmp_path):
    """The training set holds a valid value, not the value that had to be converted."""
    (row,) = converted(tmp_path, Schema.of(Parcel)).rows

    assert row.answer == {"number": 7, "due": "1970-01-01"}


def test_a_converted_reply_is_left_out_without_its_type(tmp_path):
    """A schema file does not say what the type made of a reply."""
    result = converted(tmp_path, None)

    assert not result.rows
    assert list(result.left_out) == ["the type converted the reply; name the type with --schema module:Model"]


def test_without_texts_there_is_one_sentence_what_to_switch_on(tmp_path):
    """A store that keeps no text has none to train on."""
    result = gathered(recorded(tmp_path / "r.db", [[GOOD]], payload="hash"))

    assert dict(result.left_out) == {"its text isn't stored. Record with payload='full' or 'redacted'": 1}


MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Ticket 9 to Graz"}]


@pytest.mark.parametrize("strategy", ["bare", "system_prompt"])
@pytest.mark.parametrize("task", ["Ticket 9 to Graz", MESSAGES], ids=["a text", "messages"])
def test_a_row_asks_as_a_tuned_guard_asks(tmp_path, task, strategy):
    """Its messages are byte for byte what is sent at attempt 1, however the recorded call was asked."""
    sent = []

    def tuned(prompt):
        sent.append(prompt)
        return GOOD

    guard(TICKET, strategy=strategy, about=About(tuned=True), store=None)(tuned).outcome(task)
    expected = [{"role": "user", "content": sent[0]}] if isinstance(sent[0], str) else list(sent[0])
    for asked in ("bare", "system_prompt", "few_shot"):
        store = recorded(
            tmp_path / f"{asked}.db",
            [[GOOD]],
            tasks=[task],
            strategy=asked,
            examples=[(None, {"team": "billing"})],
        )
        (row,) = gathered(store, strategy=strategy).rows
        assert list(row.messages) == expected


def own(path, **settings):
    """A function that builds its own prompt, recorded."""
    store = open_store(str(path), payload="full")

    @guard(TICKET, name="app.own", store=store, checks=[looks], **settings)
    def extract(ticket: str, *, instructions: str = ""):
        return GOOD

    extract("Ticket 3")
    store.flush()
    return store


@pytest.mark.parametrize("settings", [{}, {"strategy": "bare"}, {"observe": True}], ids=str)
def test_a_function_that_builds_its_own_prompt_says_itself_what_it_sends(tmp_path, settings):
    """Nobody knows it otherwise, and nothing is made up."""
    result = gathered(own(tmp_path / "r.db", **settings))
    assert not result.rows
    assert "1 calls come from a function that builds its own prompt" in result.notes[0]

    (row,) = gathered(own(tmp_path / "p.db", **settings), prompt_from=lambda task: f"Sort: {task}").rows
    assert row.text == "Sort: Ticket 3"
    with pytest.raises(
        InvalidArgument,
        match=r"--prompt-from: expected a function that returns a str or a list of messages, got None",
    ):
        gathered(own(tmp_path / "n.db", **settings), prompt_from=lambda task: None)
    with pytest.raises(
        InvalidArgument, match=r"^--prompt-from: the function raised ZeroDivisionError for the stored task '"
    ):
        gathered(own(tmp_path / "z.db", **settings), prompt_from=lambda task: 1 / 0)


def test_a_call_without_a_task_is_given_back_as_its_arguments():
    """Where no parameter carries a task its arguments are kept, and the user's function is called with them."""
    row = {"settings": "{}", "strategy": "system_prompt"}
    texts = Texts("c", 1, prompt="Format.", task=json.dumps([[7], {"town": "Graz"}]))

    assert recorded_task(texts, row, lambda number, town: f"{number} to {town}") == "7 to Graz"


def test_prompt_without_a_format_is_the_task():
    """Redaction can drop the task of a row. The prompt is the task if the strategy adds no format."""
    texts = Texts("c", 1, prompt="Ticket 3")

    assert recorded_task(texts, {"settings": "{}", "strategy": "bare"}, None) == "Ticket 3"
    for who in ("recorder", "imported"):
        seen = {"settings": f'{{"observe":true,"{who}":"x"}}', "strategy": "strict_schema"}
        assert recorded_task(texts, seen, None) == "Ticket 3"
    assert "only the prompt with the format is stored" in recorded_task(
        texts, {"settings": "{}", "strategy": "system_prompt"}, None
    )


def test_a_redacted_answer_and_what_it_repeats_of_a_redacted_input_are_left_out(tmp_path):
    """A model would learn to answer with the mark."""
    mail = '{"team": "billing", "mail": "%s"}'
    replies = [[mail % "ann@corp.com"], [mail % "redacted@example.com"], [GOOD]]
    tasks = ["Of ann@corp.com, lost", "Of bob@corp.com, broken", "Of eve@corp.com, late"]

    result = gathered(recorded(tmp_path / "r.db", replies, payload="redacted", tasks=tasks))

    assert [row.text for row in result.rows] == ["Of redacted@example.com, late"]
    assert dict(result.left_out) == {
        "the redaction changed the answer, or a part of the input that the answer repeats": 2
    }


def test_a_persons_answer_to_a_redacted_input_holds_nothing_that_is_redacted(tmp_path):
    """What the store does not hold comes into no file by the answers either."""
    store = recorded(tmp_path / "r.db", [[BAD] * 3], payload="redacted", tasks=["Of ann@corp.com"])
    ((attempt, *_),) = [call.attempts for call in stored_calls(store, Where())]

    result = gathered(
        store, {attempt["call_id"]: ({"team": "billing", "mail": "ann@corp.com"}, "answers, line 1")}
    )

    assert not result.rows


def test_a_text_with_more_touched_places_than_are_kept_is_left_out(tmp_path):
    """Nobody knows where the others are."""
    store = recorded(tmp_path / "r.db", [[GOOD]])
    (call,) = stored_calls(store, Where())
    store.close()
    texts = [Texts("c", 1, prompt=call.texts[0].prompt, reply=GOOD, task=call.texts[0].task,
                   touched=tuple(Touched("prompt", "", "email", 0, 1) for _ in range(1_000)))]  # fmt: skip

    assert not from_store([StoredCall(call.attempts, texts)], SCHEMA, ExportSettings(), {}).rows
