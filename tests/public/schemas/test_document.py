"""The checks that come before any engine: size, depth, numbers, texts and the dialect of a schema document."""

import functools
from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import InvalidSchema, Schema

LATEST = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class Refused:
    """A document that is no schema to load."""

    id: str
    document: Any
    code: str
    location: str
    message: str


REFUSED = [
    Refused(
        "too deep",
        functools.reduce(lambda inner, _: {"not": inner}, range(70), {}),
        "too_deep",
        "/not" * 64,
        "schema is nested deeper than 64 levels at /not/not/not",
    ),
    Refused("too large", {"title": "x" * 1_100_000}, "too_large", "", "schema is larger than 1,048,576 bytes"),
    Refused("too many", {"enum": list(range(1_000_000))}, "too_large", "", "schema is larger than 1,048,576 bytes"),
    Refused(
        "too long a number",
        {"properties": {"a/b": {"minimum": 10**400}}},
        "too_large",
        "/properties/a~1b/minimum",
        "schema contains a number with more than 400 digits at /properties/a~1b/minimum. Use a shorter number",
    ),
    Refused(
        "not a number",
        {"minimum": float("nan")},
        "invalid",
        "/minimum",
        "schema contains the invalid number nan at /minimum. Use a finite number",
    ),
    Refused(
        "lone surrogate",
        {"title": "\ud800"},
        "invalid",
        "/title",
        "schema contains a lone surrogate at /title. Use valid Unicode",
    ),
    Refused("lone surrogate in a key", {"\udfff": 1}, "invalid", "", "schema contains a lone surrogate at (root). Use valid Unicode"),
    Refused(
        "not JSON",
        {"enum": [{1, 2}]},
        "invalid",
        "/enum/0",
        "schema contains a value of the type set at /enum/0. Use a dict, list, str, int, float, bool, or None",
    ),
    Refused(
        "a key that is no text", {"properties": {1: {}}}, "invalid", "/properties", "schema has the key 1 of the type int at /properties. Use a str"
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_document_that_is_no_schema_is_refused_at_its_place(case):
    """The error carries the code, the pointer of the place, and says what is there."""
    with pytest.raises(InvalidSchema) as caught:
        Schema.of(case.document)

    assert (caught.value.code, caught.value.location) == (case.code, case.location)
    assert str(caught.value).startswith(case.message)
    assert len(str(caught.value)) < 300


def test_number_of_400_digits_is_allowed():
    """The limit is the same as a reply's."""
    assert Schema.of({"maximum": 10**400 - 1, "minimum": -(10**400) + 1}).is_valid(10**399)
    with pytest.raises(InvalidSchema):
        Schema.of({"maximum": 10**401})


@pytest.mark.parametrize(
    ("document", "given"),
    [
        ({}, None),
        ({}, "2020-12"),
        ({"$schema": LATEST}, None),
        ({"$schema": LATEST + "#"}, "draft4"),
        (True, None),
        ({}, LATEST),
    ],
)
def test_dialect_is_that_of_the_document_then_the_given_one_then_the_latest(document, given):
    """`$schema` comes first, then the argument, by its short name or URI; without both it is 2020-12."""
    assert Schema.of(document, dialect=given).dialect == LATEST


@pytest.mark.parametrize("named", ["draft5", "http://127.0.0.1:9/meta", 7])
def test_unknown_dialect_is_refused(named):
    """A dialect that is not known is an error and not silently the latest one."""
    with pytest.raises(
        InvalidSchema, match="expected one of draft4, draft6, draft7, 2019-09, 2020-12"
    ) as caught:
        Schema.of({"$schema": named})

    assert (caught.value.code, caught.value.location) == ("unknown_dialect", "/$schema")


def test_near_name_of_a_dialect_is_offered():
    """A misspelt dialect is told with the one that was meant."""
    with pytest.raises(InvalidSchema, match="Did you mean 'draft7'"):
        Schema.of({}, dialect="draft-7")


def test_metaschema_among_the_resources_counts_as_the_dialect_it_is_written_in():
    """A dialect of the caller's own is used if it has the assertions of a known one."""
    own = {"$schema": LATEST, "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/validation": True}}

    assert Schema.of({"$schema": "urn:own"}, resources={"urn:own": own}).dialect == LATEST


def test_metaschema_without_assertions_is_an_unknown_dialect():
    """Where `type` would assert nothing, a schema would accept everything without a word."""
    own = {"$schema": LATEST, "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/core": True}}

    with pytest.raises(InvalidSchema) as caught:
        Schema.of({"$schema": "urn:own"}, resources={"urn:own": own})

    assert caught.value.code == "unknown_dialect"


CONTROLS = "\x1b[2J\x9b31m\u202eevil\u2066\n"


@pytest.mark.parametrize(
    "document",
    [
        {CONTROLS: float("nan")},
        {"properties": {CONTROLS: {"type": "no such type"}}},
        {"properties": {CONTROLS: {"$ref": "#/nowhere"}}},
        {"properties": {CONTROLS: {"$ref": f"http://{CONTROLS}"}}},
        {"properties": {CONTROLS: {"pattern": f"({CONTROLS}"}}},
        {"properties": {CONTROLS: {"$ref": f"#/properties/{CONTROLS}"}}},
        {"properties": {CONTROLS: {"enum": CONTROLS}}},
        {"$schema": CONTROLS},
        {"required": [CONTROLS, CONTROLS]},
        {"type": CONTROLS},
    ],
)
def test_the_message_about_a_schema_holds_no_control_characters(document):
    """Escape sequences and bidirectional overrides of a schema are escaped in the error about the schema."""
    with pytest.raises(InvalidSchema) as caught:
        Schema.of(document)

    assert str(caught.value).isprintable()


def test_the_message_about_a_schema_file_holds_no_control_characters(tmp_path):
    """The name of a schema file is escaped in the error about the file."""
    path = tmp_path / "\x1b[2J\u202e.json"
    path.write_text("[")
    with pytest.raises(InvalidSchema) as caught:
        Schema.of(path)

    assert str(caught.value).isprintable()
