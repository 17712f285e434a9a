"""What a reply is worth: the reading rule, the failures, the checks."""

import json
import signal
import string
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from schema_guard import InvalidArgument, Judgement, Limits, Schema, guard, judge

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {"a": {"type": "integer", "maximum": 9}},
        "required": ["a"],
        "additionalProperties": False,
    }
)
OBJECT = Schema.of({"type": "object"})
ANYTHING = Schema.of(True)
ONE = {"a": 1}


@dataclass(frozen=True)
class Reads:
    """A text that gives a value."""

    id: str
    text: str
    value: Any = field(default_factory=lambda: {"a": 1})
    form: str = "unwrapped"
    schema: Schema = SCHEMA


READS = [
    Reads("object", '{"a":1}', form="clean"),
    Reads("white_space_around", ' \r\n\t{"a": 1}\n\n', form="clean"),
    Reads("byte_order_mark", '\ufeff{"a":1}'),
    Reads("white_space_and_byte_order_mark", '\n\ufeff {"a":1}'),
    Reads("no_break_space", '\u00a0{"a":1}'),
    Reads("zero_width_space", '\u200b{"a":1}\u200b'),
    Reads("fence", '```\n{"a":1}\n```'),
    Reads("json_fence", '```json\n{"a":1}\n```'),
    Reads("json_fence_with_crlf", '```json\r\n{"a":1}\r\n```\r\n'),
    Reads("json5_fence", '```JSON5\n{"a":1}\n```'),
    Reads("fence_with_words", '```my own label 2.0\n{"a":1}\n```'),
    Reads("fence_with_attribute", '```json title="reply"\n{"a":1}\n```'),
    Reads("fence_with_class", '``` {.json}\n{"a":1}\n```'),
    Reads("tilde_fence", '~~~json\n{"a":1}\n~~~'),
    Reads("long_fence", '````json\n{"a":1}\n````'),
    Reads("fence_on_one_line", '```json {"a":1}```'),
    Reads("fence_not_closed", '```json\n{"a":1}'),
    Reads("fence_half_closed", '```json\n{"a":1}\n``'),
    Reads("indented_fence", '  ```json\n  {"a":1}\n  ```'),
    Reads("think_block", '<think>\nis it {"a":2}?\n</think>\n\n{"a":1}'),
    Reads("think_block_with_fence_in_it", '<think>```json\n{"a":2}\n```</think>{"a":1}'),
    Reads("upper_case_think_block", '<THINK>{"a":2}</Think>{"a":1}'),
    Reads("empty_think_block", '<think></think>{"a":1}'),
    Reads("two_think_blocks", '<think>{"a":2}</think><think>{"a":3}</think>{"a":1}'),
    Reads("thinking_block", '<thinking>{"a":2}</thinking>{"a":1}'),
    Reads("reasoning_block", '<reasoning>{"a":2}</reasoning>{"a":1}'),
    Reads("think_block_and_fence", '<think>[</think>\n```json\n{"a":1}\n```'),
    Reads("byte_order_mark_and_think_block", '\ufeff<think>x</think>{"a":1}'),
    Reads("think_block_and_prose", '<think>{"a":2}</think>Here it is: {"a":1}'),
    Reads("prose_before", 'Here is the JSON you asked for: {"a":1}'),
    Reads("prose_around", 'Sure!\n\n```json\n{"a":1}\n```\n\nLet me know if it\'s "right".'),
    Reads("prose_behind", '{"a":1}\n\nThis object holds the number you asked for.'),
    Reads("prose_with_braces_behind", '{"a":1} The {a} stands for the number.'),
    Reads("refusal_words_behind", '{"a":1} I cannot help with more.'),
    Reads("braces_in_prose", 'In set notation {x | x > 0} that is {"a":1}.'),
    Reads("brackets_in_prose", 'See [1] and [the docs]: {"a":1} [2]'),
    Reads("stray_opening_brace", 'Open with { and write: {"a":1}'),
    Reads("stray_closing_brace", 'Close with } or ]: {"a":1}'),
    Reads("braces_around_json", 'The answer is {see {"a":1} above}.'),
    Reads("apostrophe_in_prose", "That's it, isn't it: {\"a\":1} and that's all"),
    Reads("quote_in_prose", 'The 5" pipe: {"a":1}'),
    Reads("draft_then_final", 'A draft: {"a":"one"}. The final answer: {"a":1}'),
    Reads("final_then_draft", 'The answer: {"a":1}. Not {"a":"one"}.'),
    Reads("same_value_twice", 'First {"a":1}, and once more {"a": 1.0}'),
    Reads("broken_draft", 'A draft: {"a":}. The final answer: {"a":1}'),
    Reads("json_in_a_json_string", r'"{\"a\":1}"'),
    Reads("json_in_a_json_string_in_a_fence", '```json\n"{\\"a\\":1}"\n```'),
    Reads("string_where_one_is_valid", r'"{\"a\":1}"', '{"a":1}', "clean", Schema.of({"type": "string"})),
    Reads("array", "[1, 2]", [1, 2], "clean", ANYTHING),
    Reads("string", '"yes"', "yes", "clean", ANYTHING),
    Reads("number", "42", 42, "clean", ANYTHING),
    Reads("negative_number", "-1.5e3\n", -1500.0, "clean", ANYTHING),
    Reads("true", "true", True, "clean", ANYTHING),
    Reads("null", "null", None, "clean", ANYTHING),
    Reads("scalar_in_a_fence", "```\n42\n```", 42, "unwrapped", ANYTHING),
    Reads("scalar_behind_reasoning", "<think>so</think>false", False, "unwrapped", ANYTHING),
    Reads("no_brace_in_strings_counts", '{"t":"}{][\\" {"}', {"t": '}{][" {'}, "clean", OBJECT),
    Reads("escaped_nul", r'{"t":"\u0000"}', {"t": "\0"}, "clean", OBJECT),
]


