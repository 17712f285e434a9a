"""A payload policy stores no texts of prompts and replies, their hashes, redacted texts, or full texts."""

import hashlib
import hmac
import sqlite3
import zlib
from contextlib import closing, suppress

import pytest

from schema_guard import InvalidArgument, Message, flush, guard, open_store
from tests.needs import marked, needs
from tests.public.records.outcomes import FAILED, outcome

CALL_ID = "0" * 32
MESSAGES = (
    Message("system", "Be brief."),
    Message("user", [{"type": "text", "text": "Hi"}], {"name": "ann"}),
)
SECRET, MAIL, PLAIN = "hunter2xyz", "ann@corp.com", "canary-plain-words"
PROMPT = f"My password is {SECRET}, mail {MAIL}, {PLAIN}."


def fields(texts):
    """Return the stored fields of one attempt that are not None or empty."""
    names = ("call_id", "number", "prompt", "reply", "prompt_hash", "reply_hash", "lost", "task")
    results = {name: getattr(texts, name) for name in names if getattr(texts, name) is not None}
    places = [(one.text, one.location, one.kind, one.start, one.stop) for one in texts.touched]
    return results | ({"touched": places} if places else {})


@pytest.fixture
def store_texts(new_url):
    """Return a function that stores one call with a policy and returns the stored texts."""

    def store_one(policy, *attempts, task=None):
        with open_store(new_url(), payload=policy) as store:
            store.record(outcome(*attempts), task)
            return [fields(texts) for texts in store.texts([CALL_ID])]

    return store_one


def test_nothing_is_stored_by_default(new_url):
    """By default no text is stored, so none can be read."""
    with open_store(new_url()) as store:
        store.record(outcome({"prompt": "secret", "reply": "secret"}))

        assert store.payload == "off"
        assert store.texts([CALL_ID]) == []
        assert store.texts(["nobody"]) == []
        assert store.texts([]) == []


def test_full_stores_unchanged_texts(store_texts):
    """Texts are equal character by character, even long ones. Messages have the format of providers."""
    long = "ä\ud800 \x00" * 5_000

    result = store_texts(
        "full", FAILED | {"prompt": long, "reply": None}, {"prompt": MESSAGES, "reply": long}, task=MESSAGES
    )

    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "ann"},
    ]
    assert result == [
        {"call_id": CALL_ID, "number": 1, "prompt": long, "task": messages},
        {"call_id": CALL_ID, "number": 2, "prompt": messages, "reply": long},
    ]


