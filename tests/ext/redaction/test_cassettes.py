"""Facts about cassettes: what is kept of a call, and what is given again."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import About, CallFailed, GuardFailed, Usage, guard
from schema_guard.ext.redaction import redact
from schema_guard.records import identity
from schema_guard.testing import ReplayError, ScriptedModel, recording, replaying
from schema_guard.testing.cassettes import file_name
from tests.public.calls import wire

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 1}'
BAD = '{"total": "x"}'
KEY = "sk-proj-abcdefghijklmnop1234"
COUNTED = {
    "reply": GOOD,
    "finish_reason": "stop",
    "usage": {"input_tokens": 7, "output_tokens": 3, "cached_input_tokens": 2, "reasoning_tokens": 1},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "cassette.json"


@pytest.fixture
def replay(path):
    """Answer from the cassette, and let nothing be left."""

    def run(function, *arguments, **settings):
        with replaying(path, **settings) as left:
            result = function(*arguments)
        assert left == []
        return result

    return run


def record(path, function, *arguments, **settings):
    with recording(path, **settings):
        return function(*arguments)


def unreachable(prompt: str):
    pytest.fail("the model was called")


def scripted(replies):
    """A guarded function and its model."""
    model = ScriptedModel(replies)

    @guard(TOTAL, name="extract", store=None)
    def extract(prompt: str):
        return model(prompt)

    return extract, model


def essence(outcome):
    """What a replay keeps: all but the times, and the id of the call."""
    attempts = [attempt._replace(elapsed_s=0.0) for attempt in outcome.attempts]
    return outcome.ok, outcome.value, attempts, outcome.failure, outcome.usage, outcome.call.model


def calls_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["calls"]


# What is given again.


@pytest.mark.parametrize(
    "replies",
    [
        [GOOD],
        [BAD, GOOD],
        ["no json", BAD, "{"],
        [COUNTED],
        [{"reply": '{"total', "finish_reason": "length"}],
        [{"reply": "I cannot.", "finish_reason": "refusal"}],
        [{"reply": "", "finish_reason": "content_filter"}],
        [""] * 3,
    ],
    ids=lambda replies: str(replies)[:40],
)
def test_a_replayed_outcome_is_the_recorded_one(path, replay, replies):
    """Attempts, failures, finish reasons and usage come again; the model is not called."""
    extract, model = scripted(replies)
    first = record(path, extract.outcome, "Invoice 1")
    asked = len(model.asked)

    again = replay(extract.outcome, "Invoice 1")

    assert essence(again) == essence(first)
    assert len(model.asked) == asked


@given(st.lists(st.text(max_size=30), min_size=3, max_size=3))
def test_any_text_comes_again(tmp_path_factory, texts):
    """Whatever the model wrote is given again, character by character, if nothing in it is redacted."""
    path = tmp_path_factory.mktemp("cassette") / "c.json"
    extract, _ = scripted(texts)
    first = record(path, extract.outcome, "task")

    with replaying(path):
        again = extract.outcome("task")

    assert [attempt.reply for attempt in again.attempts] == [
        redact(attempt.reply, personal=False) for attempt in first.attempts
    ]


def test_equal_prompts_are_answered_in_order(path, replay):
    """Two calls with one prompt get their replies in the order in which they came."""
    extract, _ = scripted(['{"total": 1}', '{"total": 2}'])

    def both():
        return [extract("a")["total"], extract("a")["total"]]

    record(path, both)

    assert replay(both) == [1, 2]


def test_other_prompts_are_answered_in_any_order(path, replay):
    """A prompt finds its reply, however the calls are ordered now."""
    extract, _ = scripted(['{"total": 1}', '{"total": 2}'])
    record(path, lambda: [extract("a"), extract("b")])

    assert replay(lambda: [extract("b")["total"], extract("a")["total"]]) == [2, 1]


def test_an_asynchronous_call_comes_again(path, replay):
    """`async def` gives the same when it is replayed."""
    model = ScriptedModel([BAD, COUNTED])

    @guard(TOTAL, store=None)
    async def extract(prompt: str):
        return await model.acall(prompt)

    def call():
        return asyncio.run(extract.outcome("a"))

    first = record(path, call)

    assert essence(replay(call)) == essence(first)


def test_a_plain_function_that_gives_something_to_await_still_does(path, replay):
    """What was awaited is awaited again, so the calling code stays as it is."""
    model = ScriptedModel([GOOD])

    @guard(TOTAL, store=None)
    def extract(prompt: str):
        return model.acall(prompt)

    async def call():
        return await extract("a")

    record(path, lambda: asyncio.run(call()))

    assert replay(lambda: asyncio.run(call())) == {"total": 1}


@pytest.mark.parametrize("reply", [GOOD, COUNTED, {"reply": "No.", "finish_reason": "refusal"}])
def test_a_stream_comes_again(path, replay, reply):
    """A generator function is replayed as one, with finish reason and usage."""
    model = ScriptedModel([reply])

    @guard(TOTAL, max_attempts=1, store=None)
    def extract(prompt: str):
        yield from model.stream(prompt)

    first = record(path, extract.outcome, "a")

    again = replay(extract.outcome, "a")

    assert essence(again)[:-1] == essence(first)[:-1]
    assert calls_of(path)[0]["is_streamed"] is True


def test_growing_values_come_again(path, replay):
    """`.stream()` ends with the same value when it is replayed."""
    model = ScriptedModel([{"chunks": ['{"to', 'tal": 1}']}])

    @guard(TOTAL, store=None)
    def extract(prompt: str):
        yield from model.stream(prompt)

    def last():
        return list(extract.stream("a"))[-1]

    assert record(path, last) == replay(last) == {"total": 1}


def test_a_call_of_another_tool_comes_again(path, replay):
    """Which tool was called is kept, so that a call of another one fails again."""
    calls = [{"id": "t", "type": "function", "function": {"name": "take", "arguments": '{"total": 1}'}}]

    @guard(TOTAL, name="ask", strategy="tool_call", provider="openai", max_attempts=1)
    def ask(prompt, options):
        yield wire.chunk({"tool_calls": [{"index": 0, **calls[0]}]})
        yield wire.chunk({}, "tool_calls")

    with recording(path):
        failed = ask.outcome("t", options={})
    with replaying(path):
        again = ask.outcome("t", options={})

    assert again.failure == failed.failure
    assert again.failure.code == "unknown_tool"


def test_an_asynchronous_stream_comes_again(path, replay):
    """An async generator function is awaited, and gives the same."""
    model = ScriptedModel([COUNTED])

    @guard(TOTAL, store=None)
    async def extract(prompt: str):
        async for chunk in model.astream(prompt):
            yield chunk

    def call():
        return asyncio.run(extract.outcome("a"))

    first = record(path, call)

    assert essence(replay(call)) == essence(first)


class Either:
    """A stream that can be iterated either way."""

    def __init__(self):
        self._chunks = iter([GOOD])

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._chunks)

    def __aiter__(self):
        return self

    async def __anext__(self):
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration


def test_a_stream_that_can_be_iterated_either_way_comes_again(path, replay):
    """It is recorded as its function goes, with an await or without."""

    @guard(TOTAL, store=None)
    def extract(prompt: str):
        return Either()

    @guard(TOTAL, store=None)
    async def later(prompt: str):
        return Either()

    def both():
        return extract("a"), asyncio.run(later("a"))

    assert record(path, both) == replay(both) == ({"total": 1}, {"total": 1})


def test_calls_of_other_threads_are_answered_too(path, replay):
    """A cassette is for the process: a thread of a test does not reach the model."""
    extract, _ = scripted([GOOD])
    record(path, extract, "a")

    with ThreadPoolExecutor(1) as pool:
        assert replay(lambda: pool.submit(extract, "a").result()) == {"total": 1}


def test_calls_inside_a_guarded_function_belong_to_it(path, replay):
    """The outer reply is kept; the inner calls, which a replay does not make, are not."""
    inner, model = scripted([GOOD])
    outer = guard(TOTAL, name="outer", store=None)(lambda prompt: json.dumps(inner(prompt)))
    record(path, outer, "a")

    assert replay(outer, "a") == {"total": 1}
    assert ([call["function"] for call in calls_of(path)], len(model.asked)) == (["outer"], 1)


def test_a_reply_that_a_provider_threw_away_comes_again(path, replay):
    """An exception that carries what the model wrote is a reply, and is asked again as before."""

    class Rejected(Exception):  # as a provider's
        body = {"error": {"code": "json_validate_failed", "failed_generation": "{oops"}}  # noqa: RUF012

    number = count()

    @guard(TOTAL, store=None)
    def extract(prompt: str):
        if next(number) == 0:
            raise Rejected
        return GOOD

    first = record(path, extract.outcome, "a")

    assert essence(replay(extract.outcome, "a")) == essence(first)
    assert first.attempts[0].failure.code == "provider_rejected"


def test_observed_functions_are_left_alone(path):
    """What an observed function gives is its caller's: it is not recorded, and not replayed."""
    watched = guard(TOTAL, observe=True, store=None)(lambda prompt: GOOD)
    record(path, watched, "a")

    with replaying(path):
        assert watched("a") == GOOD
    assert not path.exists()


