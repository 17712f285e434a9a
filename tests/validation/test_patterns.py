"""Regular expressions: what they may cost, and how they are rewritten so that they cost less."""

import re

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidSchema, Schema
from schema_guard.validation.patterns import Traits, for_python, loosened, tightened, traits
from schema_guard.validation.reference_engine import check_python


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^[a-z]{1,20}$", Traits(20, False, False, 1, True)),
        ("^(a+)+$", Traits(1, False, True, 2, True)),
        ("(a|b)*c", Traits(3, False, True, 2, True)),
        ("(?=a)b", Traits(2, True, False, 1, False)),
        (r"(a)\1", Traits(2, True, False, 1, False)),
        (r"^\p{L}{1,1000}$", Traits(700_000, False, False, 1, True)),
        ("^(a{1,1000}){1,1000}$", Traits(1_000_000, False, True, 2, False)),
        ("[ab]*a[ab]{500}", Traits(502, False, False, 3, False)),
        (r"\(\*\{[*+(]{3}", Traits(6, False, False, 1, True)),
        ("^(?:a{3}){2}$", Traits(6, False, False, 0, True)),
    ],
)
def test_traits_are_read_from_the_text(pattern, expected):
    """ValueSize, backtracking, nesting and degree follow from the expression alone."""
    assert traits(pattern) == expected


@given(st.text(alphabet="ab()[]{}*+?|\\^$.,:=!<>1290p{", max_size=40))
def test_any_text_has_traits_and_is_tightened_back(pattern):
    """Reading never fails, and what was rewritten can be told as it was written."""
    assert traits(pattern).size >= 0
    assert tightened(loosened(pattern)) == tightened(pattern)


_ATOMS = st.sampled_from(["a", "b", "[ab]", ".", r"\w", "(?:ab|a)"])
_PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.builds("({})".format, inner),
        st.builds("{}{}".format, inner, inner),
        st.builds("(?:{}){{0,{}}}".format, inner, st.integers(11, 14)),
    ),
    max_leaves=4,
)


@given(_PATTERNS, st.text(alphabet="abc", max_size=12))
def test_loosened_expression_matches_the_same_texts(pattern, text):
    """Counting a repetition instead of writing it out changes no answer."""
    plain, counted = (
        jsonschema_rs.Draft202012Validator({"pattern": f"^{each}$"}, offline=True)
        for each in (pattern, loosened(pattern))
    )

    assert plain.is_valid(text) is counted.is_valid(text)


def test_python_reads_an_end_and_a_class_as_ecma_does():
    """A last newline is no end, and a bracket in a class is a bracket."""
    assert re.search(for_python(r"^[[a]+\$$"), "[a$")
    assert not re.search(for_python("^a$"), "a\n")


@pytest.mark.parametrize("pattern", ["(a+)+", "(a|aa)+", "(a{1,100}){1,100}", "((a*)b*)*"])
def test_repeated_repetition_is_unsafe_for_python(pattern):
    """An engine without a limit never gets an expression that may take exponential time."""
    with pytest.raises(InvalidSchema, match="repeats a repetition") as caught:
        check_python(pattern, "/pattern")

    assert (caught.value.code, caught.value.location) == ("unsafe_pattern", "/pattern")


def test_expression_that_is_none_is_invalid():
    """What no engine compiles is told with its place."""
    with pytest.raises(InvalidSchema, match="at /a: expected a regular expression, got '\\('") as caught:
        check_python("(", "/a")

    assert caught.value.code == "invalid"


def test_expression_of_python_only_takes_the_reference_engine(monkeypatch):
    """What the fast engine refuses and Python may match safely is validated by jsonschema."""
    refuse = refusing("^ab$")
    monkeypatch.setattr("schema_guard.validation.fast_engine.fast", refuse)
    monkeypatch.setattr("schema_guard.validation.reference_engine.fast", refuse)
    monkeypatch.setattr("schema_guard.schema._cache", {})

    schema = Schema.of({"items": {"pattern": "^ab$"}, "title": "python only"})

    assert schema.engine == "jsonschema"
    assert [v.instance_location for v in schema.violations(["ab", "abb", "ab\n"])] == ["/1", "/2"]


def refusing(pattern):
    """Give a fast engine that refuses one expression."""
    from schema_guard.validation.fast_engine import fast  # before it is replaced

    def compiled(document, dialect, **options):
        if pattern in str(document):
            return fast({"pattern": "["}, dialect, formats=True)
        return fast(document, dialect, **options)

    return compiled
