"""Repair of malformed JSON: what each step does, and the laws that keep it honest and linear."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Limits
from schema_guard.ext.repair import MAX_WORK
from schema_guard.ext.repair.scanner import Repaired, readings
from schema_guard.ext.repair.steps import STEPS
from schema_guard.parsing import NotJson, parse
from tests.public.calls.judging.repair_cases import LOSSLESS, LOSSY
from tests.thinned import costly

# What the parser may still refuse in a repaired text: none of it is syntax.
STILL_REFUSED = {
    "duplicate_key",
    "bad_unicode",
    "not_finite",
    "too_large",
    "too_deep",
    "too_many_nodes",
    "number_too_long",
}
LITERALS = {"none", "true", "false", "null", "nan", "undefined", "infinity"}
SIZES = (400, 3_200)


def repair(text, **settings):
    """The readings of a text."""
    return readings(text, **settings).repaired


@pytest.mark.parametrize("case", LOSSLESS, ids=lambda case: case.id)
def test_lossless_steps(case):
    """Each lossless step gives the one value that the text means, at both levels."""
    first = repair(case.text, level="lossless", finished=case.finished)[0]

    assert (parse(first.text, Limits()), first.steps, first.lossless) == (case.want, case.steps, True)
    assert repair(case.text, level="lossy", finished=case.finished)[0] == first


@pytest.mark.parametrize("case", LOSSY, ids=lambda case: case.id)
def test_lossy_steps(case):
    """Each lossy step gives the likeliest value, and no reading that is called lossless."""
    first = repair(case.text, level="lossy", finished=case.finished)[0]

    assert (parse(first.text, Limits()), first.steps, first.lossless) == (case.want, case.steps, False)
    assert repair(case.text, level="lossless", finished=case.finished) == []


def test_every_step_has_a_case():
    """Every step is shown by a case of its own kind: lossless ones by lossless cases."""
    shown = {step for case in LOSSLESS for step in case.steps}
    readings = [repair(case.text, level="lossy", finished=case.finished) for case in LOSSY]
    lossy = {step for result in readings for reading in result for step in reading.steps}

    # A JSON string that holds a value is no broken JSON: the schema says that it is one step more.
    assert shown == {name for name, step in STEPS.items() if step.lossless} - {"encoded_value"}
    assert lossy - shown == {name for name, step in STEPS.items() if not step.lossless}


@pytest.mark.parametrize(
    "text", ["", " \n", "}", ",", ":", '{"a": 1}{"b": 2}', '{"a": 1}, {"b": 2}', "1, 2", "// no", "-"]
)
def test_what_has_no_reading(text):
    """Nothing, a stray mark and several documents have no reading at any level."""
    assert repair(text, level="lossy", finished=True) == []


@pytest.mark.parametrize("text", ['{"a": "x} y', "['a, b", "[tru", '{"a": "12:30'])
def test_another_end_of_a_cut_string_is_a_further_reading(text):
    """Where a cut-off value may also be left out, or end elsewhere, that is a reading of its own."""
    readings = repair(text, level="lossy", finished=False)

    assert len({reading.text for reading in readings}) == len(readings) <= 4


def test_cut_value_may_be_left_out():
    """A value that was cut off is closed in the first reading and left out in the next."""
    readings = [reading.text for reading in repair('{"a": 1, "b": "2024-0', level="lossy", finished=False)]

    assert readings == ['{"a":1,"b":"2024-0"}', '{"a":1}']


@pytest.mark.parametrize(
    ("text", "want"),
    [('{"a": 1,000}', ['{"a":1000}', '{"a":"1,000"}']), ("[007]", ['["007"]', "[7]"])],
)
def test_numbers_that_are_none_have_two_readings(text, want):
    """What is a number to one reader and text to another has both readings; the schema decides."""
    assert [reading.text for reading in repair(text, level="lossy", finished=True)] == want


def test_hash_in_a_value_is_no_comment():
    """A colour without quotes is not taken for a comment."""
    assert repair('{"a": #fff, "b": 1}', level="lossy", finished=True)[0].text == '{"a":"#fff","b":1}'


def test_comment_that_swallows_members_is_lossy():
    """A line comment in a text of one line may have swallowed data: that is not lossless."""
    assert repair('{"a": 1, // one "b": 2}', level="lossless", finished=True) == []


def test_depth_beyond_the_parser_has_no_reading():
    """What is nested deeper than the parser reads is given up, however deep it is."""
    assert repair("[" * 1_000_000, level="lossy", finished=True) == []


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NESTED = st.lists(JSON_VALUES, max_size=4) | st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4)
# Texts of the marks that repair looks at: more telling than any characters.
MARKS = st.lists(
    st.sampled_from(
        [*"{}[]():,\"'\\\n `#/*+-;.0", "a", "b c", "tru", "None", "1,000", "0x1", "//", "/*", "...", "```"]
    )
    | st.sampled_from(
        ['"k": ', "“", "”", "\\u12", '\\"', "f(", "NaN", "\u2028", "\ud800", "é", "\x00", "], ", '", "']
    ),
    max_size=30,
).map("".join)


@given(text=MARKS | st.text(), level=st.sampled_from(["lossless", "lossy"]), finished=st.booleans())
def test_any_text(text, level, finished):
    """Any text gives readings that parse, or none: nothing raises, and every step has a name."""
    readings = repair(text, level=level, finished=finished)

    assert len(readings) <= 4
    for reading in readings:
        value = parse(reading.text, Limits())
        assert not isinstance(value, NotJson) or value.code in STILL_REFUSED, reading
        assert reading.lossless == all(STEPS[step].lossless for step in reading.steps)
        assert reading.lossless or level == "lossy"


@given(value=JSON_VALUES, indent=st.sampled_from([None, 1]), ascii_only=st.booleans(), finished=st.booleans())
def test_json_comes_back_as_it_is(value, indent, ascii_only, finished):
    """A text that is JSON is its only reading, unchanged, without a step."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    assert repair(text, level="lossy", finished=finished)[0] == Repaired(text, (), True)


