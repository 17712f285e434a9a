"""What is kept of the texts of prompts and replies, by every kind of store."""

from itertools import pairwise

import pytest

from schema_guard.core.values import Message
from schema_guard.errors import InvalidArgument
from schema_guard.records import Counts, Store, Texts, Touched, open_store, resolve_store
from schema_guard.records.payloads.keeping import POLICIES, Keeper, stricter
from schema_guard.records.rows import keyed_hash

CALL_ID = "0" * 32
MESSAGES = (
    Message("system", "Be brief."),
    Message("user", [{"type": "text", "text": "Hi"}], {"name": "ann"}),
)


@pytest.fixture
def kept(new_backend, make):
    """Store one call under a policy, and give what is read of its texts."""

    def keep(policy, *attempts):
        with Store(new_backend(), keeper=Keeper(policy)) as store:
            store.record(make.outcome(*attempts))
            return store.texts([CALL_ID])

    return keep


def test_nothing_is_kept_unless_it_is_asked_for(kept, new_backend):
    """The default keeps no text, and a store without one has none to give."""
    assert kept("off", {"prompt": "secret", "reply": "secret"}) == []
    with Store(new_backend()) as store:
        assert store.payload == "off"
        assert store.texts(["nobody"]) == []


def test_full_keeps_prompts_and_replies_as_they_are(kept):
    """Texts come back character by character, messages as providers take them, long ones too."""
    long = "ä\ud800 \x00" * 5_000

    found = kept("full", {"prompt": long, "reply": None}, {"prompt": MESSAGES, "reply": long})

    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "ann"},
    ]
    assert found == [Texts(CALL_ID, 1, prompt=long), Texts(CALL_ID, 2, prompt=messages, reply=long)]


def test_hash_keeps_keyed_hashes(new_backend, make):
    """Equal texts have equal hashes under the key of the store, and no text is there."""
    backend = new_backend()
    with Store(backend, keeper=Keeper("hash")) as store:
        store.record(make.outcome({"prompt": "p", "reply": "r"}))

        (found,) = store.texts([CALL_ID])
        session = backend.session()
        key = session.key
        session.close()

    assert (found.prompt, found.reply) == (None, None)
    assert (found.prompt_hash, found.reply_hash) == (keyed_hash('"p"', key), keyed_hash("r", key))


def test_only_the_calls_in_question_are_read(new_backend, make):
    """Texts are found by their calls, in the order of storing."""
    with Store(new_backend(), keeper=Keeper("full")) as store:
        for name in "cab":
            store.record(make.outcome({"reply": name}, id=name))

        assert [found.reply for found in store.texts(["b", "c"])] == ["c", "b"]


def test_texts_that_pay_are_compressed(tmp_path, make):
    """A megabyte of the same words takes less than a tenth of that."""
    with open_store(str(tmp_path / "r.db"), payload="full") as store:
        store.record(make.outcome({"reply": "the same words " * 70_000}))

        assert store.info().size_bytes < 500_000


def test_a_policy_is_named_where_the_store_is(tmp_path):
    """By the argument or in the URL, but not two of them."""
    url = f"sqlite:///{tmp_path}/r.db?payload=hash"

    with open_store(url) as store:
        assert store.payload == "hash"
    with pytest.raises(InvalidArgument, match=r"payload='full': the store .* says 'hash': say it once"):
        open_store(url, payload="full")


def test_an_unknown_policy_is_refused():
    """The message lists those that there are."""
    with pytest.raises(
        InvalidArgument, match=r"payload='ful': expected 'off', .* or 'full', did you mean 'full'"
    ):
        open_store("sqlite://", payload="ful")


def test_a_file_named_twice_keeps_what_the_stricter_keeps(tmp_path):
    """Whoever names it first: each policy keeps less than the next one."""
    file = str(tmp_path / "r.db")

    full = resolve_store(f"{file}?payload=full")
    assert full.payload == "full"
    assert resolve_store(f"{file}?payload=hash") is full
    assert full.payload == "hash"
    assert resolve_store(file).payload == "off"
    assert [stricter(*pair) for pair in pairwise(POLICIES)] == list(POLICIES[:-1])


def test_a_policy_that_changes_meanwhile_loses_nothing(new_backend, make):
    """Texts of several policies are read side by side, rows without texts between them."""
    backend = new_backend()
    for policy in ("full", "off", "hash"):
        store = Store(backend, keeper=Keeper(policy))
        store.record(make.outcome({"reply": policy}, id=policy))
        store.flush()

    assert [(found.call_id, found.reply) for found in store.texts(["full", "off", "hash"])] == [
        ("full", "full"),
        ("hash", None),
    ]
    store.close()


