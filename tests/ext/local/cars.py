"""A schema that the tests of local engines share."""

CAR = {
    "type": "object",
    "properties": {
        "colour": {"enum": ["red", "green"]},
        "doors": {"type": "integer", "minimum": 40, "maximum": 42},
        "code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2}$"},
    },
    "required": ["colour", "doors", "code"],
    "additionalProperties": False,
}
