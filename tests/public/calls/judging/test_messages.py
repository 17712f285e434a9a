"""Messages of failures of `judge`, and values of JSON texts."""

import pytest

from schema_guard import Schema, Violation, judge
from tests.public.calls.judging.json_texts import REFUSED, VALUES
from tests.public.calls.judging.test_judge import FAILS

ANYTHING = Schema.of(True)
# For each case of `test_judge.FAILS`: the message and the violations.
MESSAGES = {
    "nothing": ("the reply is empty", []),
    "white_space": ("the reply is empty", []),
    "byte_order_mark_alone": ("the reply is empty", []),
    "nothing_at_the_limit": ("the output limit cut off the reply before a JSON text was complete", []),
    "prose": ("the reply has no JSON text", []),
    "prose_at_the_limit": ("the output limit cut off the reply before a JSON text was complete", []),
    "number_in_prose": ("the reply has no JSON text", []),
    "number_with_prose": ("the reply has no JSON text", []),
    "think_block_alone": ("the reply has no JSON text", []),
    "python_words": ("key must be a string at line 1 column 2", []),
    "trailing_comma": ("trailing comma at line 1 column 8", []),
    "comment": ("expected `,` or `}` at line 1 column 8", []),
    "malformed_in_prose": ("expected value at line 1 column 6", []),
    "duplicate_key": ("an object has the same key twice at line 1 column 12", []),
    "nan": ("the text has NaN or Infinity, which JSON does not allow, at line 1 column 6", []),
    "overflow": ("the number 1e999 is too large for a float", []),
    "lone_surrogate": ("the text has a lone surrogate at line 1 column 13", []),
    "raw_lone_surrogate": ("the text has a lone surrogate at character 7", []),
    "more_brackets_than_are_looked_at": (
        "the reply has too many brackets to check. Expected one JSON text",
        [],
    ),
    "two_documents": ("expected exactly one JSON text, but a second one follows", []),
    "same_document_twice": ("expected exactly one JSON text, but a second one follows", []),
    "json_lines": ("expected exactly one JSON text, but a second one follows", []),
    "two_fenced_documents": ("expected exactly one JSON text, but a second one follows", []),
    "second_document_fenced": ("expected exactly one JSON text, but a second one follows", []),
    "second_document_cut_off": ("expected exactly one JSON text, but a second one follows", []),
    "two_valid_values_in_prose": ("expected exactly one valid value, but the reply has different ones", []),
    "zero_or_false": ("expected exactly one valid value, but the reply has different ones", []),
    "one_and_true": ("expected exactly one valid value, but the reply has different ones", []),
    "cut_off": ("the reply ends inside a JSON text", []),
    "cut_off_at_the_limit": ("the output limit cut off the reply inside a JSON text", []),
    "cut_off_though_it_stopped": ("the JSON text is not closed, although the model finished", []),
    "cut_off_though_it_called": ("the JSON text is not closed, although the model finished", []),
    "cut_off_in_a_fence": ("the reply ends inside a JSON text", []),
    "cut_off_in_prose": ("the reply ends inside a JSON text", []),
    "part_of_a_cut_off_text": ("the reply ends inside a JSON text", []),
    "part_of_a_malformed_text": ("expected value at line 1 column 18", []),
    "opens_and_ends": ("the reply ends inside a JSON text", []),
    "white_space_to_the_limit": ("the reply was cut off while it repeated white space", []),
    "blank_lines_to_an_unknown_end": ("the reply was cut off while it repeated white space", []),
    "a_part_over_and_over": ("the reply was cut off while it repeated a part of 10 characters", []),
    "over_and_over_in_prose": ("the reply was cut off while it repeated a part of 10 characters", []),
    "over_and_over_though_it_stopped": ("the JSON text is not closed, although the model finished", []),
    "reasoning_to_the_limit": (
        "the output limit stopped the model during its reasoning, so it wrote no reply",
        [],
    ),
    "reasoning_and_a_cut_off_reply": ("the output limit cut off the reply inside a JSON text", []),
    "one_sent_as_a_string": (
        "at /a: expected integer, got string '[1]'",
        [("/a", "/properties/a/type", "type", "integer", "string '[1]'")],
    ),
    "refused": ("the model refused", []),
    "refused_beside_json": ("the model refused", []),
    "filtered": ("the provider's content filter stopped the reply", []),
    "refusal_prose": ("the model refused in prose", []),
    "refusal_prose_with_json": ("the model refused in prose", []),
    "curly_apostrophe": ("the model refused in prose", []),
    "wrong_type": (
        "at /a: expected integer, got string '1'",
        [("/a", "/properties/a/type", "type", "integer", "string '1'")],
    ),
    "missing": (
        "at (root): expected property 'a', got object with 0 properties",
        [("", "/required", "required", "property 'a'", "object with 0 properties")],
    ),
    "extra": (
        "at (root): expected no further properties, got object with 'b'",
        [("", "/additionalProperties", "additionalProperties", "no further properties", "object with 'b'")],
    ),
    "bound": (
        "at /a: expected a number <= 9, got number 10",
        [("/a", "/properties/a/maximum", "maximum", "a number <= 9", "number 10")],
    ),
    "wrong_type_in_prose": (
        "at /a: expected integer, got string '1'",
        [("/a", "/properties/a/type", "type", "integer", "string '1'")],
    ),
    "array_for_object": (
        "at (root): expected object, got array of 1 item",
        [("", "/type", "type", "object", "array of 1 item")],
    ),
    "json_in_a_string_in_a_string": (
        'at (root): expected object, got string \'"{\\\\"a\\\\":1}"\'',
        [("", "/type", "type", "object", 'string \'"{\\\\"a\\\\":1}"\'')],
    ),
    "quote_opens_the_reply": (
        "at (root): expected object, got string 'Sure'",
        [("", "/type", "type", "object", "string 'Sure'")],
    ),
}
# For each case of `json_texts.REFUSED`: the code and the message, or None if `judge` finds a value in the text.
SYNTAX = {
    "duplicate_key": ("duplicate_key", "an object has the same key twice at line 1 column 12"),
    "duplicate_key_deep_inside": ("duplicate_key", "an object has the same key twice at line 1 column 18"),
    "duplicate_key_by_escape": ("duplicate_key", "an object has the same key twice at line 1 column 17"),
    "duplicate_key_by_surrogate_pair": (
        "duplicate_key",
        "an object has the same key twice at line 1 column 26",
    ),
    "nan": ("not_finite", "the text has NaN or Infinity, which JSON does not allow, at line 1 column 2"),
    "infinity": ("not_finite", "the text has NaN or Infinity, which JSON does not allow, at line 1 column 5"),
    "minus_infinity": (
        "not_finite",
        "the text has NaN or Infinity, which JSON does not allow, at line 2 column 3",
    ),
    "minus_nan": (
        "not_finite",
        "the text has NaN or Infinity, which JSON does not allow, at line 1 column 3",
    ),
    "infinity_behind_other_letters": (
        "not_finite",
        "the text has NaN or Infinity, which JSON does not allow, at line 1 column 10",
    ),
    "overflow": ("not_finite", "the number 1e999 is too large for a float"),
    "negative_overflow": ("not_finite", "the number -1e999 is too large for a float"),
    "upper_case_overflow": ("not_finite", "the number 1E+400 is too large for a float"),
    "overflow_by_one": ("not_finite", "the number 1.8e308 is too large for a float"),
    "mantissa_overflow": ("not_finite", "the number 10000000000000000000 is too large for a float"),
    "long_mantissa_overflow": ("not_finite", "the number 1.000000000000000000 is too large for a float"),
    "exponent_with_zeros": ("not_finite", "the number 1e+00400 is too large for a float"),
    "long_mantissa_and_short_exponent": (
        "not_finite",
        "the number 10000000000000000000 is too large for a float",
    ),
    "lone_surrogate": ("bad_unicode", "the text has a lone surrogate at character 2"),
    "escaped_leading_surrogate": ("bad_unicode", "the text has a lone surrogate at line 1 column 8"),
    "escaped_trailing_surrogate": ("bad_unicode", "the text has a lone surrogate at line 1 column 7"),
    "escaped_surrogate_and_letter": ("bad_unicode", "the text has a lone surrogate at line 1 column 9"),
    "escaped_surrogates_the_wrong_way_round": (
        "bad_unicode",
        "the text has a lone surrogate at line 1 column 7",
    ),
    "surrogate_in_a_key": ("bad_unicode", "the text has a lone surrogate at line 1 column 9"),
    "raw_nul": (
        "malformed",
        "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 2",
    ),
    "raw_line_break": (
        "malformed",
        "control character (\\u0000-\\u001F) found while parsing a string at line 2 column 0",
    ),
    "byte_order_mark": None,
    "form_feed": ("no_json", "the reply has no JSON text"),
    "leading_zero": ("malformed", "invalid number at line 1 column 3"),
    "trailing_text": None,
    "nothing": ("empty", "the reply is empty"),
    "white_space": ("empty", "the reply is empty"),
    "open_object": ("unfinished", "the reply ends inside a JSON text"),
    "open_string": ("unfinished", "the reply ends inside a JSON text"),
    "open_escape": ("unfinished", "the reply ends inside a JSON text"),
    "open_word": ("unfinished", "the reply ends inside a JSON text"),
    "deeper_than_the_parser": ("too_deep", "the text is nested deeper than max_depth=100"),
}


@pytest.mark.parametrize("case", FAILS, ids=lambda case: case.id)
def test_failure_has_its_message_and_places(case):
    """A failure has the message and the violations of its case."""
    message, violations = MESSAGES[case.id]
    failure = judge(case.text, case.schema, finish_reason=case.finish_reason).failure

    assert failure.message == message
    assert failure.violations == tuple(Violation(*one) for one in violations)


@pytest.mark.parametrize("case", VALUES, ids=lambda case: case.id)
def test_json_text_has_its_value(case):
    """The value of a JSON text has exactly its types."""
    judged = judge(case.text, ANYTHING)

    assert (judged.value, judged.form) == (case.value, "clean")
    assert repr(judged.value) == repr(case.value)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_syntax_failure_has_its_place(case):
    """The message for a text that JSON does not allow has its line and column."""
    failure = judge(case.text, ANYTHING).failure

    assert (failure and (failure.code, failure.message)) == SYNTAX[case.id]
