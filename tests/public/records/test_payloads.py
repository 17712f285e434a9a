"""What is stored of the texts of prompts and replies: nothing, hashes, redacted texts, or the texts as they are."""

import hashlib
import hmac
import sqlite3
import zlib
from contextlib import closing, suppress

import pytest

from schema_guard import InvalidArgument, Message, flush, guard, open_store
from tests.public.records.outcomes import FAILED, outcome

CALL_ID = "0" * 32
MESSAGES = (
    Message("system", "Be brief."),
    Message("user", [{"type": "text", "text": "Hi"}], {"name": "ann"}),
)
SECRET, MAIL, PLAIN = "hunter2xyz", "ann@corp.com", "canary-plain-words"
PROMPT = f"My password is {SECRET}, mail {MAIL}, {PLAIN}."


def fields(texts):
    """Return what is stored of one attempt, without what is None or empty."""
    names = ("call_id", "number", "prompt", "reply", "prompt_hash", "reply_hash", "lost", "task")
    found = {name: getattr(texts, name) for name in names if getattr(texts, name) is not None}
    places = [(one.text, one.location, one.kind, one.start, one.stop) for one in texts.touched]
    return found | ({"touched": places} if places else {})


@pytest.fixture
def kept(new_url):
    """Return a function that stores one call with a policy, and gives what is read of its texts."""

    def keep(policy, *attempts, task=None):
        with open_store(new_url(), payload=policy) as store:
            store.record(outcome(*attempts), task)
            return [fields(texts) for texts in store.texts([CALL_ID])]

    return keep


def test_nothing_is_stored_by_default(new_url):
    """The default stores no text, and a store without texts has none to give."""
    with open_store(new_url()) as store:
        store.record(outcome({"prompt": "secret", "reply": "secret"}))

        assert store.payload == "off"
        assert store.texts([CALL_ID]) == []
        assert store.texts(["nobody"]) == []
        assert store.texts([]) == []


def test_full_stores_prompts_and_replies_as_they_are(kept):
    """Texts come back character by character, messages as providers take them, long ones too."""
    long = "ä\ud800 \x00" * 5_000

    found = kept(
        "full", FAILED | {"prompt": long, "reply": None}, {"prompt": MESSAGES, "reply": long}, task=MESSAGES
    )

    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "ann"},
    ]
    assert found == [
        {"call_id": CALL_ID, "number": 1, "prompt": long, "task": messages},
        {"call_id": CALL_ID, "number": 2, "prompt": messages, "reply": long},
    ]