SPACES = st.sampled_from(["", "", " ", "\n", "\u00a0"])


class Planting:
    """Writes a JSON value with faults that lose nothing; *draw* decides where."""

    def __init__(self, draw):
        self.draw = draw

    def chance(self):
        return self.draw(st.integers(0, 3)) == 0

    def gap(self):
        return self.draw(
            st.sampled_from(["", "", "", " ", "\n", "/* note */", " // note\n", "\u00a0", "\n# note\n"])
        )

    def text(self, value):
        written = json.dumps(value, ensure_ascii=False)
        if not self.chance():
            return written
        return "'" + written[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"

    def key(self, value):
        plain = value.isascii() and value.isidentifier() and value.lower() not in LITERALS
        return value if plain and self.chance() else self.text(value)

    def write(self, value):
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            members = [
                f"{self.key(key)}{self.draw(SPACES)}:{self.gap()}{self.write(item)}"
                for key, item in value.items()
            ]
            return "{" + self.items(members) + "}"
        if isinstance(value, list):
            return "[" + self.items([self.write(item) for item in value]) + "]"
        return repr(value) if self.chance() else json.dumps(value)

    def items(self, written):
        text = self.gap()
        for number, item in enumerate(written, start=1):
            comma = "," if number < len(written) or self.chance() else ""
            text += f"{item}{self.gap()}{comma}{self.gap()}"
        return text


@st.composite
def faulty(draw):
    """A value, and a text that means it and has faults which lose nothing."""
    value = draw(NESTED)
    text = Planting(draw).write(value)
    return value, text


@given(planted=faulty())
def test_planted_faults_are_undone(planted):
    """Faults of syntax planted in a JSON text are undone without loss, to exactly the value."""
    value, text = planted

    first = repair(text, level="lossless", finished=False)[0]

    assert json.dumps(parse(first.text, Limits())) == json.dumps(value)


@given(value=st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), JSON_VALUES, min_size=1), min_size=1))
def test_missing_commas_are_put_in(value):
    """Objects and members that stand side by side, each on its line, get their commas."""
    rows = [
        "{" + "\n".join(f'"{key}": {json.dumps(item)}' for key, item in row.items()) + "}" for row in value
    ]

    first = repair("[" + "\n".join(rows) + "]", level="lossless", finished=False)[0]

    assert json.dumps(parse(first.text, Limits())) == json.dumps(value)