@pytest.mark.parametrize("case", READS, ids=lambda case: case.id)
def test_text_gives_its_one_value(case):
    """The reading rule finds the one value that a text means, and says how it stood there."""
    assert judge(case.text, case.schema) == Judgement(True, case.value, None, case.form)


@dataclass(frozen=True)
class Fails:
    """A text that gives no value."""

    id: str
    text: str
    kind: str
    code: str
    finish_reason: str | None = "stop"
    schema: Schema = SCHEMA


CUT = '{"a":1,"b'
FAILS = [
    Fails("nothing", "", "syntax", "empty"),
    Fails("white_space", " \n", "syntax", "empty"),
    Fails("byte_order_mark_alone", "\ufeff\n", "syntax", "empty"),
    Fails("nothing_at_the_limit", "", "truncation", "max_tokens", "length"),
    Fails("prose", "I have no idea.", "syntax", "no_json"),
    Fails("prose_at_the_limit", "Let me think about", "truncation", "max_tokens", "length"),
    Fails("number_in_prose", "It is 42.", "syntax", "no_json", schema=ANYTHING),
    Fails("number_with_prose", "42 it is.", "syntax", "no_json", schema=ANYTHING),
    Fails("think_block_alone", "<think>so</think>", "syntax", "no_json"),
    Fails("python_words", "{'a': 1}", "syntax", "malformed"),
    Fails("trailing_comma", '{"a":1,}', "syntax", "malformed"),
    Fails("comment", '{"a":1 /* one */}', "syntax", "malformed"),
    Fails("malformed_in_prose", 'So: {"a":}', "syntax", "malformed"),
    Fails("duplicate_key", '{"a":1,"a":1}', "syntax", "duplicate_key"),
    Fails("nan", '{"a":NaN}', "syntax", "not_finite"),
    Fails("overflow", "1e999", "syntax", "not_finite", schema=ANYTHING),
    Fails("lone_surrogate", '{"a":"\\ud800"}', "syntax", "bad_unicode"),
    Fails("raw_lone_surrogate", '{"a":"\ud800"}', "syntax", "bad_unicode"),
    Fails(
        "more_brackets_than_are_looked_at",
        "see " + "".join(f"{{{n}}}" for n in range(5000)),
        "syntax",
        "too_costly",
    ),
    Fails("two_documents", '{"a":1} {"a":2}', "syntax", "several_documents"),
    Fails("same_document_twice", '{"a":1}{"a":1}', "syntax", "several_documents"),
    Fails("json_lines", '{"a":1}\n{"a":2}\n', "syntax", "several_documents"),
    Fails("two_fenced_documents", '```\n{"a":1}\n```\n```\n{"a":2}\n```', "syntax", "several_documents"),
    Fails("second_document_fenced", '{"a":1}\n```json\n{"a":2}\n```', "syntax", "several_documents"),
    Fails("second_document_cut_off", '{"a":1} {"a":', "syntax", "several_documents"),
    Fails("two_valid_values_in_prose", 'Either {"a":1} or {"a":2}', "syntax", "several_documents"),
    Fails("zero_or_false", 'Either {"a":0} or {"a":false}', "syntax", "several_documents", schema=OBJECT),
    Fails("one_and_true", "Either [1,true] or [true,1]", "syntax", "several_documents", schema=ANYTHING),
    Fails("cut_off", CUT, "truncation", "unfinished", None),
    Fails("cut_off_at_the_limit", CUT, "truncation", "max_tokens", "length"),
    Fails("cut_off_though_it_stopped", CUT, "syntax", "malformed", "stop"),
    Fails("cut_off_though_it_called", CUT, "syntax", "malformed", "tool_call"),
    Fails("cut_off_in_a_fence", f"```json\n{CUT}", "truncation", "unfinished", None),
    Fails("cut_off_in_prose", f"Here: {CUT}", "truncation", "unfinished", None),
    Fails("part_of_a_cut_off_text", 'Here: {"a":{"a":1},', "truncation", "unfinished", None),
    Fails("part_of_a_malformed_text", 'Here: {"a":{"a":1},"b":x}', "syntax", "malformed"),
    Fails("opens_and_ends", "[", "truncation", "unfinished", None),
    Fails("white_space_to_the_limit", '{"a":' + " " * 99, "truncation", "runaway", "length"),
    Fails("blank_lines_to_an_unknown_end", '{"a":' + "\n" * 9, "truncation", "runaway", None),
    Fails("a_part_over_and_over", '{"b":"' + "and so on " * 40, "truncation", "runaway", "length"),
    Fails("over_and_over_in_prose", "and so on " * 40, "truncation", "runaway", "length"),
    Fails("over_and_over_though_it_stopped", '{"b":"' + "and so on " * 40, "syntax", "malformed", "stop"),
    Fails(
        "reasoning_to_the_limit", '<think>{"a":1} or {"a":"', "truncation", "reasoning_exhausted", "length"
    ),
    Fails("reasoning_and_a_cut_off_reply", '<think>so</think>{"a":', "truncation", "max_tokens", "length"),
    Fails("one_sent_as_a_string", '{"a":"[1]"}', "structure", "type"),
    Fails("refused", "...", "refusal", "refusal", "refusal"),
    Fails("refused_beside_json", '{"a":1}', "refusal", "refusal", "refusal"),
    Fails("filtered", '{"a":1}', "refusal", "content_filter", "content_filter"),
    Fails("refusal_prose", "I'm sorry, but I can't help with that.", "refusal", "refusal"),
    Fails("refusal_prose_with_json", 'I cannot help with {"a":1}.', "refusal", "refusal"),
    Fails("curly_apostrophe", "I can\u2019t assist with this request.", "refusal", "refusal"),
    Fails("wrong_type", '{"a":"1"}', "structure", "type"),
    Fails("missing", "{}", "structure", "required"),
    Fails("extra", '{"a":1,"b":2}', "structure", "additionalProperties"),
    Fails("bound", '{"a":10}', "value", "maximum"),
    Fails("wrong_type_in_prose", 'So: {"a":"1"}', "structure", "type"),
    Fails("array_for_object", '[{"a":1}]', "structure", "type"),
    Fails("json_in_a_string_in_a_string", json.dumps(json.dumps('{"a":1}')), "structure", "type"),
    Fails("quote_opens_the_reply", '"Sure", here: {"a":1}', "structure", "type"),
]


