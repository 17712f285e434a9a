"""Reports and verdicts of functions with adapted schemas."""

from schema_guard.decide.recorded.from_store import gather
from schema_guard.report.as_text import as_text
from schema_guard.report.figures import report_on
from schema_guard.report.store_document import document_of
from tests.public.ext.calls.test_adapted import guarded


def test_reports_and_verdicts_say_what_is_not_enforced_and_what_cannot_be_given(store):
    """Of a function whose schema was relaxed both have a line."""
    schema = {
        "type": "object",
        "properties": {"a": {"not": {"const": 1}, "type": "integer"}},
        "required": ["a"],
    }
    function = guarded(['{"a": 2}'] * 20, schema=schema, store=store)
    for number in range(20):
        function(f"t{number}")
    store.flush()

    lines = [
        "openai is not held to /properties/a/not: replies that break it come, and are failures",
        "openai cannot be asked for all that /additionalProperties allows: some right answers cannot be given",
    ]
    text = as_text(document_of(report_on(store)))
    notes = gather(store).evidence["notes"]
    assert [line for line in lines if line not in " ".join(text.split())] == []
    assert [line for line in lines if not any(line in note for note in notes)] == []
