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
    "trailing_comma": "a comma before a closer, or at the end, is dropped",
    "missing_comma": "a comma is put between two values that stand side by side",
    "comment": "comments (//, /* */, #) are dropped",
    "odd_space": "white space that JSON does not know is dropped",
    "single_quotes": "a string in single quotes, backticks or typographic quotes gets double quotes",
    "unquoted_key": "a key of one word gets quotes",
    "unquoted_string": "a value of one word inside brackets gets quotes; a text alone, where the schema lists it",
    "python_literal": "True, False, None become true, false, null",
    "literal_case": "TRUE, Null and the like are written in lower case",
    "number_syntax": "+1, .5, 5., 0x1F and 1_000 are written as JSON numbers of the same value",
    "raw_newline": "a line break inside a string is escaped",
    "raw_control": "a tab or another control character inside a string is escaped",
    "invalid_escape": "a backslash that escapes nothing is kept as a backslash",
    "quote_escape": "an escaped quote that needs no escape is written plainly",
    "line_continuation": "a backslash at the end of a line inside a string joins the lines",
    "unescaped_quote": "quotes that open and close inside a string are escaped",
    "concatenation": "strings joined by + become one",
    "parentheses": "round brackets become an array, or nothing around a single value",
    "escaped_quotes": "a whole text with escaped quotes is unescaped once",
    "extra_closer": "a closer that closes nothing is dropped",
    "missing_closer": "the model had finished: closers that it left out are added",
    "missing_quote": "the model had finished: the closing quote of the last string is added",
    "encoded_value": "an object or array that was sent as a JSON string is what the string says, where the schema wants one",
    "trailing_prose": "a fence, or text without quotes and brackets, behind the JSON text is skipped",
}
_LOSSY = {
    "guessed_quote": "where a string ends was guessed",
    "guessed_comma": "two numbers side by side, which may be one, were read as two values",
    "guessed_closer": "where an object or array ends was guessed",
    "unquoted_text": "text without quotes was read as a string",
    "number_as_string": "what looks like a number and is none was read as a string",
    "leading_zero": "the leading zeros of a number are dropped",
    "digit_grouping": "commas between digits are dropped: 1,000 is read as 1000",
    "not_a_value": "NaN, Infinity and undefined become null",
    "missing_value": "a key without value gets null",
    "missing_colon": "a colon is put between a key and its value",
    "extra_comma": "a comma without a value is dropped",
    "ellipsis": "an ellipsis in place of values is dropped",
    "set_as_array": "values in curly brackets without keys become an array",
    "implied_object": "a key and value inside an array become an object",
    "early_closer": "members behind the closed object are put into it",
    "call_wrapper": "the name of a function around a value is dropped",
    "unescaped_text": "a text with quotes escaped here and there is unescaped once",
    "dropped_text": "text that fits nowhere is dropped",
    "closed_truncation": "the text may be cut off: what was open is closed",
    "truncated_tail": "the incomplete last part is dropped",
    "truncated_string": "a string that was cut off is closed",
    "truncated_literal": "true, false or null that was cut off is completed",
    "truncated_number": "a number that was cut off loses its incomplete end",
}
STEPS: Mapping[str, RepairStep] = MappingProxyType(
    {name: RepairStep(True, told) for name, told in _LOSSLESS.items()}
    | {name: RepairStep(False, told) for name, told in _LOSSY.items()}
)