def test_hash_stores_keyed_hashes(new_url, monkeypatch):
    """Only hashes are stored. Equal texts have equal hashes if the key is the same."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "of the team")

    def hashed(text):
        return hmac.new(b"of the team", text.encode(), hashlib.sha256).hexdigest()[:32]

    with open_store(new_url(), payload="hash") as store:
        store.record(outcome({"prompt": "p", "reply": "r"}), "another task")
        (result,) = store.texts([CALL_ID])

    assert fields(result) == {
        "call_id": CALL_ID, "number": 1, "prompt_hash": hashed('"p"'), "reply_hash": hashed("r"),
    }  # fmt: skip


@needs("postgres", "redaction")
def test_redacted_stores_texts_without_secrets(store_texts):
    """Each redacted place is stored with its location and kind."""
    messages = (Message("user", f"I am {MAIL}", {"api_key": "hunter2x"}),)

    (result,) = store_texts("redacted", {"prompt": messages, "reply": '{"ssn": "123-45-6789", "total": 3}'})

    assert result["prompt"] == [
        {"role": "user", "content": "I am redacted@example.com", "api_key": "[redacted]"}
    ]
    assert result["reply"] == '{"ssn": "[redacted]", "total": 3}'
    assert result["touched"] == [
        ("prompt", "/0/content", "email", 5, 25),
        ("prompt", "/0/api_key", "named_secret", 0, 10),
        ("reply", "", "ssn", 9, 19),
    ]


def test_only_the_named_calls_are_read(new_url):
    """Texts are found by call id, in the order of storage."""
    with open_store(new_url(), payload="full") as store:
        for name in "cab":
            store.record(outcome(FAILED | {"reply": name}, {"reply": name * 2}, id=name))

        assert [result.reply for result in store.texts(["b", "c"])] == ["c", "cc", "b", "bb"]


WORDS = {"secret": SECRET, "mail": MAIL, "plain": PLAIN, "reply": "canary-reply"}
IN_THE_FILE = {
    "off": set(),
    "hash": set(),
    "redacted": {"plain", "reply"},
    "full": {"secret", "mail", "plain", "reply"},
}


@pytest.mark.parametrize("policy", marked(IN_THE_FILE, "redaction", "redacted".__eq__))
@pytest.mark.parametrize("where", ["argument", "URL"])
def test_file_contains_only_texts_that_the_policy_allows(policy, where, path):
    """The file, its log, and its index have no other text."""
    place = f"{path}?payload={policy}" if where == "URL" else str(path)
    with open_store(place, **({} if where == "URL" else {"payload": policy}), durability="sync") as store:
        assert store.payload == policy
        ask = guard(
            {"type": "object"}, name="ask", store=store, max_attempts=2, on_failure="return", strategy="bare"
        )(lambda prompt: '{"a": "canary-reply"}' if "not valid" in prompt else '["canary-reply"]')
        ask(PROMPT)
        assert len(list(store.attempts())) == 2
        result = words_in_files(path.parent)
    assert result == IN_THE_FILE[policy]
    assert words_in_files(path.parent) == IN_THE_FILE[policy]


def words_in_files(folder):
    """Return the names of the words in the files' bytes or in compressed values of their tables."""
    content = b"".join(one.read_bytes() for one in folder.iterdir() if one.is_file())
    with closing(sqlite3.connect(folder / "records.db")) as connection:
        names = connection.execute("SELECT name FROM pragma_table_list WHERE type = 'table'").fetchall()
        rows = [row for (name,) in names for row in connection.execute(f'SELECT * FROM "{name}"')]
    for value in (value for row in rows for value in row if isinstance(value, bytes)):
        for start in range(3):
            with suppress(zlib.error):
                content += zlib.decompress(value[start:])
    return {name for name, word in WORDS.items() if word.encode() in content}


def test_large_texts_are_compressed(path):
    """A text of a megabyte that repeats words takes less than half of its size."""
    with open_store(str(path), payload="full") as store:
        store.record(outcome({"reply": "the same words " * 70_000}))

        assert store.info().size_bytes < 500_000
        (result,) = store.texts([CALL_ID])
        assert result.reply == "the same words " * 70_000


def test_rejects_conflicting_settings_of_argument_and_url(path):
    """Argument and URL must not name different policies or durabilities."""
    with pytest.raises(
        InvalidArgument, match=r"payload='full': the URL .* sets 'hash'. Set payload in only one place"
    ):
        open_store(f"{path}?payload=hash", payload="full")
    with pytest.raises(
        InvalidArgument, match=r"durability='queue': the URL .* sets 'sync'. Set durability in only one place"
    ):
        open_store(f"{path}?durability=sync", durability="queue")
    open_store(f"{path}?payload=hash", payload="hash").close()


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            "ful",
            "payload='ful': expected 'off', 'hash', 'second_opinion', 'redacted' or 'full'. Did you mean 'full'",
        ),
        (5, "payload=5: expected 'off', 'hash', 'second_opinion', 'redacted' or 'full'"),
    ],
)
def test_rejects_an_unknown_policy(policy, message):
    """The message lists the policies and suggests the nearest one."""
    with pytest.raises(InvalidArgument) as error:
        open_store("sqlite://", payload=policy)

    assert message in str(error.value)


@pytest.mark.parametrize(
    ("first", "second", "stored"),
    marked([("full", "hash", "hash"), ("hash", "full", "hash"), ("full", "redacted", "redacted"), ("full", "", "off"),
     ("full", "full", "full"), ("redacted", "hash", "hash")], "redaction", lambda row: "redacted" in row),
)  # fmt: skip
def test_stricter_policy_of_two_guards_applies(path, first, second, stored):
    """If two guards of a process share a file, the policy that stores less applies to both."""
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
        results = [fields(texts).keys() & {"prompt", "prompt_hash"} for texts in store.texts(ids)]
    wanted = {"off": [], "hash": [{"prompt_hash"}] * 2}
    assert results == wanted.get(stored, [{"prompt"}] * 2)
    if stored == "redacted":
        assert "secret" not in words_in_files(path.parent)


