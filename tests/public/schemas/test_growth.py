"""The work of judging is linear in the length of the reply, whatever the reply."""

import time
from dataclasses import dataclass

import pytest

from schema_guard import Schema, judge
from tests.thinned import costly

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
)
CHARS = 200_000
# Not a speed: the slowest shape took 0.5 s of CPU, 1.1 s on a busy machine, and a quadratic reading takes minutes.
HANG_S = 20


@dataclass(frozen=True)
class Shape:
    """A text that grows: a beginning, a unit that is repeated, an end that is repeated as often, the last words."""

    id: str
    unit: str
    before: str = ""
    closing: str = ""
    after: str = ""

    def text(self, chars):
        count = chars // len(self.unit + self.closing)
        return self.before + self.unit * count + self.closing * count + self.after


SHAPES = [
    Shape("braces", "{"),
    Shape("keys", '{"a":'),
    Shape("lists", "["),
    Shape("quotes", '"'),
    Shape("escapes", "\\", before='"'),
    Shape("escaped_quotes", '"\\'),
    Shape("empty_objects", "{}"),
    Shape("empty_objects_in_prose", "x{}"),
    Shape("values_in_prose", 'x{"a":1}'),
    Shape("invalid_values_in_prose", 'x{"a":""}'),
    Shape("lists_in_prose", "x[1]"),
    Shape("cut_values_in_prose", 'x{"a":1,'),
    Shape("nested_in_prose", "{", before="x", closing="}"),
    Shape("nested_lists_in_prose", "[", before="x", closing="]"),
    Shape("nested_keys_in_prose", '{"a":', before="x", closing="}"),
    Shape("nested_below_the_limit", "x" + "{" * 90 + "}" * 90),
    Shape("broken_keys_below_the_limit", "x" + '{"a":' * 90 + "}" * 90),
    Shape("crossed", "{]"),
    Shape("crossed_in_prose", "x{[}]"),
    Shape("closings", "}"),
    Shape("strings_cut_in_prose", 'x{"'),
    Shape("strings_cut_by_lines", 'x{"\n'),
    Shape("escapes_in_prose", 'x{"\\'),
    Shape("python_dicts", "x{'a':1}"),
    Shape("open_reasoning", "<think>"),
    Shape("reasoning", "<think></think>"),
    Shape("reasoning_of_all_kinds", "<think><thought><analysis>"),
    Shape("fences", "```"),
    Shape("fence_lines", "```json\n"),
    Shape("fence_attributes", "={.", before="```"),
    Shape("fence_attribute_quotes", '="', before="```"),
    Shape("fenced_values", '```json\n{"a":1}\n```\n'),
    Shape("white_space", " ", after="x"),
    Shape("white_space_behind_a_number", " ", before="1", after="x"),
    Shape("lines_behind_a_fenced_number", "\n", before="```\n1\n```", after="x"),
    Shape("white_space_behind_a_value", " ", before='{"a":1}', after="x"),
    Shape("white_space_behind_a_fence", " ", before='```\n{"a":1}\n```', after="x"),
    Shape("lines_in_an_object", "\n", before="{", after='"a":1} x'),
    Shape("digits", "1", after="x"),
    Shape("digits_in_an_object", "1", before='{"a":'),
    Shape("short_numbers", "1,", before='{"a":['),
    Shape("exponents", "1e9,", before='{"a":[', after="1]} x"),
    Shape("minus_signs", "-"),
    Shape("words", "I will not be "),
    Shape("byte_order_marks", "\ufeff"),
    Shape("braces_in_braces_in_prose", "x{{{}}}"),
    Shape("different_nests_in_prose", "x" + "{" * 40 + "[1]" + "}" * 40 + "{a}"),
    Shape("crossed_openers", "[{"),
    Shape("trailing_commas", "[1,],", before="["),
    Shape("missing_commas", "[1 2] ", before="["),
    Shape("missing_commas_between_strings", '"a" ', before="["),
    Shape("single_quotes", "{'a':'b'},", before="["),
    Shape("apostrophes", "'", before="["),
    Shape("python_literals", "None,", before="["),
    Shape("unquoted_keys", "{a:1},", before="["),
    Shape("unquoted_words", "a\n", before="["),
    Shape("comments", "1,/**/", before="["),
    Shape("hash_comments", "# x\n", before="{"),
    Shape("ellipses", "\u2026", before="{"),
    Shape("odd_spaces", "\u200b ", before="["),
    Shape("raw_line_breaks", '"\n",', before="["),
    Shape("invalid_escapes", "\\a", before='{"a":"'),
    Shape("zeros_before_numbers", "01,", before="["),
    Shape("quotes_in_a_string", '"', before='{"a":"'),
]


@pytest.mark.parametrize("shape", costly(SHAPES, 3), ids=lambda shape: shape.id)
def test_200_kilobytes_are_judged_without_hanging(shape):
    """Reading a reply of 200,000 characters of any shape takes only a moment."""
    text = shape.text(CHARS)

    started = time.thread_time()
    judge(text, SCHEMA)

    assert time.thread_time() - started < HANG_S


def test_thousands_of_different_valid_values_are_judged_without_hanging():
    """Prose with many different valid values costs no comparison of each with each."""
    text = "x".join(f'{{"a":{number}}}' for number in range(10_000))

    started = time.thread_time()
    judged = judge(f"x{text}", SCHEMA)

    assert judged.failure.code == "several_documents"
    assert time.thread_time() - started < HANG_S


def test_many_different_keys_are_judged_without_hanging():
    """Finding a duplicate key among thousands costs no comparison of each with each."""
    keys = ",".join(f'"k{number}":1' for number in range(15_000))

    started = time.thread_time()
    judged = judge(f'{{{keys},"k1":1}}', SCHEMA)

    assert judged.failure.code == "duplicate_key"
    assert time.thread_time() - started < HANG_S


def least_seconds(text, repair="off"):
    spent = []
    for _ in range(5):
        started = time.thread_time()
        judge(text, SCHEMA, repair=repair)
        spent.append(time.thread_time() - started)
    return min(spent)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.id)
def test_eight_times_the_text_is_about_eight_times_the_work(shape):
    """From 1x to 8x of a text the time grows eightfold, and far less than sixty-fourfold."""
    once, eightfold = (least_seconds(shape.text(factor * CHARS // 8)) for factor in (1, 8))

    assert eightfold < 24 * once + 0.02
