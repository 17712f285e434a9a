"""The texts of prompts and replies come along when they are asked for, and only then."""

import json

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.records import Store
from schema_guard.records.payloads.storage import TextStorage
from schema_guard.records.rows import rows
from schema_guard.values import Message

CALLS = [f"{number:032x}" for number in range(4)]


@pytest.fixture
def keep(make):
    """Store calls with their texts under a policy; the last one as if nothing was kept then."""

    def store_them(backend, policy="full"):
        keeper, session = TextStorage(policy), backend.session()
        for number, (prompt, reply) in enumerate(
            [
                ("write to ann@corp.com", "=1+1"),
                ((Message("user", "a\x00b\ud800"),), "x" * 200_000),
                ("quiet", None),
                ("gone", "gone"),
            ]
        ):
            outcome = make.outcome({"prompt": prompt, "reply": reply}, id=CALLS[number])
            made = rows(outcome, None, session.key)
            taken = keeper.take(outcome, "of ann@corp.com" if number == 0 else None)
            stored = keeper.payloads(taken, session.key) if number < 3 else [None]
            session.write(made, {}, 0.0, stored or [None])
        session.close()

    return store_them


def texts(backend):
    return Store(backend).texts(CALLS)


@pytest.mark.parametrize(
    "policy", ["redacted", *(pytest.param(policy, marks=pytest.mark.slow) for policy in ("full", "hash"))]
)
def test_texts_go_out_and_come_in(policy, new_backend, keep, move):
    """What one store keeps, under whichever policy, the other one keeps."""
    first, second = new_backend(), new_backend()
    keep(first, policy)

    content = move.out(first, texts="kept")
    came = [move.take(second, content, with_texts=True).added for _ in range(2)]

    assert came == [4, 0]
    lines = [one.__class__(**fields_of(one)) for one in texts(first)]
    assert texts(second) == lines
    assert move.out(second, texts="kept") == content


def fields_of(one):
    """What is kept, with a lone surrogate as a file has it."""
    prompt = one.prompt
    if isinstance(prompt, list):
        prompt = json.loads(json.dumps(prompt).replace("\\ud800", "\\\\ud800"))
    return {name: getattr(one, name) for name in one.__slots__} | {"prompt": prompt}


def test_stores_are_merged_with_their_texts(new_backend, keep, move):
    """A merge brings the texts as they are kept, byte by byte, when that is asked for."""
    first, second, plain = new_backend(), new_backend(), new_backend()
    keep(first)

    move.merged(second, first, with_texts=True)
    move.merged(plain, first)

    assert texts(second) == texts(first)
    assert texts(plain) == []


def test_without_being_asked_no_text_goes_out_or_in(new_backend, keep, move):
    """An export has the rows alone; an import of a file with texts leaves them out."""
    first, second = new_backend(), new_backend()
    keep(first)

    move.take(second, move.out(first, texts="kept"))

    assert b"ann@corp.com" not in move.out(first)
    assert b'"texts"' not in move.out(first)
    assert (len(list(Store(second).attempts())), texts(second)) == (4, [])


def test_texts_are_redacted_on_their_way_out(new_backend, keep, move):
    """What a store keeps whole goes out without personal data, with the places where it stood."""
    backend = new_backend()
    keep(backend)

    first = [json.loads(line) for line in move.out(backend, texts="redacted").splitlines()][1]

    assert first["texts"]["prompt"] == "write to redacted@example.com"
    assert first["texts"]["task"] == "of redacted@example.com"
    assert [place[:3] for place in first["texts"]["touched"]] == [
        ["prompt", "", "email"],
        ["task", "", "email"],
    ]


WRONG = {
    "kind": ([], "at /texts: expected an object or null, got []"),
    "field": ({"replay": ""}, "at /texts: unknown field 'replay'"),
    "reply": ({"reply": 1}, "at /texts/reply: expected a string, got number 1"),
    "prompt": ({"prompt": ["a"]}, "at /texts/prompt: expected a string or an array of objects"),
    "hash": ({"reply_hash": "0" * 31}, "at /texts/reply_hash: expected 32 hex digits"),
    "place": (
        {"touched": [["reply", "", "email", 0, True]]},
        "at /texts/touched: expected an array of [text",
    ),
}


@pytest.mark.parametrize(("said", "told"), WRONG.values(), ids=WRONG)
def test_wrong_texts_are_told(said, told, new_backend, keep, move):
    """Also where they would be left out."""
    backend = new_backend()
    keep(backend)
    lines = [json.loads(line) for line in move.out(backend, texts="kept").splitlines()]
    lines[1]["texts"] = said

    with pytest.raises(InvalidArgument) as caught:
        move.take(new_backend(), b"".join(json.dumps(line).encode() + b"\n" for line in lines))

    assert f"line 2: {told}" in str(caught.value)