@pytest.mark.parametrize("case", FAILS, ids=lambda case: case.id)
def test_text_fails_with_kind_and_code(case):
    """A text without one valid value fails with the kind and the code that explain it."""
    judged = judge(case.text, case.schema, finish_reason=case.finish_reason)

    assert (judged.ok, judged.value, judged.form) == (False, None, None)
    assert (judged.failure.kind, judged.failure.code) == (case.kind, case.code)


@pytest.mark.parametrize("finish_reason", [None, "stop", "length", "tool_call", "error"])
def test_complete_json_is_valid_whatever_the_finish_reason(finish_reason):
    """A complete valid text counts as valid however the model stopped, refusals aside."""
    assert judge('{"a":1}', SCHEMA, finish_reason=finish_reason).ok


def test_schema_failure_says_where_and_what():
    """The message of a schema failure names the place, what was expected and what came."""
    failure = judge('{"a":"1"}', SCHEMA).failure

    assert failure.message == "at /a: expected integer, got string '1'"
    assert [(v.instance_location, v.keyword_location) for v in failure.violations] == [
        ("/a", "/properties/a/type")
    ]


def test_failure_is_that_of_the_last_of_equally_large_candidates():
    """A final answer follows its drafts, so the failure is that of the last candidate."""
    failure = judge('So {"a":"x"} or {"a":"y"}.', SCHEMA).failure

    assert failure.message == "at /a: expected integer, got string 'y'"