@given(data=st.data(), value=NESTED, planted=st.booleans())
def test_cut_text_is_never_lossless(data, value, planted):
    """A text cut off anywhere has no lossless reading while the model is not known to have finished."""
    text = Planting(data.draw).write(value) if planted else json.dumps(value)
    text = text.rstrip()
    cut = text[: data.draw(st.integers(0, len(text) - 1))]

    assert repair(cut, level="lossless", finished=False) == []
    assert all(not reading.lossless for reading in repair(cut, level="lossy", finished=False))


@given(value=NESTED)
def test_closers_of_a_finished_text_are_added(value):
    """The closers that a finished text lacks at its end are added without loss."""
    text = json.dumps(value)
    stored = text.rstrip("]}")

    first = repair(stored, level="lossless", finished=True) if stored[-1:] not in ('"', "") else []

    assert all(json.dumps(parse(reading.text, Limits())) for reading in first)


SHAPES = {
    "openers": "[",
    "objects": '{"a":',
    "quotes": '" a',
    "quotes and commas": '", "',
    "forgotten quotes": '"a, ',
    "forgotten quotes of members": '"a": "b, ',
    "forgotten quotes of members, lines": '"a": "b\n',
    "apostrophes and closers": "'} x ",
    "backslashes": "\\",
    "invalid escapes": "\\a",
    "line breaks": "\n",
    "comments": "/* */",
    "open comments": "/*",
    "words": "a ",
    "words and line breaks": "a\n",
    "colons": ":",
    "commas": ",",
    "closers": "}",
    "members behind the object": '}, "b": 1',
    "sums": ' + "a"',
    "fences": "```",
    "ellipses": "…",
    "points": ".",
    "hash comments": "# x\n",
    "odd spaces": "\u200b ",
    "openers of both kinds": "{[",
    "rows": '{\'a\': 1, b: "x" "c": True,},',
}


@pytest.mark.parametrize("start", costly(["", "{", "[", '{"a": "', "['", "{a: b "], 3))
@pytest.mark.parametrize("unit", SHAPES.values(), ids=SHAPES.keys())
def test_work_grows_in_step_with_the_text(start, unit):
    """Twice the text is at most about twice the work, whatever the text repeats."""
    work = [
        readings(start + unit * size, level="lossy", finished=False, max_work=10**9).work for size in SIZES
    ]

    assert work[1] <= 1.1 * work[0] * SIZES[1] / SIZES[0] + 50


@pytest.mark.parametrize("unit", ["{,", "a, ", "'x' y ", "(1)", "1_0 ", "x: 'it's', "])
def test_more_faults_than_are_looked_at_are_told(unit):
    """A text of tens of thousands of odd faults is given up, and that is told; never is more than the limit done."""
    result = readings("[" + unit * 40_000, level="lossy", finished=True)

    assert (result.complete, result.work) == (False, MAX_WORK)


@pytest.mark.parametrize(
    ("text", "want", "step"),
    [
        ("[1,],", [1], "trailing_comma"),
        ("[1 2] ", [1, 2], "missing_comma"),
        ("{'a':'b'},", {"a": "b"}, "single_quotes"),
        ("{“a”: “b”},", {"a": "b"}, "single_quotes"),
        ("[None],", [None], "python_literal"),
        ("{a:1},", {"a": 1}, "unquoted_key"),
        ("[1,/**/2],", [1, 2], "comment"),
        ('["a\nb"],', ["a\nb"], "raw_newline"),
        ('["\\d"],', ["\\d"], "invalid_escape"),
    ],
)
def test_thousands_of_faults_are_repaired(text, want, step):
    """A list with thousands of faults of a usual kind is repaired."""
    result = readings("[" + text * 3_000 + "]", level="lossless", finished=True)

    assert parse(result.repaired[0].text, Limits()) == [want] * 3_000
    assert step in result.repaired[0].steps


@given(planted=faulty(), left=st.integers(0, 60))
def test_fewer_places_give_fewer_readings_and_no_others(planted, left):
    """With a lower limit a text has the same readings, or fewer and that is told."""
    _, text = planted

    whole = readings(text, level="lossy", finished=False)
    part = readings(text, level="lossy", finished=False, max_work=left)

    assert part.repaired == whole.repaired[: len(part.repaired)]
    assert part.complete == (whole.work <= left)
