"""The rule tables say what the tables of evidence say: a test for each cell of `cells.jsonl`.

A row is a schema that uses one feature and nothing else that a provider might mind. Its cells are the providers
by their effect: `ok`, `rejected`, `ignored`, `narrowed`, with `~` in front if the effect is only likely. A provider that a row
does not name is one of which it is not known.
"""

import json
from pathlib import Path

import pytest

from schema_guard.ext.fitting.linting import lint
from schema_guard.ext.fitting.rules.limits import Size, size_of
from schema_guard.ext.fitting.rules.tables import RULES
from schema_guard.schema import Schema
from tests.ext.fitting.rules.uses import NOT_CLOSED, closed, opened
from tests.thinned import costly

ROWS = [json.loads(line) for line in Path(__file__).with_name("cells.jsonl").read_text().splitlines()]
CELLS = [
    pytest.param(row["row"], provider, told, id=f"{row['row']}-{provider}")
    for row in ROWS
    for told, providers in row["cells"].items()
    for provider in providers.split()
]
SCHEMAS = {row["row"]: Schema.of(row["schema"]) for row in ROWS}
TEXT = {"type": "string"}


def told_of(schema, provider):
    """Give the effects that are told of a schema, those that are only likely with a mark before them."""
    findings = lint(opened(schema.document) if provider in NOT_CLOSED else schema, provider)
    marks = {"error": "", "warning": "~"}
    return {marks[one.severity] + one.effect for one in findings if one.severity != "info"} or {"ok"}


@pytest.mark.parametrize(("row", "provider", "told"), costly(CELLS, 5))
def test_a_cell_is_what_lint_says(row, provider, told):
    """A feature that a provider takes has no finding; another one has what becomes of it."""
    assert told_of(SCHEMAS[row], provider) == {told}


def test_every_table_has_cells():
    """The rows name providers that there are, and all of them."""
    assert {
        name for row in ROWS for names in row["cells"].values() for name in names.split()
    } == RULES.keys() - {"deepseek"}


LARGE = {
    "1001 values of enums": closed(
        {f"p{part}": {"enum": [f"{part} {n}" for n in range(143)]} for part in range(7)}
    ),
    "251 long values of an enum": closed({"a": {"enum": ["v" * 60 + str(number) for number in range(251)]}}),
    "120,001 characters": closed({"a": {"const": "v" * 120_000}}),
}


@pytest.mark.parametrize("schema", LARGE.values(), ids=LARGE)
def test_what_is_too_large_is_refused_by_one_and_taken_by_others(schema):
    """The limits of sizes are told once, at the root or at the enum."""
    assert [one.effect for one in lint(schema, "openai")] == ["rejected"]
    assert lint(schema, "llguidance") == []


def test_sizes_are_counted_with_each_definition_once():
    """A definition counts, once, whatever refers to it; what may be few in a request counts outside of it."""
    held = {**closed({"x": TEXT, "yy": {"type": ["string", "null"], "enum": ["v", None]}}), "required": []}
    places = {name: {"$ref": "#/$defs/d"} for name in "abc"}
    document = closed({**places, "e": closed({"f": {"anyOf": [TEXT]}})}, **{"$defs": {"d": held}})

    assert size_of(document) == Size(
        properties=7, levels=2, steps=3, characters=10, values=2, optional=0, unions=1
    )


def test_the_known_size_of_a_part_is_added_at_its_place():
    """A part that is not read again counts for as much as one that is read."""
    part = closed({"x": {"type": ["string", "null"]}, "yy": {"enum": ["v"]}})
    document = closed({"a": part, "b": {"type": "array", "items": part}}, **{"$defs": {"d": part}})

    assert size_of(document, {id(part): size_of(part)}) == size_of(document)


_TAGGED = [closed({"t": {"enum": values}}) for values in (["a"], ["b", "b"], ["c", "d"], ["e"])]


@pytest.mark.parametrize(
    ("branches", "is_overlapping"),
    [
        (_TAGGED, False),
        ([*_TAGGED, closed({"t": {"enum": ["x", "d"]}})], True),
        ([*_TAGGED, closed({"t": TEXT})], True),
        ([*_TAGGED, {"type": "string"}], False),
        (
            [
                closed({"t": {"const": one}, "u": {"const": other}})
                for one, other in ("aa", "ab", "ba", "bb", "cc")
            ],
            False,
        ),
        ([False, *_TAGGED, False], False),
    ],
)
def test_branches_with_a_tag_are_compared_where_it_does_not_tell_them_apart(branches, is_overlapping):
    """Branches overlap if two of them may have the same values of all tags."""
    told = [one.rule for one in lint({"oneOf": branches}, "llguidance") if one.keyword == "oneOf"]

    assert bool(told) is is_overlapping


def test_what_a_request_may_have_few_of_is_counted_outside_of_definitions():
    """Properties of a definition that may be absent count for nothing."""
    many = {**closed({f"p{number}": TEXT for number in range(25)}), "required": []}

    assert lint(closed({"a": {"$ref": "#/$defs/d"}}, **{"$defs": {"d": many}}), "anthropic") == []
    assert [one.rule for one in lint(many, "anthropic")] == ["anthropic-optional"]