def test_nothing_stands_between_after_the_block(path):
    """The block's end, an error too, gives the functions back to their models."""
    with pytest.raises(ZeroDivisionError), recording(path):
        1 / 0  # it raises

    assert identity.interceptor is None


# The file.


def test_the_file_can_be_read_and_compared(path):
    """It is sorted, indented JSON that names the test and has each attempt with its prompt and reply."""
    model = ScriptedModel([COUNTED], name="m")
    extract = guard(TOTAL, name="extract", strategy="bare", store=None)(model)
    record(path, extract, "Größe?", test="tests/test_a.py::test_b")

    text = path.read_text(encoding="utf-8")

    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert json.loads(text) == {
        "format": 2,
        "test": "tests/test_a.py::test_b",
        "calls": [
            {
                "attempt": 1,
                "correction": None,
                "function": "extract",
                "is_awaited": False,
                "is_streamed": False,
                "prompt": [{"content": "Größe?", "role": "user"}],
                "prompt_hash": calls_of(path)[0]["prompt_hash"],
                "reply": {
                    "failure": None,
                    "finish_reason": "stop",
                    "model": "m",
                    "refusal": None,
                    "text": GOOD,
                    "usage": COUNTED["usage"],
                },
                "task": "Größe?",
            }
        ],
    }


