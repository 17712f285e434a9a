"""One JSON text: its value, or the code of what is wrong with it."""

import json
import tarfile
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Limits
from schema_guard.parsing import NotJson, parse
from tests.public.calls.judging.json_texts import REFUSED, VALUES

DEFAULTS = Limits()
DEEP = Limits(max_depth=100_000)


def code(text, limits=DEFAULTS):
    """The code of what is wrong with a text; None when it is JSON."""
    value = parse(text, limits)
    return value.code if isinstance(value, NotJson) else None


@pytest.mark.parametrize("case", VALUES, ids=lambda case: case.id)
def test_json_gives_its_value(case):
    """A JSON text gives its value."""
    value = parse(case.text, DEFAULTS)

    assert (value, type(value)) == (case.value, type(case.value))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_code_says_what_is_wrong(case):
    """A text that is no JSON, or means two things, is refused with the code of the reason."""
    assert code(case.text) == case.code


@dataclass(frozen=True)
class Bound:
    """A text exactly at a limit, and one above it by one."""

    id: str
    limits: Limits
    at: str
    above: str
    code: str


BOUNDS = [
    Bound("bytes", Limits(max_bytes=5), '"\u00e9x"', '"\u00e9xx"', "too_large"),
    Bound("default_depth", DEFAULTS, "[" * 100 + "]" * 100, "[" * 101 + "]" * 101, "too_deep"),
    Bound(
        "depth_of_many_brackets",
        DEFAULTS,
        "[" * 99 + "[],{}" + ",[]" * 9 + "]" * 99,
        "[" * 99 + "[],{}" + ",[]" * 9 + ",[[]]" + "]" * 99,
        "too_deep",
    ),
    Bound("depth_of_objects", Limits(max_depth=2), '{"a":{}}', '{"a":{"b":{}}}', "too_deep"),
    Bound("depth_and_not_brackets", Limits(max_depth=2), "[[],[],[],[]]", "[[],[],[[]]]", "too_deep"),
    Bound("brackets_in_strings", Limits(max_depth=1), '["[[[[{{{{"]', '["[", []]', "too_deep"),
    Bound("items", Limits(max_nodes=4), "[1,1,1]", "[1,1,1,1]", "too_many_nodes"),
    Bound("members", Limits(max_nodes=5), '{"a":1,"b":2}', '{"a":1,"b":[2]}', "too_many_nodes"),
    Bound("values_of_a_deep_text", Limits(1000, 1000, 5), "[[[[1]]]]", "[[[[[1]]]]]", "too_many_nodes"),
    Bound("commas_in_strings", Limits(max_nodes=2), '["a,b,c:d,{"]', '["a",1]', "too_many_nodes"),
    Bound("default_nodes", DEFAULTS, f"[1{',1' * 199_998}]", f"[1{',1' * 199_999}]", "too_many_nodes"),
    Bound("default_integer", DEFAULTS, "1" * 400, "1" * 401, "number_too_long"),
    Bound("negative_integer", DEFAULTS, "[-" + "1" * 399 + "]", "[-" + "1" * 400 + "]", "number_too_long"),
    Bound("mantissa", DEFAULTS, "0." + "1" * 398, "0." + "1" * 399, "number_too_long"),
    Bound("exponent", DEFAULTS, "1e-" + "0" * 396 + "1", "1e-" + "0" * 397 + "1", "number_too_long"),
    Bound("short_number", Limits(max_number_chars=3), "[123]", "[1234]", "number_too_long"),
    Bound("number_of_60", Limits(max_number_chars=60), "1" * 60, "1" * 61, "number_too_long"),
    Bound("number_of_150", Limits(max_number_chars=150), "1" * 150, "1" * 151, "number_too_long"),
    Bound("digits_in_strings", Limits(max_number_chars=3), '["12345"]', '["1", 2345]', "number_too_long"),
]  # fmt: skip


@pytest.mark.parametrize("case", BOUNDS, ids=lambda case: case.id)
def test_limits_are_exact(case):
    """A text at a limit is accepted, one above it by one is refused with the limit's code."""
    assert (code(case.at, case.limits), code(case.above, case.limits)) == (None, case.code)


@pytest.mark.parametrize("start", range(0, 220, 7))
def test_long_number_is_found_wherever_it_stands(start):
    """A number beyond the limit is refused at every offset and under every limit of its length."""
    text = '["' + "x" * start + '",' + "1" * 230 + "]"

    assert [code(text, Limits(max_number_chars=size)) for size in (229, 230)] == ["number_too_long", None]


ENDS = ["{}", "[1]", '"x"', '{"é":"ü"}', '{\n "é":\n 1}', '[\r\n"日本"]', "1", "true"]


@pytest.mark.parametrize("document", ENDS)
@pytest.mark.parametrize("rest", [" x", "\nx", "{}", "\n\né", "```"])
def test_end_of_the_document_is_known(document, rest):
    """When only what follows is wrong, the place where the JSON text ended is known, in bytes."""
    value = parse(document + rest, DEFAULTS)

    assert isinstance(value, NotJson)
    assert json.loads((document + rest).encode()[: value.end]) == json.loads(document)


@given(st.text() | st.text('{}[]",:\\u0de1.-+ntrfalsu \n', max_size=60))
def test_parser_agrees_with_the_standard_library(text):
    """A text is accepted only if the standard library reads the same value; nothing raises."""
    value = parse(text, DEFAULTS)

    if not isinstance(value, NotJson):
        assert json.loads(text) == value


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(plain, st.booleans())
def test_json_of_any_value_comes_back(value, ascii_only):
    """What JSON was made of comes back equal."""
    assert parse(json.dumps(value, ensure_ascii=ascii_only), DEFAULTS) == value


@given(st.integers(0, 700), st.integers(-700, 700), st.sampled_from(["", "-"]))
def test_infinite_floats_never_come_out(digits, exponent, sign):
    """A float is finite and equals Python's, or it is refused; an integer keeps every digit."""
    text = f"{sign}1{'0' * digits}e{exponent}"
    value = parse(text, Limits(max_number_chars=2_000))

    assert (value.code if isinstance(value, NotJson) else value) == (
        "not_finite" if float(text) in (float("inf"), float("-inf")) else float(text)
    )


# Stricter than the suite on purpose: two readers of such an object may see two different things.
STRICTER = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}


def _suite(corpora):
    with tarfile.open(corpora / "json-test-suite.tar.gz") as archive:
        for member in archive:
            if member.isfile() and member.name.startswith("test_parsing/"):
                yield member.name.rpartition("/")[2], archive.extractfile(member).read()


def test_parsing_suite_is_kept(corpora):
    """Of the public parsing suite no invalid text is accepted, and no valid one refused but for duplicate keys."""
    results = {}
    for name, data in _suite(corpora):
        # What is not UTF-8 becomes lone surrogates, as at the command line.
        results[name] = code(data.decode("utf-8", "surrogateescape"))

    assert len(results) == 318
    assert {name for name in results if name[0] == "n" and results[name] is None} == set()
    assert {name for name in results if name[0] == "y" and results[name] is not None} == STRICTER
    assert {results[name] for name in STRICTER} == {"duplicate_key"}
