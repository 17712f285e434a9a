"""The subschemas of a document, and their base URIs."""

from schema_guard.validation.references import subschemas

LATEST = "https://json-schema.org/draft/2020-12/schema"


def test_subschemas_come_with_their_base():
    """A schema position knows its place, and the URI that holds there."""
    document = {"$id": "http://x/a/", "items": {"$id": "b", "not": {}}, "const": {"not": {}}}

    results = [(place.location, place.base) for place in subschemas(document, "", LATEST)]

    assert results == [("", "http://x/a/"), ("/items", "http://x/a/b"), ("/items/not", "http://x/a/b")]
