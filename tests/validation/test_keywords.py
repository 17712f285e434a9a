"""The keywords of JSON Schema against the metaschemas of the drafts."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from jsonschema_specifications import REGISTRY

from schema_guard.validation.document import DRAFTS
from schema_guard.validation.keywords import KEYWORDS, draft_of, subschemas_at

# Kept in the metaschemas of these drafts so that old schemas are not misread; and what one forgot.
_RETAINED = {
    2019: {"definitions", "dependencies"},
    2020: {"definitions", "dependencies", "$recursiveRef", "$recursiveAnchor"},
}
_UNWRITTEN = {4: {"$ref"}, 7: {"writeOnly"}}
# What stands for a schema in the metaschema of each draft.
_ITSELF = ({"$ref": "#"}, {"$recursiveRef": "#"}, {"$dynamicRef": "#meta"})
_KINDS = {
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "string": {"minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType", "contentSchema"},
}  # fmt: skip


@cache
def _written(dialect: str) -> dict[str, tuple[dict[str, Any], Any]]:
    """Give each keyword that the metaschemas of a draft describe: the document, and what it says of the keyword."""
    root = REGISTRY.contents(dialect + ("#" if "draft-0" in dialect else ""))
    base = dialect.rpartition("/")[0]
    parts = [REGISTRY.contents(f"{base}/{part['$ref']}") for part in root.get("allOf", ())]
    return {
        name: (part, says if isinstance(says, dict) else {})
        for part in (root, *parts)
        for name, says in part["properties"].items()
    }


def _forms(part: dict[str, Any], says: Any) -> set[str]:
    """Give the ways in which the metaschema lets a keyword hold schemas."""
    result = {"single"} if _holds_schema(says) else set()
    for arm in (_behind(part, each) for each in (says, *says.get("anyOf", ()))):
        if _holds_schema(arm.get("items")) and arm.get("type") == "array":
            result.add("list")
        if _holds_schema(arm.get("additionalProperties")) and arm.get("type") == "object":
            result.add("map")
    return result


def _behind(part: dict[str, Any], says: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference inside a metaschema."""
    place = says.get("$ref", "#")
    if not place.startswith("#/"):
        return says
    _, folder, name = place.split("/")
    return part[folder][name]


def _holds_schema(says: Any) -> bool:
    return isinstance(says, dict) and (
        says in _ITSELF or any(arm in _ITSELF for arm in says.get("anyOf", ()))
    )


@pytest.mark.parametrize("dialect", DRAFTS)
def test_a_draft_has_the_keywords_that_its_metaschemas_describe(dialect: str) -> None:
    """Since and until agree with which metaschemas name a keyword."""
    draft = draft_of(dialect)
    known = {row.name for row in KEYWORDS.values() if row.since <= draft <= row.until}

    assert known == set(_written(dialect)) - _RETAINED.get(draft, set()) | _UNWRITTEN.get(draft, set())


@pytest.mark.parametrize("dialect", DRAFTS)
def test_subschemas_stand_where_the_metaschemas_say(dialect: str) -> None:
    """A keyword holds one schema, a list or a map of them as the metaschemas write it."""
    draft = draft_of(dialect)
    written = {name: _forms(*result) for name, result in _written(dialect).items()}

    for row in KEYWORDS.values():
        if row.since <= draft <= row.until and row.name in written:
            assert written[row.name] <= set(row.forms), row.name
            # "items" lost its list in 2020-12.
            assert written[row.name] == set(row.forms) or row.name == "items", row.name


def test_a_keyword_with_subschemas_has_a_place_for_them() -> None:
    """Place and forms go together, and what is told by its own name is no mere note."""
    for row in KEYWORDS.values():
        assert (row.place is None) is (not row.forms), row.name
        assert not (row.is_value and not row.reported), row.name
        assert not (row.is_value and row.forms), row.name
        assert row.since <= row.until, row.name


@pytest.mark.parametrize("kind", _KINDS)
def test_keywords_of_one_type_say_so(kind: str) -> None:
    """What is about numbers or strings only is known as that."""
    assert {row.name for row in KEYWORDS.values() if row.kind == kind} == _KINDS[kind]


def test_subschemas_by_where_they_apply() -> None:
    """Each subschema of a schema with every keyword is given at one place, those of definitions at none."""
    schema: dict[str, Any] = {}
    for row in KEYWORDS.values():
        if row.forms:
            child = {"title": row.name}
            schema[row.name] = {"single": child, "list": [child], "map": {"a": child}}[row.forms[-1]]

    for place in ("here", "one", "every"):
        expected = sorted(row.name for row in KEYWORDS.values() if row.place == place)
        assert sorted(child["title"] for child in subschemas_at(place, schema)) == expected