def test_recording_again_replaces_the_file(path):
    """What is no longer asked goes out of the file."""
    extract, _ = scripted([GOOD, GOOD])
    record(path, extract, "a")
    record(path, extract, "b")

    assert [call["task"] for call in calls_of(path)] == ["b"]


def test_a_block_without_a_reply_leaves_the_file_alone(path):
    """A model that cannot be reached does not cost the recording."""
    extract, _ = scripted([GOOD, {"raise": "ConnectionError: down"}])
    record(path, extract, "a")
    with recording(path), pytest.raises(ConnectionError):
        extract("a")

    assert len(calls_of(path)) == 1


def test_an_awaited_call_that_raises_is_not_kept(path):
    """An error of an asynchronous function reaches its caller, and no file."""
    model = ScriptedModel([{"raise": "ConnectionError: down"}])

    @guard(TOTAL, store=None)
    async def extract(prompt: str):
        return await model.acall(prompt)

    with recording(path), pytest.raises(ConnectionError, match="down"):
        asyncio.run(extract("a"))

    assert not path.exists()


def test_a_file_that_cannot_be_written_stays_as_it_was(path, monkeypatch):
    """Until the new file is whole the old one is there, and nothing else."""
    extract, _ = scripted([GOOD, GOOD])
    record(path, extract, "a")
    before = path.read_bytes()

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        record(path, extract, "b")

    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [("cassette.json", before)]


def test_what_is_no_reply_is_not_kept(path):
    """A page, as a proxy sends it, has nothing to give again."""
    extract = guard(TOTAL, store=None)(lambda prompt: "<!doctype html><html>502</html>")
    with recording(path), pytest.raises(CallFailed):
        extract("a")

    assert not path.exists()


def test_no_other_file_is_left_beside_it(path):
    """The file is written as a whole, and what it was written to is gone."""
    record(path, scripted([GOOD])[0], "a")

    assert [file.name for file in path.parent.iterdir()] == ["cassette.json"]


# Redaction.


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"key {KEY} end", "key [redacted] end"),
        ("Authorization: Bearer abc.def-ghi123", "Authorization: Bearer [redacted]"),
        ('{"api_key": "0123456789abcdef"}', '{"api_key": "[redacted]"}'),
        ("https://h/v1?access_token=abcdefgh&a=1", "https://h/v1?access_token=[redacted]&a=1"),
        ("client_secret='hunter2hunter2'", "client_secret='[redacted]'"),
        ("password: correct-horse", "password: [redacted]"),
        ("AKIAABCDEFGHIJKLMNOP", "[redacted]"),
        ("mail ann.lee+x@corp.co.uk.", "mail redacted@example.com."),
    ],
)
def test_secrets_are_redacted(text, redacted):
    """Keys, tokens, passwords and addresses do not stay."""
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        '{"max_tokens": 100, "token": 12}',
        "skateboardingchampionship of 2026",
        "write to ann@example.com or bob@mail.example.org",
        '{"token": null, "secret": true}',
        "the bearer of this letter",
    ],
)
def test_what_is_no_secret_stays(text):
    """Counts, words, and addresses that nobody can have, are left as they are."""
    assert redact(text) == text


