"""Every value that evidence can have, as the published JSON Schema names it, and other values for each."""

import json
from copy import deepcopy
from pathlib import Path

import schema_guard

SCHEMA = json.loads(
    (Path(schema_guard.__file__).parent / "decide" / "evidence" / "evidence.schema.json").read_text("utf-8")
)
ANY_NAME = "NAME"
ANY_ITEM = "ITEM"
DROPPED = object()
"""Stands for a key that is left out."""


def resolved(part):
    """Return a part of the schema, with the keywords of the definition that it refers to."""
    results = {key: value for key, value in part.items() if key not in ("$ref", "if", "then")}
    references = [part["$ref"]] if "$ref" in part else []
    references += [part["then"]["$ref"]] if "then" in part else []
    for reference in references:
        results = {**resolved(SCHEMA["$defs"][reference.rpartition("/")[2]]), **results}
    return results


def children(part):
    """Yield the name and the schema of each key or item of a value."""
    yield from part.get("properties", {}).items()
    if isinstance(part.get("additionalProperties"), dict):
        yield ANY_NAME, part["additionalProperties"]
    yield from ((str(number), one) for number, one in enumerate(part.get("prefixItems", ())))
    if isinstance(part.get("items"), dict):
        yield ANY_ITEM, part["items"]


def schema_leaves(part=None, path=()):
    """Yield the path of each value in the schema that has no parts."""
    part = resolved(SCHEMA if part is None else part)
    parts = list(children(part))
    if not parts or "number" in part.get("type", ()):
        yield path
    for name, one in parts:
        yield from schema_leaves(one, (*path, name))


def values_of(value, part=None, path=(), place=()):
    """Yield the path in the schema, the place, the value, and the schema of each part of some evidence."""
    part = resolved(SCHEMA if part is None else part)
    if path:
        yield path, place, value, part
    known = dict(children(part))
    if isinstance(value, dict):
        for name, one in value.items():
            key = name if name in known else ANY_NAME
            yield from values_of(one, known[key], (*path, key), (*place, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            key = str(number) if str(number) in known else ANY_ITEM
            yield from values_of(one, known[key], (*path, key), (*place, number))


def other_values(value, part):
    """Yield other values of the same type that the schema allows."""
    if isinstance(value, bool):
        yield not value
    elif "enum" in part:
        yield from [one for one in part["enum"] if one != value][:4]
    elif isinstance(value, int | float):
        yield from (one for one in _numbers(value, part) if one != value)
    elif isinstance(value, str):
        yield f"{value} 2"


def _numbers(value, part):
    if "integer" in part["type"]:
        yield from (value + 1, value * 3, value // 2)
    elif "maximum" in part or "exclusiveMaximum" in part:
        yield from (value / 2, (1 + value) / 2)
    else:
        yield from (value * 1.5 + 0.5, value / 30)


def changes(evidence):
    """Yield the path in the schema, the place, the new value, and the changed evidence, for each change of a value."""
    for path, place, value, part in values_of(evidence):
        others = [] if isinstance(value, dict | list) else [*other_values(value, part)]
        if isinstance(place[-1], str):
            others.append(DROPPED)
        for other in others:
            changed = deepcopy(evidence)
            inside = changed
            for name in place[:-1]:
                inside = inside[name]
            if other is DROPPED:
                del inside[place[-1]]
            else:
                inside[place[-1]] = other
            yield path, place, other, changed


def flat(value, place=""):
    """Return a JSON value as an object of its leaves by their place."""
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: leaf for name, one in pairs for key, leaf in flat(one, f"{place}/{name}").items()}
    return {place: value}
