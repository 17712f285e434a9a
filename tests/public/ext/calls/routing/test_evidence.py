"""Facts about `Evidence`: what it tells of an input, and what it refuses to guess."""

# ruff: noqa: RUF001 - letters of other scripts

import pytest

from schema_guard import Evidence, InvalidArgument, Message


@pytest.mark.parametrize(
    ("script", "text", "holds"),
    [
        ("latin", "Rechnung Nr. 12, Café", True),
        ("latin", "Счёт номер 12", False),
        ("cyrillic", "Счёт номер 12 от ООО Ромашка, всего 12 EUR", True),
        ("latin", "Invoice 請求書 12 請求書請求書", False),
        ("han", "发票 12", True),
        ("latin", "12 345.67", True),
    ],
)
def test_a_script_is_what_the_letters_say(script, text, holds):
    """Four in five letters decide; digits and signs are of no script."""
    assert Evidence(script=[script]).holds(text, None) is holds


def test_the_length_is_that_of_all_texts_of_the_messages():
    """Both ends are included; what is no text is not counted."""
    task = (Message("system", "ab"), Message("user", [{"type": "text", "text": "cd"}, {"type": "image"}]))

    assert [Evidence(input_chars=(0, most)).holds(task, None) for most in (4, 5)] == [False, True]


def test_a_language_is_for_a_function_of_the_users():
    """It is given the text, and what it says counts."""
    assert Evidence(language=lambda text: "der" in text).holds("der Tag", None)


def test_all_that_is_said_must_hold():
    """A short text of another segment is no primary input."""
    evidence = Evidence(segments=["invoices", "(no segment)"], input_chars=(0, 3))

    assert [evidence.holds("abc", "invoices"), evidence.holds("abc", None)] == [True, True]
    assert [evidence.holds("abc", "letters"), evidence.holds("abcd", "invoices")] == [False, False]


def test_a_verdict_names_the_segments():
    """What `decide` says to tune is what is primary."""
    verdict = {"verdict": "FINE_TUNE_AND_ROUTE", "tune": ["invoices"], "prompt": ["letters"]}

    assert Evidence.of(verdict) == Evidence(segments=("invoices",))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Evidence, "nothing is said"),
        (lambda: Evidence(segments="invoices"), "segments='invoices'): expected names, such as"),
        (lambda: Evidence(script=["latni"]), "did you mean 'latin'?; for a language give language="),
        (lambda: Evidence(script=["german"]), "expected one of arabic"),
        (lambda: Evidence(language="de"), "expected a function that takes a text"),
        (lambda: Evidence(input_chars=(5, 1)), "expected the fewest and the most characters"),
        (lambda: Evidence.of({"verdicts": []}), "verdicts of several functions"),
        (
            lambda: Evidence.of("v.json"),
            "Evidence.of: 'v.json': expected what `schema-guard decide --format json`",
        ),
        (lambda: Evidence.of({"verdict": "PROMPTING_ENOUGH"}), "names no segments to tune"),
    ],
)
def test_what_says_nothing_is_refused(make, said):
    """The message says what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert said in str(caught.value)
