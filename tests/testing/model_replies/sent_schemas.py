"""The schemas for which replies are drawn in tests, and how many are drawn at once."""

import os
from random import Random

from hypothesis import given, settings

# For each schema, in the slow tests; 10,000 make the 100,000 that were once drawn.
DRAWS = int(os.environ.get("SCHEMA_GUARD_DRAWS", "1000"))

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "name": {"type": "string", "minLength": 1, "maxLength": 30},
        "rush": {"type": "boolean"},
        "tags": {"type": "array", "items": {"enum": ["new", "old", "gift"]}},
        "paid": {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {
                        "by": {"const": "card"},
                        "last4": {"type": "string", "pattern": "^[0-9]{4}$"},
                    },
                    "required": ["by", "last4"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"by": {"const": "bank"}, "iban": {"type": "string", "minLength": 15}},
                    "required": ["by", "iban"],
                    "additionalProperties": False,
                },
            ]
        },
    },
    "required": ["id", "name", "rush", "tags", "paid"],
    "additionalProperties": False,
}
# The order of a value's keys decides which of its violations is told first.
NESTED_MAP = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {"kind": {"type": "string"}},
        "additionalProperties": False,
    },
}
TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "kids": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name"],
        }
    },
    "$ref": "#/$defs/node",
}

SCHEMAS = {
    "order": ORDER,
    "nested_map": NESTED_MAP,
    "tree": TREE,
    "anything": True,
    "numbers": {"type": "array", "items": {"type": "number"}},
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "text_or_object": {"type": ["string", "object"]},
    "nullable": {"type": "object", "properties": {"at": {"type": ["string", "null"], "format": "date"}}},
    "mixed_enum": {"enum": [None, "a", 1, {"b": 1}, [True]]},
}


def draws(strategy, count, seed=0):
    """Draw that many values, the same ones each time, faster than a property does."""
    random = Random(f"{seed}")  # a test
    values = []

    @settings(database=None)
    @given(strategy)
    def keep(value):
        values.append(value)

    while len(values) < count:
        # Most draws take some hundred bytes. One that needs more than these is made anew.
        keep.hypothesis.fuzz_one_input(random.randbytes(16_384))
    return values
