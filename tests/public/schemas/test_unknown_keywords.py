"""Documents that JSON Schema accepts although they accept every value, or more than their author wants."""

import copy
import json
import logging
import pickle
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from schema_guard import InvalidSchema, Schema, guard, judge

INVOICE = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
AT_ROOT = [
    "properties",
    "required",
    "additionalProperties",
    "type",
    "enum",
    "items",
    "minimum",
    "pattern",
    "$ref",
]
ACCEPT = "To accept it as it is, use Schema.of(..., allow_unknown=True)"
EMPTY = (
    "the schema accepts every value, because it has no keyword such as 'type' or 'properties' at its root. "
)


@dataclass(frozen=True)
class Refused:
    id: str
    document: dict
    message: str


REFUSED = [
    Refused(
        "openai_format",
        {"name": "invoice", "strict": True, "schema": INVOICE},
        f"{EMPTY}Did you mean the value at /schema? {ACCEPT}",
    ),
    Refused(
        "openai_tool",
        {"name": "invoice", "description": "Record it.", "parameters": INVOICE},
        f"{EMPTY}Did you mean the value at /parameters? {ACCEPT}",
    ),
    Refused(
        "anthropic_tool",
        {"name": "invoice", "input_schema": INVOICE},
        f"{EMPTY}Did you mean the value at /input_schema? {ACCEPT}",
    ),
    Refused(
        "two_wrappers",
        {"json_schema": {"name": "invoice", "schema": INVOICE}},
        f"{EMPTY}Did you mean the value at /json_schema/schema? {ACCEPT}",
    ),
    Refused(
        "properties_alone",
        {"total": {"type": "number"}, "customer": {"type": "string"}},
        f"{EMPTY}Did you mean {{'type': 'object', 'properties': <this>}}? {ACCEPT}",
    ),
    Refused("value", {"total": 12.5}, EMPTY + ACCEPT),
    Refused(
        "misspelled",
        {"propertes": {"total": {"type": "number"}}},
        f"unknown keyword 'propertes' at /propertes. Did you mean 'properties'? {ACCEPT}",
    ),
    Refused(
        "misspelled_beside_keywords",
        {**INVOICE, "additonalProperties": False},
        f"unknown keyword 'additonalProperties' at /additonalProperties. Did you mean 'additionalProperties'? {ACCEPT}",
    ),
]
ACCEPTED = [
    {},
    True,
    {"title": "Anything"},
    {"$comment": "Anything", "description": "Whatever comes."},
    {"$defs": {"a": {"type": "string"}}},
    {"type": "string", "note": "n", "example": "a", "comment": "c", "when": "w"},
    {"type": "array", "_uniqueItems": True, "x-items": {}},
    {"title": "Anything", "x-form": {"type": "string"}},
    {"title": "Anything", "owner": {"team": "billing"}},
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_rejects_a_document_that_accepts_more_than_its_author_wants(case):
    """The error names the place of the schema, or the keyword that was meant."""
    with pytest.raises(InvalidSchema) as caught:
        Schema.of(case.document)

    assert (str(caught.value), caught.value.code) == (case.message, "unknown_keyword")


@pytest.mark.parametrize("load", [guard, lambda document: judge("{}", document)], ids=["guard", "judge"])
def test_rejects_a_wrapper_wherever_a_schema_is_loaded(load):
    """The decorator and `judge` load schemas as `Schema.of` does."""
    with pytest.raises(InvalidSchema, match="Did you mean the value at /schema"):
        load({"name": "invoice", "schema": INVOICE})


def test_rejects_a_wrapper_in_a_file(tmp_path):
    """A file is a document too."""
    path = tmp_path / "invoice.json"
    path.write_text(json.dumps({"name": "invoice", "schema": INVOICE}))

    with pytest.raises(InvalidSchema, match="Did you mean the value at /schema"):
        Schema.of(path)


@pytest.mark.parametrize("document", ACCEPTED, ids=str)
def test_accepts_annotations_and_own_keys(document):
    """Annotations are keywords, and an author may add keys of their own."""
    assert Schema.of(document).document == document


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_allow_unknown_accepts_the_document(case):
    """Pickle, copy, and `guard` accept the result like any other schema."""
    schema = Schema.of(case.document, allow_unknown=True)

    assert pickle.loads(pickle.dumps(schema)) == copy.copy(schema) == schema
    assert guard(schema, store=None)(lambda prompt: '{"total": 1}')("task") == {"total": 1}


def edited(word, at, letter, edit):
    """Return a word with one character added, removed, changed, or swapped with the next one."""
    head, tail = word[:at], word[at:]
    return {
        "add": head + letter + tail,
        "remove": head + tail[1:],
        "change": head + letter + tail[1:],
        "swap": head + tail[1:2] + tail[:1] + tail[2:],
    }[edit]


@given(
    st.sampled_from(AT_ROOT),
    st.integers(0, 19),
    st.sampled_from("abcxyzXYZ:.-"),
    st.sampled_from(["add", "remove", "change", "swap"]),
)
def test_rejects_every_single_edit_of_a_keyword(keyword, at, letter, edit):
    """No single edit of these keywords gives another keyword."""
    key = edited(keyword, min(at, len(keyword) - 1), letter, edit)
    if key == keyword:
        return

    with pytest.raises(InvalidSchema, match="Did you mean"):
        Schema.of({"title": "Invoice", "type": "object", key: True})


@given(st.dictionaries(st.text(st.characters(codec="ascii"), min_size=24), st.booleans() | st.text()))
def test_accepts_keys_that_resemble_no_keyword(extra):
    """Unknown keys beside keywords are ignored, as JSON Schema says."""
    document = {**extra, "type": "object"}

    assert Schema.of(document).is_valid({})


def test_a_type_decides_about_its_own_schema():
    """Extra keys of a Pydantic model are the author's own."""

    class Invoice(BaseModel):
        model_config = ConfigDict(json_schema_extra={"propertes": {}})
        total: float

    assert Schema.of(Invoice).is_typed


def test_misspelling_below_the_root_is_a_warning(caplog):
    """JSON Schema allows unknown keys, so the decorator only reports one that is probably misspelled."""
    document = {"properties": {"total": {"type": "number", "minmum": 0}, "tags": {"item": {}}}}
    with caplog.at_level(logging.WARNING, "schema_guard"):
        guard({"title": "invoice", **document})

    assert caplog.messages == [
        "guard: schema invoice: unknown keyword at /properties/tags/item. Did you mean 'items'? (2 such keys)"
    ]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"minmum": {"type": "string"}}},
        {"type": "object", "default": {"minmum": 0}},
        Schema.of({"properties": {"total": {"minmum": 0}}}, allow_unknown=True),
    ],
    ids=["name_of_a_property", "data", "allowed"],
)
def test_no_warning_for_names_data_and_allowed_keys(schema, caplog):
    """Only a key that is read as a keyword can be misspelled."""
    guard(schema)

    assert caplog.messages == []


@pytest.mark.parametrize(
    ("corpus", "misspelled"),
    [
        ("jsonschemabench", ["/additinalProperties", "/additonalProperties"]),
        ("maskbench", ["/additonalProperties", "/type:"]),
    ],
)
def test_real_schemas_are_refused_only_for_misspelled_keywords(corpora, corpus, misspelled):
    """Each place is a typo of the author. All other schemas of the corpus load."""
    places = []
    for line in (corpora / f"{corpus}.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            Schema.of(json.loads(line)["schema"])
        except InvalidSchema as error:
            places.append(error.location)

    assert sorted(places) == misspelled
