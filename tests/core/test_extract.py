"""Where the reading rule sees JSON texts."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.core.extract import Reading, Span, after, bracketed, read


@dataclass(frozen=True)
class Case:
    id: str
    text: str
    reading: Reading


def direct(start, end, *, exact):
    return Reading(direct=True, exact=exact, candidates=(Span(start, end),))


def found(*candidates, unclosed=()):
    return Reading(direct=False, exact=False, candidates=candidates, unclosed=unclosed)


CASES = [
    Case("object", '{"a":1}', direct(0, 7, exact=True)),
    Case("object_with_more_behind", "{} x", direct(0, 4, exact=True)),
    Case("white_space", " \n[1]", direct(2, 5, exact=True)),
    Case("string", '"x"', direct(0, 3, exact=True)),
    Case("scalar", "true ", direct(0, 4, exact=True)),
    Case("scalar_in_a_fence", "```\n1\n```", direct(4, 5, exact=False)),
    Case("byte_order_mark", "\ufeff{}", direct(1, 3, exact=False)),
    Case("fence", "```json\n{}", direct(8, 10, exact=False)),
    Case("reasoning", "<think>{</think>{}", direct(16, 18, exact=False)),
    Case("open_reasoning", "<think>{}", found(Span(7, 9))),
    Case("reasoning_closed_by_another_tag", "<think></analysis>{}", found(Span(18, 20))),
    Case("scalar_with_prose", "true, I think", found()),
    Case("leading_zero", "01", found()),
    Case("plus_sign", "+1", found()),
    Case("prose", "a {} b [1]", found(Span(2, 4), Span(7, 10))),
    Case("nested", "a {[]}", found(Span(2, 6, (Span(3, 5),)))),
    Case("unclosed", "a { []", found(Span(4, 6), unclosed=(2,))),
    Case("refusal", "I can't help {}", Reading(direct=False, exact=False, candidates=(), refusal=True)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_reading(case):
    """A reply opens with a JSON value and has one candidate, or is prose with those in it, or refuses."""
    assert read(case.text) == case.reading


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
    spans, unclosed = bracketed(case.text, 0)

    assert [case.text[span.start : span.end] for span in spans] == case.parts
    assert unclosed == case.unclosed


@given(st.text('{}[]"\\\n a', max_size=40))
def test_spans_lie_inside_one_another(text):
    """Spans are in order, do not overlap, begin and end with one kind of bracket, and hold their inner ones."""

    def check(spans, start, end):
        for span in spans:
            assert start <= span.start < span.end <= end
            assert text[span.start] + text[span.end - 1] in ("{}", "[]")
            check(span.inner, span.start + 1, span.end - 1)
            start = span.end

    spans, unclosed = bracketed(text, 0)

    check(spans, 0, len(text))
    assert all(text[position] in "{[" for position in unclosed)


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
    assert after(text, 0) == rest
