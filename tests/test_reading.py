"""Where the reading rule sees JSON texts."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.reading import brackets, read, text_after


@dataclass(frozen=True)
class Case:
    """A text with the texts that it may mean."""

    id: str
    text: str
    candidates: tuple[str, ...] = ()
    direct: bool = False
    clean: bool = False
    unclosed: tuple[int, ...] = ()
    refusal: bool = False


def direct(name, text, candidate, *, clean=False):
    return Case(name, text, (candidate,), direct=True, clean=clean)


CASES = [
    direct("object", '{"a":1}', '{"a":1}', clean=True),
    direct("object_with_more_behind", "{} x", "{} x", clean=True),
    direct("white_space", " \n[1]", "[1]", clean=True),
    direct("string", '"x"', '"x"', clean=True),
    direct("scalar", "true ", "true", clean=True),
    direct("scalar_in_a_fence", "```\n1\n```", "1"),
    direct("byte_order_mark", "\ufeff{}", "{}"),
    direct("fence", "```json\n{}", "{}"),
    direct("closed_fence", '```json\n{"a": [1]}\n```\n', '{"a": [1]}'),
    direct("closed_tilde_fence", "~~~\n[1]\n~~~", "[1]"),
    direct("closed_fence_on_the_line", "```json {}```", "{}"),
    direct("fence_behind_an_open_object", '```\n{"a": {}\n```', '{"a": {}\n```'),
    direct("fence_behind_a_cut_string", '```\n{"a": "b\n```', '{"a": "b\n```'),
    direct("fence_behind_brackets_in_a_string", '```\n{"a": "{"}\n```', '{"a": "{"}\n```'),
    direct("prose_behind_the_fence", "```\n{}\n```\nso", "{}\n```\nso"),
    direct("two_fences", "```\n{}\n```\n```\n{}\n```", "{}\n```\n```\n{}"),
    direct("reasoning", "<think>{</think>{}", "{}"),
    direct("reasoning_in_capitals", "<THINK>{</Think>{}", "{}"),
    direct("reasoning_of_two_kinds", "<think></think>\n[THINK][/THINK] []", "[]"),
    direct("reasoning_opened_by_the_template", "so { </think> {}", "{}"),
    direct("reasoning_and_fence", "<think>{</think>\n```json\n{}\n```", "{}"),
    Case("open_reasoning", "<think>{}", ("{}",)),
    Case("reasoning_closed_by_another_tag", "<think></analysis>{}", ("{}",)),
    Case("scalar_with_prose", "true, I think"),
    Case("leading_zero", "01"),
    Case("plus_sign", "+1"),
    Case("prose", "a {} b [1]", ("{}", "[1]")),
    Case("nested", "a {[]}", ("{[]}",)),
    Case("unclosed", "a { []", ("[]",), unclosed=(2,)),
    Case("refusal", "I can't help {}", refusal=True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_reading(case):
    """A reply opens with a JSON value and has one candidate, or is prose with those in it, or refuses."""
    text = read(case.text)

    assert (
        Case(
            case.id,
            case.text,
            tuple(case.text[span.start : span.end] for span in text.candidates),
            text.direct,
            text.clean,
            text.unclosed,
            text.refusal,
        )
        == case
    )
    assert text.complete


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't do that.",
        "I\u2019m sorry, I cannot",
        "Unfortunately, I am unable to comply with this.",
        "I won't provide it",
        "This is against my guidelines.",
        "I must decline.",
    ],
)
def test_refusals_are_known(text):
    """Prose that refuses in its first sentences is a refusal."""
    assert read(text).refusal


@pytest.mark.parametrize(
    "text",
    [
        "I can help with that",
        "Sorry for the delay. {}",
        "x" * 400 + " I cannot help",
        "I cannot see a problem",
    ],
)
def test_other_prose_is_no_refusal(text):
    """Prose that answers, or says so only far below, is none."""
    assert not read(text).refusal


@dataclass(frozen=True)
class Bracketed:
    id: str
    text: str
    parts: list[str]
    unclosed: tuple[int, ...] = ()


BRACKETED = [
    Bracketed("string_hides_brackets", '{"a":"}"} {}', ['{"a":"}"}', "{}"]),
    Bracketed("escaped_quote", r'{"a":"\"}"}', [r'{"a":"\"}"}']),
    Bracketed("string_ends_at_the_line", '{"a\n} {}', ['{"a\n}', "{}"]),
    Bracketed("quotes_outside_do_not_count", '" {} "', ["{}"]),
    Bracketed("wrong_closing_frees_the_inner_ones", "{ [1] ] {}", ["[1]", "{}"]),
    Bracketed("unclosed_frees_the_inner_ones", "{ [1] {} (", ["[1]", "{}"], (0,)),
    Bracketed("unclosed_string", '{"a', [], (0,)),
]


@pytest.mark.parametrize("case", BRACKETED, ids=lambda case: case.id)
def test_brackets_are_balanced(case):
    """Brackets in strings do not count, and a stray one costs no more than itself."""
    result = brackets(case.text, 0)

    assert [case.text[span.start : span.end] for span in result.spans] == case.parts
    assert result.unclosed == case.unclosed


def nested_parts(spans):
    """Balanced brackets as places, each with those directly inside it."""
    return [(span.start, span.end, nested_parts(span.inside.spans)) for span in spans]


def by_hand(text, start):
    """The places of balanced brackets and of unclosed ones, a character at a time."""
    stack, result, at = [], [], start
    while at < len(text):
        char = text[at]
        if char == '"' and stack:
            at += 1
            while at < len(text) and text[at] not in '"\n':
                at += 2 if text[at] == "\\" else 1
        elif char in "{[":
            stack.append((char, at, []))
        elif char in "}]" and stack and stack[-1][0] + char in ("{}", "[]"):
            _, opened, inside = stack.pop()
            (stack[-1][2] if stack else result).append((opened, at + 1, inside))
        elif char in "}]":
            result += [part for _, _, inside in stack for part in inside]
            stack.clear()
        at += 1
    result += [part for _, _, inside in stack for part in inside]
    return result, tuple(opened for _, opened, _ in stack)


BRACKETS = st.text('{}[]"\\\n a', max_size=40) | st.builds(
    lambda levels, inside, closers: "[" * levels + inside + "]" * closers,
    st.integers(0, 12),
    st.text('{}[]"a', max_size=12),
    st.integers(0, 12),
)


@given(BRACKETS)
def test_brackets_are_those_that_are_found_by_hand(text):
    """Balanced brackets, those inside them, and unclosed ones are found as by reading a character at a time."""
    result = brackets(text, 0)

    assert (nested_parts(result.spans), result.unclosed) == by_hand(text, 0)
    assert result.complete


@pytest.mark.parametrize("unit", ["{}", "{} ", "x[1]", "}{", "{]", "[a", '{"'])
def test_more_brackets_than_are_looked_at_are_told(unit):
    """Of a text with tens of thousands of brackets not all are given, and that is told."""
    assert not brackets(unit * 40_000, 0).complete


def test_brackets_in_a_few_levels_are_taken_whole():
    """A table of tens of thousands of brackets is one part of a text, below other brackets too."""
    text = '{"b":{"c":{"d":[' + ",".join(['{"a":[[1,2],{"b":3}]}'] * 15_000) + "]}}}"

    result = brackets(f"so: {text}.", 0)

    assert [(span.start, span.end) for span in result.spans] == [(4, 4 + len(text))]
    assert result.complete


AFTER = [
    ("", ""),
    (" \n", ""),
    ("\n```\n", ""),
    ("~~~", ""),
    (" x", "x"),
    ("~~~ {", "{"),
    (" ```\n{}", "{}"),
    ("\n```json\n{}", "{}"),
    ("\n```\n\n```json\n{}", "{}"),
    ("\n```\nor\n```json\n{}", "or\n```json\n{}"),
]


@pytest.mark.parametrize(("text", "rest"), AFTER)
def test_fences_behind_a_document_are_skipped(text, rest):
    """What follows a JSON text begins behind white space, its closing fence and the next opening one."""
    assert text_after(text, 0) == rest


def test_a_mark_of_reasoning_inside_a_fenced_value_is_text():
    """What stands in a string of a fenced JSON text closes no reasoning block, whichever fence it is."""
    for fence in ("```", "~~~"):
        text = read(f'{fence}\n{{"name": "</think>"}}\n{fence}\n')

        assert [candidate.text[candidate.start : candidate.end] for candidate in text.candidates] == [
            '{"name": "</think>"}'
        ]