def test_failure_is_that_of_the_last_malformed_candidate():
    """If no part of prose is JSON, the failure is that of the last part."""
    assert judge('So {"a":} or [1,].', ANYTHING).failure.message == "trailing comma at line 1 column 4"


def test_rejects_a_valid_value_among_too_many_brackets():
    """A text with too many brackets to search may hold a second value."""
    text = 'So {"a":1} ' + "".join(f"{{{n}}}" for n in range(5000))

    assert judge(text, SCHEMA).failure.code == "too_costly"


LENGTHS = [("a", 256), ("ab", 128), ("abc", 86), ("and so on ", 26), (" x", 128), (" ", 64)]


@pytest.mark.parametrize(("part", "times"), LENGTHS)
def test_runaway_begins_after_256_characters(part, times):
    """A cut-off reply is a runaway if it ends with 256 repeated characters, or 64 of white space."""
    codes = [
        judge(f'{{"b":"{part * count}', OBJECT, finish_reason="length").failure.code
        for count in (times - 1, times)
    ]

    assert codes == ["max_tokens", "runaway"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('\n\ufeff"yes"', "yes"),
        (' \ufeff"yes"', "yes"),
        ('\ufeff\n"yes"', "yes"),
        ('\ufeff\ufeff"yes"', None),
    ],
)
def test_one_byte_order_mark_is_skipped(text, value):
    """One byte order mark is skipped, with the white space around it."""
    assert judge(text, Schema.of({"type": "string"})).value == value


