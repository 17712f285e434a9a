# SPDX-License-Identifier: Apache-2.0
"""The steps of repair, each with its effect, and whether it loses data."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class RepairStep(NamedTuple):
    """A step of repair.

    Attributes:
        lossless: Whether it preserves every character of data and invents none.
        description: One line for users.
    """

    lossless: bool
    description: str


_LOSSLESS = {
    "trailing_comma": "removes a comma before a closing bracket or at the end",
    "missing_comma": "adds a comma between two adjacent values",
    "comment": "removes comments (//, /* */, #)",
    "odd_space": "removes white space that JSON does not allow",
    "single_quotes": "puts double quotes around a string in single quotes, backticks, or typographic quotes",
    "unquoted_key": "puts quotes around a key of one word",
    "unquoted_string": "puts quotes around a one-word value inside brackets, or around a whole reply that the schema lists",
    "python_literal": "replaces True, False, and None with true, false, and null",
    "literal_case": "writes TRUE, Null, and similar words in lowercase",
    "number_syntax": "writes +1, .5, 5., 0x1F, and 1_000 as JSON numbers with the same value",
    "raw_newline": "escapes a line break inside a string",
    "raw_control": "escapes a tab or another control character inside a string",
    "invalid_escape": "keeps a backslash that starts no valid escape, as a backslash",
    "quote_escape": "removes the escape of a quote that needs none",
    "line_continuation": "joins lines inside a string after a backslash at the end of a line",
    "unescaped_quote": "escapes quotes inside a string",
    "concatenation": "joins strings that are connected with +",
    "parentheses": "replaces round brackets with an array, or removes them around a single value",
    "escaped_quotes": "unescapes a whole text with escaped quotes once",
    "extra_closer": "removes a closing bracket without an opening bracket",
    "missing_closer": "adds missing closing brackets if the model had finished",
    "missing_quote": "adds the missing closing quote of the last string if the model had finished",
    "encoded_value": "reads a JSON string as the object or array in it, if the schema requires one",
    "trailing_prose": "ignores a code fence, or text without quotes and brackets, after the JSON text",
}
_LOSSY = {
    "guessed_quote": "guesses the end of a string",
    "guessed_comma": "reads two adjacent numbers as two values, although they may be one",
    "guessed_closer": "guesses the end of an object or array",
    "unquoted_text": "reads text without quotes as a string",
    "number_as_string": "reads text that only resembles a number as a string",
    "leading_zero": "removes the leading zeros of a number",
    "digit_grouping": "removes commas between digits, so 1,000 becomes 1000",
    "not_a_value": "replaces NaN, Infinity, and undefined with null",
    "missing_value": "adds null to a key without a value",
    "missing_colon": "adds a colon between a key and its value",
    "extra_comma": "removes a comma without a value",
    "ellipsis": "removes an ellipsis in place of values",
    "set_as_array": "reads values in curly brackets without keys as an array",
    "implied_object": "reads a key and its value inside an array as an object",
    "early_closer": "adds members after the end of an object to the object",
    "call_wrapper": "removes the name of a function around a value",
    "unescaped_text": "unescapes a text with some escaped quotes once",
    "dropped_text": "removes text that fits nowhere",
    "closed_truncation": "closes the open strings, objects, and arrays of a text that may be cut off",
    "truncated_tail": "removes the incomplete end",
    "truncated_string": "closes a string that was cut off",
    "truncated_literal": "completes true, false, or null that was cut off",
    "truncated_number": "removes the incomplete end of a number that was cut off",
}
STEPS: Mapping[str, RepairStep] = MappingProxyType(
    {name: RepairStep(True, told) for name, told in _LOSSLESS.items()}
    | {name: RepairStep(False, told) for name, told in _LOSSY.items()}
)
