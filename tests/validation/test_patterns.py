"""Regular expressions: what they may cost, and how they are rewritten so that they cost less."""

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidSchema, Schema
from schema_guard.validation.patterns import Traits, coded, loosened, tightened, traits


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
    assert tightened(loosened(coded(pattern))) == tightened(pattern)


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


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("^[[a]+$", "[a", "b"),
        ("^[[a-z]*[-]?[a-z]*]*$", "[a-b]]", "A"),
        ("^{{.*}}$", "{{a}}", "{a}"),
        ("^a{,3}$", "a{,3}", "aaa"),
        (r"^[\b\0]\0$", "\b\0", "\0\b"),
        (r"^\[{2}\{[\[\]]$", "[[{]", "[{]"),
        ("^a[^]b$", "a\nb", "ab"),
        ("^(?:a|[])$", "a", ""),
    ],
)
@pytest.mark.parametrize("dialect", ["draft4", "draft7", "2020-12"])
def test_expression_of_ecma_is_read_as_it_is(pattern, matching, other, dialect):
    """The engine gets the codes of characters that only ECMA 262 takes. Users see the pattern of the author."""
    schema = Schema.of({"items": {"pattern": pattern}}, dialect=dialect)

    assert schema.engine == "jsonschema-rs"
    assert [(v.instance_location, v.expected) for v in schema.violations([matching, other])] == [
        ("/1", f"a string that matches {pattern!r}")
    ]


@pytest.mark.parametrize("pattern", ["^[^]]$", "^[]a]$", r"^[\d[-]$"])
def test_pattern_has_the_same_meaning_beside_one_that_only_ecma_takes(pattern):
    """A pattern that the engine accepts stays as it is, although another pattern of the schema is rewritten."""
    alone, beside = (
        Schema.of({"pattern": pattern}),
        Schema.of({"pattern": pattern, "items": {"pattern": "{"}}),
    )

    texts = ["a", "b", "[", "]", "-", "a]", "1"]
    assert [alone.is_valid(text) for text in texts] == [beside.is_valid(text) for text in texts]


def test_name_of_a_pattern_is_shown_as_it_is():
    """A place in a schema has the pattern of its author, and not that of the engine."""
    schema = Schema.of({"patternProperties": {"^[[a]": {"pattern": "{"}}})

    assert [v.keyword_location for v in schema.violations({"[": "", "a": "{"})] == [
        "/patternProperties/^[[a]/pattern"
    ]


def test_data_with_the_names_of_keywords_stays_as_it_is():
    """A key `pattern` in a constant or an enumeration is no expression."""
    schema = Schema.of(
        {
            "properties": {
                "default": {"pattern": "^{"},
                "enum": {"enum": [{"pattern": "{"}]},
                "const": {"const": {"patternProperties": {"{": 1}}},
            }
        }
    )

    assert schema.is_valid({"enum": {"pattern": "{"}, "const": {"patternProperties": {"{": 1}}})
    assert [v.instance_location for v in schema.violations({"default": "a"})] == ["/default"]


@pytest.mark.parametrize(
    ("fault", "location"),
    [
        ({"pattern": "(?P<n>"}, "/properties/b/pattern"),
        ({"patternProperties": {"({": True}}, "/properties/b/patternProperties/({"),
        ({"$ref": "#/$defs/none"}, "/properties/b/$ref"),
    ],
)
def test_error_names_the_fault_and_not_what_only_ecma_takes(fault, location):
    """The location is that of the fault, although the engine refuses another expression first."""
    with pytest.raises(InvalidSchema, match=r"expected a regular expression|leads nowhere") as caught:
        Schema.of({"properties": {"a": {"pattern": "^{"}, "b": fault}})

    assert caught.value.location == location


@pytest.mark.parametrize("pattern", ["^{", "^(a{1,1000}){1,1000}$"])
def test_error_shows_the_pattern_of_the_author(pattern):
    """The location of an error has the pattern of its author, and not that of the engine."""
    with pytest.raises(InvalidSchema) as caught:
        Schema.of({"patternProperties": {pattern: {"minLength": -1}}})

    assert caught.value.location == f"/patternProperties/{pattern}/minLength"
    assert f"at {caught.value.location}: " in str(caught.value)


@pytest.mark.parametrize("pattern", ["(", "a**", r"^a\Z", "(?P<n>a)(?P=n)", r"^\07$", r"[\01]"])
def test_expression_that_is_none_is_invalid(pattern, monkeypatch):
    """Both engines refuse what is no expression of ECMA 262, with its place."""
    for most in (1_000, 0):
        monkeypatch.setattr("schema_guard.validation.fast_engine.MAX_CROSSINGS", most)
        with pytest.raises(InvalidSchema, match="expected a regular expression, got") as caught:
            Schema.of({"properties": {"a": {"pattern": pattern}}})
        assert (caught.value.code, caught.value.location) == ("invalid", "/properties/a/pattern")
