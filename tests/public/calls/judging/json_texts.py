"""JSON texts with their values, and texts that JSON does not allow, with their codes."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    id: str
    text: str
    value: Any


VALUES = [
    Case("object", ' {"a": [1, 2.5, "x", true, null]} ', {"a": [1, 2.5, "x", True, None]}),
    Case("crlf", "\r\n[\r\n]\r\n", []),
    Case("wide_integer", str(2**70), 2**70),
    Case("negative_zero", "-0", 0),
    Case("underflow", "1e-999", 0.0),
    Case("largest_float", "1.7976931348623157e308", 1.7976931348623157e308),
    Case("exponent_of_zero", "0e999", 0.0),
    Case("exponents_in_strings", '["1e999", "NaN"]', ["1e999", "NaN"]),
    Case("surrogate_pair", r'"\ud83d\ude00"', "\U0001f600"),
    Case("escaped_nul", r'"\u0000"', "\0"),
    Case("byte_order_mark_in_a_string", '"\ufeff"', "\ufeff"),
    Case("keys_that_differ_in_form", '{"\u00e9":1,"e\u0301":2}', {"\u00e9": 1, "e\u0301": 2}),
    Case("same_key_in_two_objects", '[{"a":1},{"a":{"a":2}}]', [{"a": 1}, {"a": {"a": 2}}]),
]


@dataclass(frozen=True)
class Refused:
    id: str
    text: str
    code: str


REFUSED = [
    Refused("duplicate_key", '{"a":1,"a":2}', "duplicate_key"),
    Refused("duplicate_key_deep_inside", '[{"b":{"a":1,"a":1}}]', "duplicate_key"),
    Refused("duplicate_key_by_escape", r'{"a":1,"\u0061":2}', "duplicate_key"),
    Refused("duplicate_key_by_surrogate_pair", '{"\U0001f600":1,"\\ud83d\\ude00":2}', "duplicate_key"),
    Refused("nan", "[NaN]", "not_finite"),
    Refused("infinity", "[1, Infinity]", "not_finite"),
    Refused("minus_infinity", "[1,\n -Infinity]", "not_finite"),
    Refused("minus_nan", "[-NaN]", "not_finite"),
    Refused("infinity_behind_other_letters", '["\u00e9\u00e9", Infinity]', "not_finite"),
    Refused("overflow", "1e999", "not_finite"),
    Refused("negative_overflow", "[-1e999]", "not_finite"),
    Refused("upper_case_overflow", '{"a":1E+400}', "not_finite"),
    Refused("overflow_by_one", "1.8e308", "not_finite"),
    Refused("mantissa_overflow", "1" + "0" * 320 + ".5", "not_finite"),
    Refused("long_mantissa_overflow", "1." + "0" * 300 + "e309", "not_finite"),
    Refused("exponent_with_zeros", "[1e+00400]", "not_finite"),
    Refused("long_mantissa_and_short_exponent", "1" + "0" * 250 + "e60", "not_finite"),
    Refused("lone_surrogate", '"\ud800"', "bad_unicode"),
    Refused("escaped_leading_surrogate", r'"\ud800"', "bad_unicode"),
    Refused("escaped_trailing_surrogate", r'"\udc00"', "bad_unicode"),
    Refused("escaped_surrogate_and_letter", r'["\ud800a"]', "bad_unicode"),
    Refused("escaped_surrogates_the_wrong_way_round", r'"\ude00\ud83d"', "bad_unicode"),
    Refused("surrogate_in_a_key", r'{"\ud800":1}', "bad_unicode"),
    Refused("raw_nul", '"\0"', "malformed"),
    Refused("raw_line_break", '"a\nb"', "malformed"),
    Refused("byte_order_mark", "\ufeff{}", "malformed"),
    Refused("form_feed", "\f1", "malformed"),
    Refused("leading_zero", "[01]", "malformed"),
    Refused("trailing_text", "{} x", "malformed"),
    Refused("nothing", "", "unfinished"),
    Refused("white_space", " ", "unfinished"),
    Refused("open_object", '{"a"', "unfinished"),
    Refused("open_string", '["a', "unfinished"),
    Refused("open_escape", r'["caf\u00', "unfinished"),
    Refused("open_word", "[tru", "unfinished"),
    Refused("deeper_than_the_parser", "[" * 250 + "]" * 250, "too_deep"),
]