def test_hash_stores_keyed_hashes(new_url, monkeypatch):
    """Equal texts have equal hashes with one key, and no text is there."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "of the team")

    def hashed(text):
        return hmac.new(b"of the team", text.encode(), hashlib.sha256).hexdigest()[:32]

    with open_store(new_url(), payload="hash") as store:
        store.record(outcome({"prompt": "p", "reply": "r"}), "another task")
        (found,) = store.texts([CALL_ID])

    assert fields(found) == {
        "call_id": CALL_ID, "number": 1, "prompt_hash": hashed('"p"'), "reply_hash": hashed("r"),
    }  # fmt: skip


def test_redacted_stores_texts_without_secrets(kept):
    """Every place where something was taken out is told, in what is stored."""
    messages = (Message("user", f"I am {MAIL}", {"api_key": "hunter2x"}),)

    (found,) = kept("redacted", {"prompt": messages, "reply": '{"ssn": "123-45-6789", "total": 3}'})

    assert found["prompt"] == [
        {"role": "user", "content": "I am redacted@example.com", "api_key": "[redacted]"}
    ]
    assert found["reply"] == '{"ssn": "[redacted]", "total": 3}'
    assert found["touched"] == [
        ("prompt", "/0/content", "email", 5, 25),
        ("prompt", "/0/api_key", "named_secret", 0, 10),
        ("reply", "", "ssn", 9, 19),
    ]


def test_only_the_named_calls_are_read(new_url):
    """Texts are found by their calls, in the order of storing."""
    with open_store(new_url(), payload="full") as store:
        for name in "cab":
            store.record(outcome(FAILED | {"reply": name}, {"reply": name * 2}, id=name))

        assert [found.reply for found in store.texts(["b", "c"])] == ["c", "cc", "b", "bb"]


WORDS = {"secret": SECRET, "mail": MAIL, "plain": PLAIN, "reply": "canary-reply"}
IN_THE_FILE = {
    "off": set(),
    "hash": set(),
    "redacted": {"plain", "reply"},
    "full": {"secret", "mail", "plain", "reply"},
}


@pytest.mark.parametrize("policy", IN_THE_FILE)
@pytest.mark.parametrize("where", ["argument", "URL"])
def test_the_file_holds_the_words_that_the_policy_lets_it_hold(policy, where, path):
    """The bytes of the file, its log, and its index hold no text that the policy leaves out."""
    place = f"{path}?payload={policy}" if where == "URL" else str(path)
    with open_store(place, **({} if where == "URL" else {"payload": policy}), durability="sync") as store:
        assert store.payload == policy
        ask = guard(
            {"type": "object"}, name="ask", store=store, max_attempts=2, on_failure="return", strategy="bare"
        )(lambda prompt: '{"a": "canary-reply"}' if "not valid" in prompt else '["canary-reply"]')
        ask(PROMPT)
        assert len(list(store.attempts())) == 2
        found = held(path.parent)
    assert found == IN_THE_FILE[policy]
    assert held(path.parent) == IN_THE_FILE[policy]


def held(folder):
    """Return which words are in the bytes of the files, or in a compressed value of whatever table."""
    content = b"".join(one.read_bytes() for one in folder.iterdir() if one.is_file())
    with closing(sqlite3.connect(folder / "records.db")) as connection:
        names = connection.execute("SELECT name FROM pragma_table_list WHERE type = 'table'").fetchall()
        rows = [row for (name,) in names for row in connection.execute(f'SELECT * FROM "{name}"')]
    for value in (value for row in rows for value in row if isinstance(value, bytes)):
        for start in range(3):
            with suppress(zlib.error):
                content += zlib.decompress(value[start:])
    return {name for name, word in WORDS.items() if word.encode() in content}


def test_texts_that_pay_are_compressed(path):
    """A megabyte of the same words takes less than half of that."""
    with open_store(str(path), payload="full") as store:
        store.record(outcome({"reply": "the same words " * 70_000}))

        assert store.info().size_bytes < 500_000
        (found,) = store.texts([CALL_ID])
        assert found.reply == "the same words " * 70_000


def test_rejects_two_policies(path):
    """A policy stands in the argument or in the URL, but not two of them."""
    with pytest.raises(InvalidArgument, match=r"payload='full': the store .* says 'hash': say it once"):
        open_store(f"{path}?payload=hash", payload="full")
    with pytest.raises(InvalidArgument, match=r"durability='queue': the store .* says 'sync': say it once"):
        open_store(f"{path}?durability=sync", durability="queue")
    open_store(f"{path}?payload=hash", payload="hash").close()


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("ful", "payload='ful': expected 'off', 'hash', 'redacted' or 'full', did you mean 'full'"),
        (5, "payload=5: expected 'off', 'hash', 'redacted' or 'full'"),
    ],
)
def test_rejects_an_unknown_policy(policy, message):
    """The message lists the policies, with the near one."""
    with pytest.raises(InvalidArgument) as error:
        open_store("sqlite://", payload=policy)

    assert message in str(error.value)


@pytest.mark.parametrize(
    ("first", "second", "stored"),
    [("full", "hash", "hash"), ("hash", "full", "hash"), ("full", "redacted", "redacted"), ("full", "", "off"),
     ("full", "full", "full"), ("redacted", "hash", "hash")],
)  # fmt: skip
def test_a_file_named_twice_stores_what_the_stricter_policy_lets(path, first, second, stored):
    """Of two guards that name one file in a process, the policy that stores less holds for both."""
    asks = [
        guard(
            {"type": "object"},
            name=policy or "off",
            store=f"{path}?payload={policy}" if policy else str(path),
        )(lambda prompt: '{"a": "canary-reply"}')
        for policy in (first, second)
    ]
    ids = [ask.outcome(PROMPT).call.id for ask in asks]

    with open_store(str(path)) as store:
        assert flush(10.0) == 0
        found = [fields(texts).keys() & {"prompt", "prompt_hash"} for texts in store.texts(ids)]
    wanted = {"off": [], "hash": [{"prompt_hash"}] * 2}
    assert found == wanted.get(stored, [{"prompt"}] * 2)
    if stored == "redacted":
        assert "secret" not in held(path.parent)


def test_texts_of_several_policies_are_read_side_by_side(url):
    """A policy that changes meanwhile loses nothing, and rows without texts lie between."""
    for policy in ("full", "off", "hash"):
        with open_store(url, payload=policy) as store:
            store.record(outcome({"reply": policy}, id=policy))
    with open_store(url) as store:
        assert [(found.call_id, found.reply) for found in store.texts(["full", "off", "hash"])] == [
            ("full", "full"),
            ("hash", None),
        ]


def test_a_function_of_yours_redacts_too(path):
    """It gets what the built-in redaction left."""
    seen = []

    def without_names(text):
        seen.append(text)
        return text.replace("Falcon", "[project]")

    with open_store(str(path), payload="redacted", redact=without_names) as store:
        store.record(outcome({"prompt": f"Falcon of {MAIL}", "reply": "{}"}))
        (found,) = store.texts([CALL_ID])

    assert found.prompt == "[project] of redacted@example.com"
    assert seen == ["Falcon of redacted@example.com", "{}"]


def test_a_text_on_which_the_redactor_fails_is_not_stored(path, caplog):
    """The row is stored, and so is the other text; the loss is counted, and told once without the text."""

    def fails(text):
        if "bad" in text:
            raise ValueError(text)
        return text

    with open_store(str(path), payload="redacted", redact=fails) as store:
        for _ in range(2):
            store.record(outcome({"prompt": "bad secret", "reply": "{}"}))
        found, _ = store.texts([CALL_ID])
        counts = store.counts()

    assert (found.prompt, found.reply, found.lost) == (None, "{}", "redactor_error")
    assert (counts.offered, counts.stored, counts.dropped, counts.redactor_errors) == (2, 2, {}, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "the redaction raised ValueError: nothing is kept of such a text"
    ]
    assert b"bad secret" not in path.read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"redact": str}, "redact= goes with payload='redacted', got payload='off'"),
        ({"redact": str, "payload": "full"}, "redact= goes with payload='redacted', got payload='full'"),
        ({"redact": 5, "payload": "redacted"}, "redact=5: expected a function of a text, or None"),
    ],
)
def test_rejects_a_redactor_that_is_never_called(options, message):
    """A function of yours needs the policy `redacted`, and must be a function."""
    with pytest.raises(InvalidArgument) as error:
        open_store("sqlite://", **options)

    assert str(error.value) == message


@pytest.mark.parametrize("task", ["Order 7 " * 99, MESSAGES], ids=["a text", "messages"])
def test_the_task_is_stored_where_it_is_not_what_was_sent(kept, task):
    """A first attempt has the task beside the prompt, unless they are the same."""
    first, second = kept(
        "full", FAILED | {"prompt": f"The format.\n\n{task}"}, {"prompt": "again"}, task=task
    )
    (same,) = kept("full", {"prompt": task}, task=task)

    expected = task if isinstance(task, str) else [message.as_dict() for message in task]
    assert (first["prompt"], first["task"]) == (f"The format.\n\n{task}", expected)
    assert "task" not in second
    assert "task" not in same


def test_a_task_is_redacted_with_its_places(kept):
    """What the policy takes out of the prompt stands in no task beside it."""
    (found,) = kept("redacted", {"prompt": f"Format. Of {MAIL}"}, task=f"Of {MAIL}")

    assert found["task"] == "Of redacted@example.com"
    assert [place for place in found["touched"] if place[0] == "task"] == [("task", "", "email", 3, 23)]


def test_a_guarded_call_stores_its_task_and_its_prompts(path):
    """Of a guarded call the task is what the function was asked, and each prompt is what was sent."""
    with open_store(str(path), payload="full") as store:
        replies, sent = iter(["no", "1"]), []

        def ask(prompt):
            sent.append(prompt)
            return next(replies)

        called = guard({"type": "integer"}, name="ask", store=store, max_attempts=2)(ask).outcome("How many?")
        first, second = store.texts([called.call.id])

    assert (first.prompt, second.prompt, first.reply, second.reply) == (*sent, "no", "1")
    assert (first.task, second.task) == ("How many?", None)
