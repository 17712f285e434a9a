"""The function that makes one turn of an agent, guarded."""

import asyncio
import logging
import pickle
from types import SimpleNamespace

import pytest

from schema_guard import GuardFailed, InvalidArgument, ToolCallsFailed, guard, guard_tools, open_store
from tests.public.ext.calls.tools.replies import (
    PROVIDERS,
    anthropic,
    bedrock,
    chat,
    chat_message,
    gemini,
    responses,
)
from tests.public.ext.calls.tools.shop import FIVE, Kept, Script

NAMES = "search_orders, Refund, send_mail, track_parcel, check_stock"
GOOD = ("1", "track_parcel", {"parcel": "A"})
BAD = ("2", "track_parcel", {})
TASK = [{"role": "user", "content": "Where is it?"}]


def guarded(model, *, max_attempts=3, kept=None, **settings):
    @guard_tools(FIVE, max_attempts=max_attempts, store=kept or Kept(), name="agent", **settings)
    def turn(messages):
        return model(messages)

    return turn


def roles(messages):
    return [one.get("role") or one.get("type") for one in messages]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("calls", [(), (GOOD,), (GOOD, GOOD)])
def test_a_valid_reply_comes_back_as_it_is(provider, calls):
    """The very object that the function gave, and the function was called once with what its caller gave."""
    reply = PROVIDERS[provider](*calls, text="Wait.", finish="tool_call" if calls else "stop")
    model = Script(reply)

    assert guarded(model)(TASK) is reply
    assert model.sent[0] is TASK


def test_without_a_store_nothing_is_recorded(monkeypatch, tmp_path):
    """`store=None` also holds if the environment names a store."""
    url = f"sqlite:///{tmp_path}/records.db"
    monkeypatch.setenv("SCHEMA_GUARD_STORE", url)

    guard_tools(FIVE, store=None)(Script(chat(GOOD)))(TASK)

    with open_store(url) as store:
        store.flush(5.0)
        assert list(store.attempts()) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_failed_call_is_asked_for_again(provider):
    """With the messages that were sent, the model's turn and a result for each call; the next reply comes back."""
    made = PROVIDERS[provider]
    good = made(GOOD)
    model = Script(made(GOOD, BAD), good)

    assert guarded(model)(TASK) is good
    again = model.sent[1]
    assert again[:1] == TASK == [{"role": "user", "content": "Where is it?"}]
    text = str(again[1:])
    assert "At (root): expected property 'parcel'" in text
    assert "valid, but it was not run" in text


def test_a_result_of_each_provider_has_its_form():
    """Chat: a message of the tool's; Responses: an item; Anthropic, Gemini, Bedrock: parts of one turn of the user's."""

    def again(made):
        model = Script(made(BAD), made(GOOD))
        guarded(model)(TASK)
        return model.sent[1][1:]

    turn, result = again(chat)
    assert (turn["tool_calls"][0]["id"], result["role"], result["tool_call_id"]) == ("2", "tool", "2")
    call, output = again(responses)
    assert (call["call_id"], output["type"], output["call_id"]) == ("2", "function_call_output", "2")
    turn, results = again(anthropic)
    assert (turn["role"], results["role"], results["content"][0]["is_error"]) == ("assistant", "user", True)
    assert results["content"][0]["tool_use_id"] == "2"
    turn, results = again(gemini)
    assert turn["role"] == "model"
    assert results["parts"][0]["functionResponse"]["name"] == "track_parcel"
    turn, results = again(bedrock)
    assert results["content"][0]["toolResult"]["status"] == "error"


def test_the_models_turn_goes_back_as_it_came():
    """What the function gave is in the next messages, as the object that it is, with all that stands beside its calls."""
    reply = chat(BAD)
    model = Script(reply, chat(GOOD))

    guarded(model)(TASK)

    assert model.sent[1][1] is reply["choices"][0]["message"]


def test_what_servers_cannot_read_is_not_sent_back():
    """Arguments that are no JSON object, and names that no tool may have, would have the whole conversation refused."""
    model = Script(chat(("2", "track parcel!", '{"parcel": "A')), chat(GOOD))

    guarded(model)(TASK)

    [call] = model.sent[1][1]["tool_calls"]
    assert call["function"] == {"name": "track_parcel_", "arguments": "{}"}


def test_a_retry_does_not_grow():
    """The third prompt holds the last bad reply alone."""
    model = Script(chat(BAD), chat(BAD), chat(GOOD))

    guarded(model)(TASK)

    assert [len(sent) for sent in model.sent] == [1, 3, 3]


@pytest.mark.parametrize(
    ("made", "user"),
    [
        (chat, {"role": "user", "content": "Where?"}),
        (gemini, {"role": "user", "parts": [{"text": "Where?"}]}),
    ],
)
def test_a_text_becomes_the_users_turn(made, user):
    """A function that takes a text or messages is sent messages from the second attempt on."""
    model = Script(made(BAD), made(GOOD))

    guarded(model)("Where?")

    assert (model.sent[0], model.sent[1][0]) == ("Where?", user)