AFTER = [
    (r'" {\"a\":1}"', ONE, "unwrapped"),
    (r'"\n{\"a\":1}\n"', ONE, "unwrapped"),
    (r'" [1]"', None, "type"),
    ('{"b":1} {"a":', None, "several_documents"),
    ('{"b":1} {"a":1}', None, "several_documents"),
    ('{"b":1} and {see', None, "additionalProperties"),
    ('{"a":1} and {see', ONE, "unwrapped"),
    ('{"a":1} and {"a":2', None, "several_documents"),
    ('{"a":1} or {"b":2}', ONE, "unwrapped"),
    ('{"b":1} or {"a":2}', None, "additionalProperties"),
    ('{"a":1}\n\n[2]: link', None, "several_documents"),
]


@pytest.mark.parametrize(("text", "value", "result"), AFTER)
def test_rejects_a_second_document(text, value, result):
    """A second document after the first is a failure, even if it is cut off. Prose is not."""
    judged = judge(text, SCHEMA, finish_reason="stop")

    assert (judged.value, judged.failure.code if judged.failure else judged.form) == (value, result)


REASONING = [
    ('<think>{"a":1} or {"a":"', None, ("truncation", "unfinished")),
    ('<think>{"a":1} or {"a":"', "stop", ("syntax", "malformed")),
    ('<think>{"a":1} or {"a":"', "length", ("truncation", "reasoning_exhausted")),
    ('<think>I think {"a":1} is it', None, None),
    ('<think>I think {"a":1} is it', "stop", None),
    ('<think>I think {"a":1} is it', "length", ("truncation", "reasoning_exhausted")),
    ("<think>hm", None, ("syntax", "no_json")),
    ("<think>hm", "stop", ("syntax", "no_json")),
    ("<think>hm", "length", ("truncation", "reasoning_exhausted")),
]


@pytest.mark.parametrize(("text", "finish_reason", "code"), REASONING)
def test_open_reasoning_is_a_truncation_only_at_the_limit(text, finish_reason, code):
    """An open reasoning block is read as prose, unless the output limit ended it."""
    judged = judge(text, SCHEMA, finish_reason=finish_reason)

    assert (judged.failure and (judged.failure.kind, judged.failure.code)) == code
    assert judged.value == (ONE if code is None else None)


NESTED = [
    ('So [{"x":{"x":{"x":{"x":1}}}}, {"a":1}, {"a":1}, {"a":1}] end', None, "type"),
    ('So {x{x{x{x{x {"a":1} {"a":2} }}}}} end', None, "several_documents"),
    ('So {x{x{x{x{x {"a":1} {"a":1} }}}}} end', ONE, None),
    ('So [[[[[ {"a":1}, {"b":2} ]]]]] end', None, "type"),
    ('So [[[[[ {"a":1}, {"a":2}, {"a":3} ]]]]] end', None, "type"),
    ('So [[[[[[ {"b":1}, {"b":2} ]]]]]] {"a":1}', ONE, None),
    ('x [[[[[[{"a":1}{"a":2}]]]]]]', None, "malformed"),
    ('x {"z":[[[[[{"a":1},{"a":2}]]]]]}', None, "additionalProperties"),
    ('x [[[[[[}]]]]]] {"a":1}', ONE, None),
]


@pytest.mark.parametrize(("text", "value", "code"), NESTED)
def test_nested_brackets_are_one_candidate(text, value, code):
    """Brackets inside a JSON text belong to it. Brackets of prose are searched for a JSON text."""
    judged = judge(text, SCHEMA)

    assert (judged.value, judged.failure and judged.failure.code) == (value, code)


def test_largest_invalid_candidate_explains():
    """Of several invalid JSON texts in prose the largest one's violations are told."""
    failure = judge('Given [1], so: {"a":"a rather long text"}', SCHEMA).failure

    assert failure.message == "at /a: expected integer, got string 'a rather long text'"