@given(st.text(), st.text())
def test_a_secret_is_redacted_wherever_it_stands(before, after):
    """Whatever stands around a key or an address, it does not stay."""
    redacted = redact(f"{before} {KEY} ann@corp.com {after}")

    assert KEY not in redacted
    assert "ann@corp.com" not in redacted


def test_no_secret_reaches_the_file(path):
    """Neither prompt, task, correction nor reply holds a key that was in them."""

    @guard(TOTAL, max_attempts=2, store=None)
    def extract(prompt: str, feedback: str | None = None):
        return f'{{"total": "{KEY}"}}'

    record(path, extract.outcome, f"mail ann@corp.com {KEY}")
    text = path.read_text(encoding="utf-8")
    record(path, extract.outcome, f"mail ann@corp.com {KEY}", redact=redact)
    without_persons = path.read_text(encoding="utf-8")

    assert (text.count(KEY), len(calls_of(path))) == (0, 2)
    assert (text.count("ann@corp.com") > 0, without_persons.count("ann@corp.com")) == (True, 0)


def test_messages_are_redacted_part_by_part(path, replay):
    """A prompt of messages stays one, with the texts of its parts redacted."""
    task = [{"role": "user", "content": [{"type": "text", "text": f"mail ann@corp.com {KEY}"}, {"n": 1}]}]
    extract = guard(TOTAL, name="extract", strategy="bare", store=None)(ScriptedModel([GOOD]))
    record(path, extract, task)

    assert replay(extract, task) == {"total": 1}
    assert calls_of(path)[0]["task"] == [
        {
            "content": [{"text": "mail ann@corp.com [redacted]", "type": "text"}, {"n": 1}],
            "role": "user",
        }
    ]


def test_a_redacted_prompt_is_found_again(path, replay):
    """Another key in the prompt is the same prompt."""
    extract, _ = scripted([GOOD])
    record(path, extract, f"use {KEY}")

    assert replay(extract, f"use {KEY}5") == {"total": 1}


def test_a_cassette_is_its_owners(path):
    """It is made for its owner only; one that is there keeps its mode."""
    extract, _ = scripted([GOOD, GOOD])
    record(path, extract, "a")
    made = path.stat().st_mode & 0o777
    path.chmod(0o640)
    record(path, extract, "a")

    assert (made, path.stat().st_mode & 0o777) == (0o600, 0o640)


def test_a_further_redaction_comes_after_the_built_in_one(path, replay):
    """A callable takes out what only its owner knows."""

    def further(text):
        return text.replace("Project X", "[project]")

    extract, _ = scripted([GOOD])
    record(path, extract, "Project X", redact=further)

    assert calls_of(path)[0]["task"] == "[project]"
    assert replay(extract, "Project X", redact=further) == {"total": 1}


def test_a_redaction_that_raises_stores_nothing(path):
    """What cannot be redacted is not written."""

    def broken(text):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        record(path, scripted([GOOD])[0], "a", redact=broken)

    assert not path.exists()


# What does not fit.


def test_without_a_cassette_a_call_says_how_to_record_one(path):
    """The message has the file and the command."""
    with pytest.raises(ReplayError) as raised, replaying(path, how="pytest x --sg-record c"):
        scripted([])[0]("a")

    assert str(raised.value) == (
        f"extract: attempt 1: there is no cassette {path}: record it: pytest x --sg-record c"
    )


def test_a_block_without_calls_needs_no_cassette(path):
    """A test that calls no model has no file."""
    with replaying(path) as left:
        pass

    assert left == []


def test_a_changed_prompt_is_shown_where_it_differs(path):
    """The message has the part, the character, and both texts from there."""
    extract = guard(TOTAL, name="extract", strategy="bare", store=None)(lambda prompt: GOOD)
    record(path, extract, "Read invoice 12 of May, please.")

    with pytest.raises(ReplayError) as raised, replaying(path, how="do it"):
        extract("Read invoice 12 of June, please.")

    assert str(raised.value) == (
        f"extract: attempt 1 is not what was recorded in {path}: the task differs from character 19, recorded "
        "'Read invoice 12 of May, please.', now 'Read invoice 12 of June, please.'; record it again: do it"
    )


def test_messages_are_not_their_text(path):
    """A text that reads as recorded messages do is another prompt."""
    task = [{"content": "a", "role": "user"}]
    extract = guard(TOTAL, strategy="bare", store=None)(lambda prompt: GOOD)
    record(path, extract, task)

    with pytest.raises(ReplayError, match="a text has become messages"), replaying(path):
        extract(json.dumps(task))