def test_redacted_keeps_texts_without_secrets(kept):
    """What was taken out is told with its place in what is stored."""
    messages = (Message("user", "I am ann@corp.com", {"api_key": "hunter2x"}),)

    (found,) = kept("redacted", {"prompt": messages, "reply": '{"ssn": "123-45-6789", "total": 3}'})

    assert found.prompt == [{"role": "user", "content": "I am redacted@example.com", "api_key": "[redacted]"}]
    assert found.reply == '{"ssn": "[redacted]", "total": 3}'
    assert found.touched == (
        Touched("prompt", "/0/content", "email", 5, 25),
        Touched("prompt", "/0/api_key", "named_secret", 0, 10),
        Touched("reply", "", "ssn", 9, 19),
    )


def test_a_function_of_the_users_redacts_too(tmp_path, make):
    """It is handed what the built-in redaction left."""
    seen = []

    def without_names(text):
        seen.append(text)
        return text.replace("Falcon", "[project]")

    with open_store(str(tmp_path / "r.db"), payload="redacted", redact=without_names) as store:
        store.record(make.outcome({"prompt": "Falcon of ann@corp.com", "reply": "{}"}))
        (found,) = store.texts([CALL_ID])

    assert found.prompt == "[project] of redacted@example.com"
    assert seen == ["Falcon of redacted@example.com", "{}"]


def test_of_a_text_on_which_the_redactor_fails_nothing_is_kept(tmp_path, make, caplog):
    """The row is stored, the other text too; it is counted, and said once, without the text."""

    def fails(text):
        if "bad" in text:
            raise ValueError(text)
        return text

    with open_store(str(tmp_path / "r.db"), payload="redacted", redact=fails) as store:
        for _ in range(2):
            store.record(make.outcome({"prompt": "bad secret", "reply": "{}"}))
        found, _ = store.texts([CALL_ID])

        assert (found.prompt, found.reply, found.lost) == (None, "{}", "redactor_error")
        assert store.counts() == Counts(2, 2, {}, 0, redactor_errors=2)
    assert [record.getMessage() for record in caplog.records] == [
        "the redaction raised ValueError: nothing is kept of such a text"
    ]


def test_redact_goes_with_redacted():
    """A function that would never be called is a mistake."""
    with pytest.raises(InvalidArgument, match="redact= goes with payload='redacted', got payload='off'"):
        open_store("sqlite://", redact=str)


def with_its_task(new_backend, make, policy, prompt, task, **attempt):
    """Store one call with what its function was asked, and give what is read of its first attempt."""
    with Store(new_backend(), keeper=Keeper(policy)) as store:
        store.record(make.outcome({"prompt": prompt, "reply": "{}", **attempt}), task)
        (found,) = store.texts([CALL_ID])
    return found


@pytest.mark.parametrize("task", ["Order 7 " * 99, MESSAGES], ids=["a text", "messages"])
def test_the_task_is_kept_where_it_is_not_what_was_sent(new_backend, make, task):
    """A tuned model is asked with the task alone: the strategy's text is no part of it."""
    found = with_its_task(new_backend, make, "full", f"The format.\n\n{task}", task)

    expected = task if isinstance(task, str) else [message.as_dict() for message in task]
    assert (found.prompt, found.task) == (f"The format.\n\n{task}", expected)


def test_a_task_that_was_sent_as_it_is_is_kept_once(new_backend, make):
    """Of a prompt that is the task nothing is said twice."""
    assert with_its_task(new_backend, make, "full", "Order 7", "Order 7").task is None


def test_a_hash_is_that_of_the_prompt_whatever_the_task(new_backend, make):
    """The task has a hash in its row already."""
    found = with_its_task(new_backend, make, "hash", "The format. Order 7", "Order 7")

    assert (found.prompt, found.task) == (None, None)
    assert found.prompt_hash


def test_a_task_is_redacted_and_its_places_are_told(new_backend, make):
    """What the policy takes out of the prompt stands in no task beside it."""
    found = with_its_task(new_backend, make, "redacted", "Format. Of ann@corp.com", "Of ann@corp.com")

    assert found.task == "Of redacted@example.com"
    assert [(place.text, place.start, place.stop) for place in found.touched if place.text == "task"] == [
        ("task", 3, 23)
    ]