LIMITS = [
    ("too_large", '{"a":1}', Limits(max_bytes=6)),
    ("too_large", "prose of more than six bytes", Limits(max_bytes=6)),
    ("too_large", "\u00e9" * 50 + '{"a":1}', Limits(max_bytes=80)),
    ("too_deep", "[[[1]]]", Limits(max_depth=2)),
    ("too_deep", "So: [[[1]]]", Limits(max_depth=2)),
    ("too_many_nodes", "[1,1,1]", Limits(max_nodes=3)),
    ("number_too_long", "[12345]", Limits(max_number_chars=4)),
]


@pytest.mark.parametrize(("code", "text", "limits"), LIMITS, ids=range(len(LIMITS)))
def test_limits_hold_for_direct_and_prose_replies(code, text, limits):
    """A reply beyond a limit is refused with the limit's code; bytes count over the whole reply."""
    failure = judge(text, ANYTHING, limits=limits).failure

    assert failure is not None
    assert (failure.kind, failure.code) == ("syntax", code)


def short(value):
    return None if value["a"] < 5 else "a must be below 5"


def raising(value):
    raise KeyError(value["missing"])


@dataclass(frozen=True)
class Checked:
    id: str
    checks: tuple
    text: str
    failure: tuple | None


def below(value):
    return value["a"] < 5


def zero(value):
    return 0


async def later(value):
    return True


CHECKED = [
    Checked("true_passes", (below,), '{"a":1}', None),
    Checked("false_refuses", (below,), '{"a":7}', ("semantic", "below", "failed the check below")),
    Checked(
        "false_of_a_lambda",
        (lambda value: value["a"] < 5,),
        '{"a":7}',
        ("semantic", "<lambda>", 'failed the check value["a"] < 5'),
    ),
    Checked(
        "lambda_without_source",
        (eval("lambda value: False"),),  # noqa: S307 - no file holds its source
        '{"a":1}',
        ("semantic", "<lambda>", "failed the check <lambda>"),
    ),
    Checked("passes", (short,), '{"a":1}', None),
    Checked("refuses", (short,), '{"a":7}', ("semantic", "short", "a must be below 5")),
    Checked("first_refusal_is_told", (short, raising), '{"a":7}', ("semantic", "short", "a must be below 5")),
    Checked("each_is_asked", (lambda _: None, short), '{"a":7}', ("semantic", "short", "a must be below 5")),
    Checked("raises", (raising,), '{"a":1}', ("semantic", "raising", "raised KeyError: 'missing'")),
    Checked(
        "long_message_is_cut", (lambda _: "x" * 999,), '{"a":1}', ("semantic", "<lambda>", "x" * 299 + "…")
    ),
]


@pytest.mark.parametrize("case", CHECKED, ids=lambda case: case.id)
def test_checks_refuse_with_their_name(case):
    """A check that says something, or trips, refuses the value under its own name."""
    judged = judge(case.text, SCHEMA, checks=case.checks)

    result = judged.failure and (judged.failure.kind, judged.failure.code, judged.failure.message)
    assert (judged.ok, result) == (case.failure is None, case.failure)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("check", "kind"), [(zero, "int"), (later, "coroutine")])
def test_check_with_a_result_of_another_type_is_an_error(check, kind):
    """Only None, a bool, and a str are results of a check."""
    with pytest.raises(InvalidArgument) as caught:
        judge('{"a":1}', SCHEMA, checks=(check,))

    assert str(caught.value) == (
        f"checks: {check.__name__} returned {kind}: expected None, True, False, or a str that describes the fault"
    )


def test_check_with_a_result_of_another_type_ends_the_call_at_once():
    """The caller's mistake is not worth a second paid attempt."""
    prompts = []

    @guard(SCHEMA, checks=[zero], store=None)
    def extract(prompt: str) -> str:
        prompts.append(prompt)
        return '{"a":1}'

    with pytest.raises(InvalidArgument, match="zero returned int"):
        extract("task")

    assert len(prompts) == 1


