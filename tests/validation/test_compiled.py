"""Equal schemas share one compiled engine."""

from schema_guard import Schema


def test_schema_is_compiled_once():
    """Equal schemas share what they were compiled to; formats and resources tell them apart."""
    document = {"type": "string", "format": "date", "title": "compiled once"}

    assert Schema.of(document)._compiled is Schema.of(dict(reversed(document.items())))._compiled
    assert Schema.of(document)._compiled is not Schema.of(document, formats=False)._compiled


def test_cache_is_bounded():
    """The oldest engine is dropped, and a schema that still has it goes on working."""
    first = Schema.of({"const": "first of many"})
    for i in range(300):
        Schema.of({"const": i})

    assert first.is_valid("first of many")
    assert Schema.of({"const": "first of many"})._compiled is not first._compiled
