"""What a person reads of a call without a value."""

from schema_guard import Attempt, Call, Failure, Limits, Outcome, Violation
from schema_guard.failure_message import explain, violation_lines
from schema_guard.values import UNKNOWN_USAGE

CALL = Call(
    id="0" * 32, function="extract_invoice", schema_name="urn:invoice:2", schema_fingerprint="f" * 16, model=None,
    provider=None, strategies="bare", settings="{}", version="v1", segment=None, input_hash=None,
    parent_call_id=None, started_at=0.0,
)  # fmt: skip
TOTAL = Violation("/total", "/properties/total/type", "type", "number", "string 'twelve'")
LINES = Violation(
    "/lines/1", "/properties/lines/items/required", "required", "property 'qty'", "object with 0 properties"
)


def outcome(failure, attempts=3, **call):
    made = tuple(
        Attempt(n, "bare", "p", "r", failure, None, (), UNKNOWN_USAGE, None, "stop", 0.0)
        for n in range(1, attempts + 1)
    )
    return Outcome(False, None, made, failure, UNKNOWN_USAGE, None, 0.0, CALL._replace(**call))


def test_violations_are_told_with_their_places():
    """The message names function, schema, attempts, each violation with both places, and what to do."""
    text = explain(outcome(Failure("structure", "type", "...", (TOTAL, LINES))), max_attempts=3)

    assert text == (
        "extract_invoice returned no valid reply in 3 attempts (schema urn:invoice:2)\n"
        "  attempt 3, structure type:\n"
        "    at /total: expected number, got string 'twelve'                       [/properties/total/type]\n"
        "    at /lines/1: expected property 'qty', got object with 0 properties    [/properties/lines/items/required]\n"
        "  to see the reply: error.outcome.attempts[-1].reply; to allow more attempts: max_attempts=5"
    )


def test_failure_without_violations_is_told_by_its_message():
    """Without violations the failure's own message is told."""
    text = explain(outcome(Failure("syntax", "no_json", "the reply has no JSON text"), attempts=1))

    assert text == (
        "extract_invoice returned no valid reply in 1 attempt (schema urn:invoice:2)\n"
        "  attempt 1, syntax no_json:\n"
        "    the reply has no JSON text\n"
        "  to see the reply: error.outcome.attempts[-1].reply"
    )


def test_does_not_point_to_a_reply_whose_text_is_unknown():
    """Only the other advice is left."""
    made = outcome(Failure("syntax", "provider_rejected", "the text was removed"), attempts=1)
    made = made._replace(attempts=(made.attempts[0]._replace(reply=None),))

    assert explain(made).splitlines()[2:] == ["    the text was removed"]
    assert explain(made, max_attempts=1).splitlines()[3:] == ["  to allow more attempts: max_attempts=3"]


def test_what_a_type_means_for_other_keys_is_told():
    """Where a type refuses a key that it does not name, the message says which types do, and which do not."""
    more = Violation(
        "", "/additionalProperties", "additionalProperties", "no other property", "object with 'x'"
    )
    failed = outcome(Failure("structure", "additionalProperties", "...", (more,)))

    lines = explain(failed, typed=True).splitlines()

    assert lines[3] == (
        "  a dataclass and a TypedDict reject unknown keys. A Pydantic model rejects them only with extra='forbid', "
        "and otherwise omits them"
    )
    assert len(explain(failed).splitlines()) == len(lines) - 1
    assert "does not name" not in explain(outcome(Failure("structure", "type", "...", (TOTAL,))), typed=True)


def test_a_budget_that_ended_the_call_is_told():
    """Where there was another attempt to make and nothing to spend on it, the message says what was spent."""
    failure = Failure("syntax", "empty", "empty")
    usage = UNKNOWN_USAGE._replace(input_tokens=20, output_tokens=13)
    made = outcome(failure, attempts=1)
    made = made._replace(attempts=(made.attempts[0]._replace(usage=usage, elapsed_s=2.31),))

    def told(ended=made, attempts=3, **budget):
        return explain(ended, max_attempts=attempts, limits=Limits(**budget)).splitlines()[3:-1]

    line = "  the limits ended the call before attempt 2: "
    assert told(max_tokens=30) == [line + "33 tokens of max_tokens=30 were spent"]
    assert told(max_elapsed_s=2) == [line + "2.31 s of max_elapsed_s=2 were spent"]
    assert told(max_tokens=34, max_elapsed_s=2.4) == []
    assert told(max_tokens=30, attempts=1) == []
    cut = made._replace(failure=Failure("truncation", "max_tokens", "cut off"))
    assert told(cut, max_output_tokens=13) == [line + "max_output_tokens=13 was reached"]
    assert told(cut, max_tokens=30) == []
    assert told(made._replace(failure=Failure("refusal", "refusal", "no")), max_tokens=30) == []


def test_advice_fits_the_failure():
    """A cut-off reply is answered by the budget, a refusal by nothing, an early end by no further attempts."""
    cut = explain(outcome(Failure("truncation", "max_tokens", "cut off")), max_attempts=3)
    refused = explain(outcome(Failure("refusal", "refusal", "refused")), max_attempts=3)
    ended = explain(outcome(Failure("syntax", "empty", "empty")), max_attempts=9)
    late = explain(outcome(Failure("transport", "cancelled", "the time budget ended it")), max_attempts=3)

    assert "; to allow a longer reply: limits=Limits(" in cut
    assert refused.endswith("; schema_guard does not retry a refusal")
    assert ended.endswith("attempts[-1].reply")
    assert late.endswith("; to allow more time: limits=Limits(max_elapsed_s=...)")


def test_a_longer_reply_is_allowed_by_what_is_missing():
    """The advice for a model names neither a parameter nor a provider, because a model has both."""
    failure = Failure("truncation", "max_tokens", "cut off")

    def told(provider, *, takes_options):
        advice = explain(outcome(failure, provider=provider), takes_options=takes_options)
        return advice.rpartition("max_output_tokens=...)")[2]

    assert told("openai", takes_options=True) == ""
    assert told("openai", takes_options=False) == ", with a parameter 'options'"
    assert told(None, takes_options=True) == ", with provider="
    assert told(None, takes_options=False) == ", with a parameter 'options' and provider="


def test_at_most_ten_violations_are_told():
    """The eleventh and further violations are counted."""
    lines = violation_lines([TOTAL] * 17)

    assert len(lines) == 11
    assert lines[-1] == "    and 7 more"


def test_root_and_missing_place():
    """The root is written `(root)`; a violation without a place in the schema has no brackets."""
    assert violation_lines([TOTAL._replace(instance_location="", keyword_location="")]) == [
        "    at (root): expected number, got string 'twelve'"
    ]


def test_nothing_reaches_a_terminal_unescaped():
    """Names, keys, values, codes and messages that do not print are escaped, and long ones cut."""
    evil = "\x1b[2J\x9b31m\u202e\n" + "x" * 300
    violation = Violation(f"/{evil}", f"/{evil}", "type", evil, evil)
    messages = [
        explain(outcome(Failure("semantic", evil, evil), function=evil, schema_name=evil)),
        explain(outcome(Failure("structure", evil, evil, (violation,)))),
    ]

    assert all(line.isprintable() for text in messages for line in text.split("\n"))
    assert [text.count("\n") for text in messages] == [3, 3]