@pytest.mark.parametrize("check", [zero, below], ids=["another_type", "false"])
def test_check_never_raises_into_an_observed_call(check):
    """An observed call returns what the function returned, whatever a check does."""
    extract = guard(SCHEMA, checks=[check], observe=True, store=None)(lambda prompt: '{"a":7}')

    assert extract("task") == '{"a":7}'


def test_checks_are_not_asked_about_an_invalid_value():
    """Only a value that the schema accepts reaches a check."""
    seen = []

    judge('{"a":"x"}', SCHEMA, checks=(seen.append,))

    assert seen == []


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_what_a_signal_raises_in_a_check_goes_on_as_itself():
    """A soft time limit is no refusal of whatever check it lands in."""

    class Late(Exception):
        pass

    def handler(number, frame):
        raise Late

    def check(value):
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(Late):
            judge('{"a":1}', SCHEMA, checks=(check,))
    finally:
        signal.signal(signal.SIGUSR1, before)


class Order(BaseModel):
    total: int

    @field_validator("total")
    @classmethod
    def _positive(cls, value):
        if value <= 0:
            raise ValueError("must be positive")
        return value


def test_pydantic_value_comes_out_as_the_model():
    """Value and checks see the schema's Python type."""
    seen = []

    judged = judge('So: {"total": 3}', Schema.of(Order), checks=(seen.append,))

    assert judged == Judgement(True, Order(total=3), None, "unwrapped")
    assert seen == [Order(total=3)]


def test_pydantic_refusal_is_semantic_with_its_places():
    """What only a Pydantic validator refuses is semantic `pydantic`, told without a link."""
    failure = judge('{"total": -3}', Schema.of(Order)).failure

    assert (failure.kind, failure.code) == ("semantic", "pydantic")
    assert failure.message == "at /total: Value error, must be positive"
    assert [(v.instance_location, v.keyword, v.actual) for v in failure.violations] == [
        ("/total", "value_error", "number -3")
    ]


@dataclass
class Even:
    n: int

    def __post_init__(self):
        if self.n % 2:
            raise TypeError("n is odd")


def test_any_error_of_the_schemas_type_is_a_refusal():
    """A dataclass that refuses a value with any exception fails the attempt; it does not raise."""
    failure = judge('{"n": 3}', Schema.of(Even)).failure

    assert (failure.kind, failure.message) == ("semantic", "n is odd")


# Laws.

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.text(max_size=3), plain, max_size=3)
# Words that are no refusal and hold no bracket.
prose = st.text(string.ascii_letters + string.digits + " .,:;!?'\"`*#-\n", max_size=40)
finish_reasons = st.sampled_from([None, "stop", "length", "tool_call", "error", "refusal", "content_filter"])
pieces = st.sampled_from(
    ["{", "}", "[", "]", '"', ":", ",", "\\", "```", "json\n", "<think>", "</think>", "\ufeff", " ", "\n", "a",
     "1", "e9", "-", ".", "true", "nu", '{"a":1}', "\ud800", "\0", "I cannot help", "\\u00", "~~~", "é"]
)  # fmt: skip
texts = (
    st.text(max_size=60) | st.text(st.characters(), max_size=20) | st.lists(pieces, max_size=30).map("".join)
)


@given(texts, st.sampled_from([SCHEMA, OBJECT, ANYTHING]), finish_reasons)
def test_judge_never_raises(text, schema, finish_reason):
    """For any text there is a judgement, and exactly one of value and failure."""
    judged = judge(text, schema, finish_reason=finish_reason)

    assert judged.ok == (judged.failure is None) == (judged.form is not None)
    assert not judged.ok or schema.is_valid(judged.value)


def lists(levels, inside):
    for _ in range(levels):
        inside = [inside]
    return inside


NESTED = {"items": {"$ref": "#"}, "type": ["array", "null"]}
REPEATED = {"properties": {"a": {"type": "string", "pattern": "(a+)+$"}}}