def test_a_changed_schema_is_a_changed_prompt(path):
    """The task is the same, and what is sent is not."""
    record(path, guard(TOTAL, name="extract", store=None)(lambda prompt: GOOD), "a")
    changed = guard({**TOTAL, "title": "Other"}, name="extract", store=None)(unreachable)

    with pytest.raises(ReplayError, match="the prompt differs from character"), replaying(path):
        changed("a")


def test_one_call_too_many_is_told(path):
    """A reply is given once."""
    extract, _ = scripted([GOOD])
    record(path, extract, "a")

    with replaying(path):
        extract("a")
        with pytest.raises(ReplayError, match=r"has no recorded reply left in .* for 'a'; record it again"):
            extract("a")


def test_another_functions_reply_is_not_taken(path):
    """Two functions with one prompt have their own replies."""
    record(path, scripted([GOOD])[0], "a")
    other = guard(TOTAL, name="other", store=None)(unreachable)

    with pytest.raises(ReplayError, match="other: attempt 1 has no recorded reply left"), replaying(path):
        other("a")


def test_recorded_replies_that_are_not_asked_for_are_left(path):
    """What the block did not use is named."""
    extract, _ = scripted([GOOD, GOOD])
    record(path, lambda: [extract("a"), extract("b")])

    with replaying(path) as left:
        extract("b")

    assert [recorded.as_words() for recorded in left] == ["attempt 1 of extract, 'a'"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no cassette .*: record it again: do it"),
        ("[]", "is no cassette"),
        ('{"format": 2, "calls": [{}]}', "is no cassette"),
        ('{"format": 1, "calls": []}', "has format 1, this version reads 2: record it again: do it"),
        ('{"format": 3, "calls": []}', "has format 3, this version reads 2: record it again: do it"),
    ],
)
def test_a_file_that_is_no_cassette_is_refused(path, text, message):
    """It is said before the first call, with what to do."""
    path.parent.mkdir()
    path.write_text(text)

    with pytest.raises(ReplayError, match=message), replaying(path, how="do it"):
        unreachable("a")


@given(st.text(), st.text())
def test_every_test_has_a_file_of_its_own(one, other):
    """Names of files are short, plain, and differ where the ids differ."""
    names = [file_name(one), file_name(other)]

    assert (one == other) == (names[0] == names[1])
    assert all(len(name) < 128 and not set(name) & set('/\\:*?"<>| ') for name in names)


def test_usage_is_unknown_where_it_was(path, replay):
    """Unknown stays None and does not become 0."""
    extract, _ = scripted([GOOD])
    record(path, extract, "a")

    assert replay(extract.outcome, "a").usage == Usage()


def test_a_call_that_fails_fails_again(path, replay):
    """GuardFailed is raised by a replay as it was by the model."""
    extract, _ = scripted([BAD] * 3)
    with recording(path), pytest.raises(GuardFailed):
        extract("a")

    with pytest.raises(GuardFailed, match="at /total: expected number, got string 'x'"):
        replay(extract, "a")


def test_data_that_the_function_had_parsed_is_kept_as_its_text(path, replay):
    """A function that gives a dict is answered with the text of it."""

    def extracting(give):
        @guard(TOTAL, name="extract", store=None)
        def extract(prompt: str):
            return give(prompt)

        return extract

    assert record(path, extracting(lambda prompt: {"total": 1}), "t") == {"total": 1}
    assert replay(extracting(unreachable), "t") == {"total": 1}


def stopping(**settings):
    """A guarded stream whose first reply is wrong early on and long."""
    replies = iter(['{"total": "seven", "note": "' + "x" * 300 + '"}', GOOD])

    @guard(TOTAL, store=None, max_attempts=2, name="f", about=About(version="1"), **settings)
    def function(prompt: str):
        reply = next(replies)
        for at in range(0, len(reply), 5):
            yield reply[at : at + 5]

    return function.outcome


def test_a_reply_that_was_stopped_is_stopped_again(path, replay):
    """What was kept of it is judged as it was when it was recorded."""
    before = record(path, stopping(early_stop=True), "a")

    after = replay(stopping(early_stop=True), "a")

    assert [(one.reply, one.stopped_at, one.failure) for one in after.attempts] == [
        (one.reply, one.stopped_at, one.failure) for one in before.attempts
    ]
    assert before.attempts[0].stopped_at < 30


def test_a_reply_that_was_stopped_is_no_whole_one(path):
    """A function that stops none has no use for the beginning of a reply: the cassette is to be recorded anew."""
    record(path, stopping(early_stop=True), "a")

    with replaying(path), pytest.raises(ReplayError, match="stopped early when it was recorded"):
        stopping()("a")
