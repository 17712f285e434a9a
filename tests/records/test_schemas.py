"""The texts of the schemas that calls were recorded with."""

import json
import os

import pytest

from schema_guard import Schema, guard
from schema_guard.records import Store, open_store
from schema_guard.records.selection import stored_schema
from schema_guard.records.values import SchemaText
from schema_guard.records.writing import schemas

PLAIN = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
WORDED = {
    "title": "Ticket",
    "description": "A ticket of a customer.",
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "One line.", "examples": ["Late"], "default": ""}
    },
    "required": ["title"],
}


def test_annotations_do_not_change_the_fingerprint():
    """Titles, descriptions, examples, and defaults are no part of a schema's identity. Properties of these names are."""
    assert Schema.of(WORDED).fingerprint == Schema.of(PLAIN).fingerprint
    assert Schema.of(WORDED) != Schema.of(PLAIN)
    without = {**PLAIN, "properties": {}, "required": []}
    assert Schema.of(without).fingerprint != Schema.of(PLAIN).fingerprint
    assert Schema.of({"const": {"title": "a"}}).fingerprint != Schema.of({"const": {}}).fingerprint


def test_a_store_keeps_each_text_of_a_schema(new_backend):
    """Two wordings of one schema are two texts with one fingerprint, and calls are counted together."""
    with Store(new_backend()) as store:
        for schema in (PLAIN, WORDED):
            guard(schema, store=store, name="triage")(lambda prompt: '{"title": "Late"}')("ticket")
        store.flush()
        texts = store.schemas(Schema.of(PLAIN).fingerprint)

        assert [json.loads(one.text) for one in sorted(texts)] == [WORDED, PLAIN]
        assert {one.schema_fingerprint for one in store.configurations()} == {texts[0].fingerprint}


def test_a_text_keeps_the_order_of_its_keys(new_backend):
    """Prompts have the schema in this order, so a trial with the stored text sends the prompt of the function."""
    with Store(new_backend()) as store:
        guard(WORDED, store=store, name="triage")(lambda prompt: '{"title": "Late"}')("ticket")
        store.flush()
        stored = store.schemas(Schema.of(WORDED).fingerprint)

    assert json.dumps(WORDED, separators=(",", ":")) in [one.text for one in stored]


def test_the_text_of_a_schema_is_the_one_of_its_name(new_backend):
    """Two functions describe one schema with different words. A trial of one sends the words of this one."""
    with Store(new_backend()) as store:
        wordings = [{"title": name, "description": name, "type": "object"} for name in ("A", "B")]
        for schema in wordings:
            guard(schema, store=store, name="triage")(lambda prompt: "{}")("ticket")
        store.flush()
        found = [stored_schema(store, Schema.of(wordings[0]).fingerprint, name) for name in ("A", "B")]

    assert [one.document["description"] for one in found] == ["A", "B"]


def test_a_text_is_stored_once(new_backend):
    """Many calls, and another session, leave one text."""
    backend, once = new_backend(), {"const": "once"}
    for _ in range(2):
        with Store(backend) as store:
            guarded = guard(once, store=store)(lambda prompt: '"once"')
            for _ in range(3):
                guarded("ticket")
            store.flush()

            assert len(store.schemas(Schema.of(once).fingerprint)) == 1


def test_an_unused_schema_is_not_stored(new_backend):
    """A schema without recorded calls leaves no text."""
    unused = Schema.of({"type": "object", "properties": {"other": {"type": "null"}}})
    with Store(new_backend()) as store:
        guard(PLAIN, store=store)(lambda prompt: '{"title": "Late"}')("ticket")

        assert store.schemas(unused.fingerprint) == []


def test_a_process_that_makes_a_schema_for_each_call_stores_the_first_ones(new_backend, monkeypatch):
    """The texts of a process have a limit, so that they fill no disk and no memory."""
    monkeypatch.setattr(schemas, "_MOST_TEXTS", 3)
    fingerprints = []
    with Store(new_backend()) as store:
        for number in range(6):
            guarded = guard({"const": f"one of many {number}"}, store=store)(lambda prompt: '"one"')
            guarded.outcome("ask")
            fingerprints.append(Schema.of({"const": f"one of many {number}"}).fingerprint)
            store.flush()

        assert [len(store.schemas(each)) for each in fingerprints] == [1, 1, 1, 0, 0, 0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_stores_its_schemas(tmp_path):
    """A child that records with a schema of its own stores the text."""
    path = f"sqlite:///{tmp_path}/records.db"
    with open_store(path) as store:
        guard(PLAIN, store=store)(lambda prompt: '{"title": "Late"}')("ticket")
    child = os.fork()
    if not child:
        with open_store(path) as store:
            guard({"const": 7}, store=store)(lambda prompt: "7")("seven")
        os._exit(0)
    os.waitpid(child, 0)

    with open_store(path) as store:
        fingerprint = Schema.of({"const": 7}).fingerprint
        assert store.schemas(fingerprint) == [
            SchemaText(fingerprint, store.schemas(fingerprint)[0].name, '{"const":7}')
        ]