def test_a_message_alone_is_answered():
    """A function may give the message of its reply alone."""
    message, good = chat_message(BAD), chat_message(GOOD)
    model = Script(message, good)

    assert guarded(model)(TASK) is good
    assert model.sent[1][1] is message


def test_what_a_provider_threw_away_is_asked_for_again():
    """There is no call to answer: the user's turn says what was wrong."""
    thrown = {"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL"}], "usageMetadata": {}}
    model, stored = Script(thrown, gemini(GOOD)), Kept()

    guarded(model, kept=stored)(TASK)

    assert "could not read it" in model.sent[1][1]["parts"][0]["text"]
    assert stored.told == [("(no name)", True, ["provider_rejected"])]


def test_a_refusal_is_not_asked_again():
    """A filter that stopped a call is no matter of the format."""
    reply = chat(BAD)
    reply["choices"][0]["finish_reason"] = "content_filter"
    model = Script(reply)

    with pytest.raises(ToolCallsFailed) as raised:
        guarded(model)(TASK)
    assert raised.value.judgements[0][0].failure.kind == "refusal"
    assert "to ask again" not in str(raised.value)


def test_without_attempts_left_the_turn_fails():
    """The error says which calls failed and why; it has the judgements of all replies, and goes through a pickle."""
    model = Script(chat(GOOD, BAD), chat(("3", "no_such", {}), BAD))

    with pytest.raises(GuardFailed) as raised:
        guarded(model, max_attempts=2)(TASK)

    error = pickle.loads(pickle.dumps(raised.value))
    assert str(error).splitlines() == [
        "agent: 2 of 2 tool calls not valid in attempt 2 of 2",
        f"  no_such, structure unknown_tool: there is no tool 'no_such': expected one of {NAMES}",
        "  track_parcel, structure required: at (root): expected property 'parcel', got object with 0 properties",
        "  each of them: error.judgements[-1]; to retry: max_attempts=4",
    ]
    assert [[one.ok for one in judgements] for judgements in error.judgements] == [
        [True, False],
        [False, False],
    ]
    assert [attempt.failure.code for attempt in error.outcome.attempts] == ["required", "unknown_tool"]


def test_messages_keep_values_to_themselves(monkeypatch):
    """With $SCHEMA_GUARD_VALUES off the error holds no value, key or name of the reply."""
    monkeypatch.setenv("SCHEMA_GUARD_VALUES", "off")
    model = Script(
        chat(("1", "canary", {}), ("2", "check_stock", {"sku": "a", "shop": "canary", "canary": 1}))
    )

    with pytest.raises(GuardFailed) as raised:
        guarded(model, max_attempts=1)(TASK)
    assert "canary" not in str(raised.value)


def test_one_attempt_needs_no_messages():
    """A function that is never asked again may take whatever it likes."""
    reply = chat(GOOD)

    @guard_tools(FIVE, store=None)
    def turn(a, b, *, c):
        return reply

    assert turn(1, 2, c=3) is reply


def test_exceptions_pass_untouched():
    """What the function raises reaches its caller as the object that it is, in a later attempt too."""
    error, stored = KeyError("x"), Kept()

    with pytest.raises(KeyError) as raised:
        guarded(Script(chat(BAD), error), kept=stored)(TASK)

    assert raised.value is error
    assert stored.told == [("track_parcel", False, ["required"])]


def test_coroutines_and_awaitables_are_driven():
    """An `async def`, and a plain function that returns an awaitable, are retried alike."""
    model = Script(chat(BAD), chat(GOOD), chat(BAD), chat(GOOD))

    async def ask(messages):
        await asyncio.sleep(0)
        return model(messages)

    def plain(messages):
        return ask(messages)

    for function in (ask, plain):
        turn = guard_tools(FIVE, max_attempts=2, store=None, version="1")(function)
        assert asyncio.run(turn(TASK)) == chat(GOOD)
    assert asyncio.iscoroutinefunction(guard_tools(FIVE, store=None)(ask))


def test_methods_are_guarded():
    """Of instances, of classes and static ones; other arguments pass as they are."""

    class Agent:
        def __init__(self, model):
            self.model = model

        @guard_tools(FIVE, max_attempts=2, store=None, messages="history")
        def turn(self, temperature, history, *, top_p=1):
            return self.model([temperature, top_p, *history])

        @staticmethod
        @guard_tools(FIVE, store=None)
        def still(messages):
            return chat(GOOD)

    model = Script(chat(BAD), chat(GOOD))

    assert Agent(model).turn(0.5, TASK, top_p=0) == chat(GOOD) == Agent.still(TASK)
    assert [sent[:3] for sent in model.sent] == [[0.5, 0, *TASK]] * 2


