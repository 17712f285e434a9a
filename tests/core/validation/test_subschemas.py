"""The subschemas of a document, and their base URIs."""

from schema_guard import Schema
from schema_guard.core.validation.references import References, subschemas

LATEST = "https://json-schema.org/draft/2020-12/schema"


def test_identifier_of_another_draft_is_no_identifier():
    """`id` is a name like any other since draft 6."""
    document = {"definitions": {"a": {"id": "#/definitions/a", "type": "integer"}}, "$ref": "#/definitions/a"}

    assert References(document, LATEST, {}).unresolved() is None
    assert not Schema.of(document).is_valid("x")


def test_an_anchor_of_an_old_draft_is_its_schema_and_none_inside_of_it():
    """`id: "#name"` of draft 4 names the schema that it stands in, whatever stands inside of that."""
    inside = {"id": "#outer", "properties": {"a": {"type": "integer"}}}
    document = {"definitions": {"x": inside}, "$ref": "#outer"}
    references = References(document, "http://json-schema.org/draft-04/schema", {})

    assert references.lookup(document, "#outer") is inside


def test_subschemas_come_with_their_base():
    """A schema position knows its place, and the URI that holds there."""
    document = {"$id": "http://x/a/", "items": {"$id": "b", "not": {}}, "const": {"not": {}}}

    found = [(place.location, place.base) for place in subschemas(document, "", LATEST)]

    assert found == [("", "http://x/a/"), ("/items", "http://x/a/b"), ("/items/not", "http://x/a/b")]