def test_texts_of_several_policies_are_read_together(url):
    """A file can have texts, hashes, and rows without texts."""
    for policy in ("full", "off", "hash"):
        with open_store(url, payload=policy) as store:
            store.record(outcome({"reply": policy}, id=policy))
    with open_store(url) as store:
        assert [(result.call_id, result.reply) for result in store.texts(["full", "off", "hash"])] == [
            ("full", "full"),
            ("hash", None),
        ]


@needs("redaction")
def test_redact_function_runs_after_the_built_in_redaction(path):
    """The function gets the text that the built-in redaction returns."""
    seen = []

    def without_names(text):
        seen.append(text)
        return text.replace("Falcon", "[project]")

    with open_store(str(path), payload="redacted", redact=without_names) as store:
        store.record(outcome({"prompt": f"Falcon of {MAIL}", "reply": "{}"}))
        (result,) = store.texts([CALL_ID])

    assert result.prompt == "[project] of redacted@example.com"
    assert seen == ["Falcon of redacted@example.com", "{}"]


@needs("redaction")
def test_text_is_not_stored_if_the_redact_function_raises(path, caplog):
    """The row and the other text are stored. The loss is counted, and one warning omits the text."""

    def fails(text):
        if "bad" in text:
            raise ValueError(text)
        return text

    with open_store(str(path), payload="redacted", redact=fails) as store:
        for _ in range(2):
            store.record(outcome({"prompt": "bad secret", "reply": "{}"}))
        result, _ = store.texts([CALL_ID])
        counts = store.counts()

    assert (result.prompt, result.reply, result.lost) == (None, "{}", "redactor_error")
    assert (counts.offered, counts.stored, counts.lost_records, counts.redactor_errors) == (2, 2, {}, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "redact= raised ValueError, so schema_guard does not store the text"
    ]
    assert b"bad secret" not in path.read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"redact": str},
            "redact= has an effect only with payload='redacted'. Omit redact=, or replace payload='off'",
        ),
        (
            {"redact": str, "payload": "full"},
            "redact= has an effect only with payload='redacted'. Omit redact=, or replace payload='full'",
        ),
        ({"redact": 5, "payload": "redacted"}, "redact=5: expected a function that takes a text, or None"),
    ],
)
def test_rejects_a_redact_function_without_the_redacted_policy(options, message):
    """`redact=` needs the policy `redacted` and a function."""
    with pytest.raises(InvalidArgument) as error:
        open_store("sqlite://", **options)

    assert str(error.value) == message


@pytest.mark.parametrize("task", ["Order 7 " * 99, MESSAGES], ids=["a text", "messages"])
def test_task_is_stored_if_it_differs_from_the_prompt(store_texts, task):
    """Only the first attempt of a call stores the task."""
    first, second = store_texts(
        "full", FAILED | {"prompt": f"The format.\n\n{task}"}, {"prompt": "again"}, task=task
    )
    (same,) = store_texts("full", {"prompt": task}, task=task)

    expected = task if isinstance(task, str) else [message.as_dict() for message in task]
    assert (first["prompt"], first["task"]) == (f"The format.\n\n{task}", expected)
    assert "task" not in second
    assert "task" not in same


@needs("postgres", "redaction")
def test_task_is_redacted(store_texts):
    """The task has its own redacted places."""
    (result,) = store_texts("redacted", {"prompt": f"Format. Of {MAIL}"}, task=f"Of {MAIL}")

    assert result["task"] == "Of redacted@example.com"
    assert [place for place in result["touched"] if place[0] == "task"] == [("task", "", "email", 3, 23)]


def test_guarded_call_stores_its_task_and_prompts(path):
    """The task is the function's argument. Each prompt is the text that was sent."""
    with open_store(str(path), payload="full") as store:
        replies, sent = iter(["no", "1"]), []

        def ask(prompt):
            sent.append(prompt)
            return next(replies)

        called = guard({"type": "integer"}, name="ask", store=store, max_attempts=2)(ask).outcome("How many?")
        first, second = store.texts([called.call.id])

    assert (first.prompt, second.prompt, first.reply, second.reply) == (*sent, "no", "1")
    assert (first.task, second.task) == ("How many?", None)