@pytest.mark.parametrize("document", [NESTED, REPEATED], ids=["bounded", "measured"])
def test_a_number_within_the_limits_of_the_call_is_judged(document):
    """What the caller allows a number to be long is neither counted nor measured against the usual limit."""
    long = Limits(max_number_chars=1_000)

    judged = judge('{"a": 1%s}' % ("0" * 500), Schema.of(document), limits=long)

    assert judged.failure.code == "type"


@pytest.mark.parametrize("inside", [None, 1])
def test_strings_that_are_too_deep_together_are_a_failure(inside):
    """A list in a string in a list may be deeper than either."""
    text = json.dumps(lists(60, json.dumps(lists(60, inside))))

    assert judge(text, Schema.of(NESTED)).failure.code == "encoded_value"


@given(plain, st.sampled_from([None, 2]))
def test_bare_json_is_clean(value, indent):
    """A JSON text of any value gives exactly that value, with form exact."""
    text = json.dumps(value, indent=indent)

    assert judge(text, ANYTHING) == Judgement(True, value, None, "clean")


@given(objects, st.text(string.ascii_letters + string.digits + " +-.=:/", max_size=12), st.booleans(), prose)
def test_fence_of_any_label_is_unwrapped(value, label, ascii_only, behind):
    """A fenced value, whatever the label and the prose behind, gives exactly it."""
    text = f"```{label}\n{json.dumps(value, ensure_ascii=ascii_only)}\n```\n{behind}"

    assert judge(text, OBJECT) == Judgement(True, value, None, "unwrapped")


@given(objects, prose, prose)
def test_prose_around_is_unwrapped(value, before, behind):
    """A value between any prose gives exactly it."""
    text = f"Well, {before} {json.dumps(value)} {behind}"

    assert judge(text, OBJECT) == Judgement(True, value, None, "unwrapped")


@given(plain, st.text(max_size=40), st.sampled_from(["think", "thinking", "reasoning", "analysis"]))
def test_reasoning_block_is_skipped(value, thoughts, tag):
    """A value behind a closed reasoning block gives exactly it, whatever was thought."""
    assume(f"</{tag}>" not in thoughts.lower())
    text = f"<{tag}>{thoughts}</{tag}>\n{json.dumps(value)}"

    assert judge(text, ANYTHING) == Judgement(True, value, None, "unwrapped")


@given(objects, st.data(), st.sampled_from([None, "length"]))
def test_cut_off_text_is_a_truncation(value, data, finish_reason):
    """Every proper prefix of an object's JSON is a truncation, unless the provider says that the model had finished."""
    text = json.dumps(value)
    cut = data.draw(st.integers(1, len(text) - 1))

    failure = judge(text[:cut], OBJECT, finish_reason=finish_reason).failure

    assert failure is not None
    assert failure.kind == "truncation"


@given(
    objects,
    st.data(),
    st.sampled_from([None, "length"]),
    st.sampled_from(["```json\n", "Here: ", "<think></think>"]),
)
@example({"a": {"b": 1}}, None, None, "Here: ")
def test_part_of_a_cut_off_text_is_never_a_value(value, data, finish_reason, before):
    """However it is wrapped, a text that ends inside JSON is not valid, even when a part of it would be."""
    text = json.dumps(value)
    cut = len(text) - 1 if data is None else data.draw(st.integers(1, len(text) - 1))

    assert not judge(before + text[:cut], OBJECT, finish_reason=finish_reason).ok


def test_takes_a_class_a_dict_and_a_path(tmp_path):
    """`judge` loads a schema from all sources that `guard` takes."""
    path = tmp_path / "number.json"
    path.write_text('{"type": "number"}')

    assert [judge("[1]", kind).ok for kind in (list[int], {"type": "array"}, path)] == [True, True, False]


def test_a_schema_that_is_none_is_an_error():
    """The error names the argument, if no schema can be loaded from it."""
    with pytest.raises(InvalidArgument, match="schema"):
        judge("{}", 3)
