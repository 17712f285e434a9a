"""The text of a schema for its hash."""

from schema_guard.validation.document import compact


def test_compact_text_is_one_for_equal_documents():
    """The order of keys does not matter to the text that is hashed."""
    assert compact({"b": 1, "a": "é"}) == compact({"a": "é", "b": 1}) == '{"a":"é","b":1}'