def test_observing_changes_nothing():
    """A reply with calls that fail comes back as it is, once, and is recorded."""
    reply, stored = chat(GOOD, BAD), Kept()
    model = Script(reply)

    assert guarded(model, kept=stored, observe=True)(TASK) is reply
    assert [(name, ok) for name, ok, _ in stored.told] == [("track_parcel", True), ("track_parcel", False)]


def chunks(*pieces, finish="tool_calls"):
    """Give a chat completion in chunks: `(index, id, name, text)` of each piece of a call."""
    for index, key, name, text in pieces:
        called = {"index": index, "function": {"name": name, "arguments": text}}
        delta = {"tool_calls": [called if key is None else {**called, "id": key}]}
        yield {"object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": delta}]}
    if finish is not None:
        choice = {"index": 0, "delta": {}, "finish_reason": finish}
        yield {"object": "chat.completion.chunk", "model": "m", "choices": [choice]}


PIECES = (
    (0, "a", "track_parcel", '{"parcel":'),
    (0, None, None, ' "A"}'),
    (1, "b", "check_stock", '{"shop": "north"'),
)


@pytest.mark.parametrize(
    ("finish", "told"),
    [
        ("tool_calls", [("track_parcel", True, []), ("check_stock", False, ["malformed"])]),
        ("length", [("track_parcel", True, []), ("check_stock", False, ["max_tokens"])]),
        (None, []),
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
def test_streams_are_observed(finish, told, is_async):
    """Each chunk passes as it is; at the end each call is judged. A stream that broke off says nothing of them."""
    stored = Kept()
    observed = guard_tools(FIVE, observe=True, store=stored, name="agent")

    if is_async:

        @observed
        async def turn(messages):
            for chunk in chunks(*PIECES, finish=finish):
                yield chunk

        async def drain():
            return [chunk async for chunk in turn(TASK)]

        seen = asyncio.run(drain())
    else:
        seen = list(observed(lambda messages: chunks(*PIECES, finish=finish))(TASK))

    assert seen == list(chunks(*PIECES, finish=finish))
    assert stored.told == told


def test_gemini_streams_whole_calls():
    """Gemini's chunks hold calls whole, without arguments too."""
    stored = Kept()
    observed = guard_tools([{"name": "now", "parameters": None}], observe=True, store=stored)
    parts = [{"functionCall": {"name": "now"}}]
    chunk = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}], "usageMetadata": {}}

    list(observed(lambda messages: iter([chunk]))(TASK))

    assert stored.told == [("now", True, [])]


def test_streams_cannot_be_enforced():
    """Their chunks are with the caller before a call can be judged: at decoration where it shows, else at the call."""
    with pytest.raises(InvalidArgument, match="observe=True"):

        @guard_tools(FIVE)
        def turn(messages):
            yield from chunks()

    with pytest.raises(InvalidArgument, match="returns a stream"):
        guard_tools(FIVE, store=None)(lambda messages: chunks())(TASK)


@pytest.mark.parametrize("given", [None, 3, SimpleNamespace(a=1)])
def test_what_is_no_reply_is_the_functions_mistake(given):
    """A turn that gives no reply of a model is told so; where it is only observed that passes."""
    with pytest.raises(InvalidArgument, match="not a model's reply"):
        guarded(Script(given))(TASK)
    assert guarded(Script(given), observe=True)(TASK) is given


@pytest.mark.parametrize(
    "settings",
    [{"max_attempts": 0}, {"max_attempts": True}, {"name": 3}, {"store": 3}, {"messages": "no_such"}],
)
def test_wrong_settings_are_found_at_decoration(settings):
    """What cannot be meant is InvalidArgument before any call."""
    with pytest.raises(InvalidArgument):
        guard_tools(FIVE, **{"max_attempts": 2, **settings})(lambda history: None)


def test_what_is_called_inside_knows_its_turn():
    """Calls that the function makes inside have the turn as their parent, and so have the recorded calls."""
    stored, inside = Kept(), []

    @guard(True, store=None)
    def inner(prompt):
        return "1"

    def model(messages):
        inside.append(inner.outcome("t").call.parent_call_id)
        return chat(GOOD)

    guarded(model, kept=stored)(TASK)

    assert [one.call.parent_call_id for one in stored.outcomes] == inside != [None]
    assert inner.outcome("t").call.parent_call_id is None


def test_what_may_carry_the_messages_is_told_by_the_setting_that_names_it():
    """Nothing is asked for in words here, so that no parameter for these is proposed."""
    with pytest.raises(
        InvalidArgument, match=r"Name the parameter with messages=, or call it 'prompt' or 'messages'$"
    ):
        guard_tools([], store=None, max_attempts=2)(lambda one, other: None)


def test_a_fault_of_the_store_reaches_nobody(tmp_path, caplog):
    """A store that cannot be opened is one warning, and the turn goes on."""
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING, "schema_guard"):
        turn = guard_tools(FIVE, store=f"sqlite:///{tmp_path}/file/x.db")(lambda messages: chat(GOOD))
        assert turn(TASK) == chat(GOOD)
