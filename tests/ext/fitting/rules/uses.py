"""A use of each keyword that a provider or engine may take, wrapped so that all of them take the rest."""

_TEXT = {"type": "string"}
NOT_CLOSED = ("gemini-openapi", "cohere")
"""Tables whose objects cannot say that they are closed."""
_COUNT = {"type": "integer"}


def closed(properties, **more):
    """Return a closed object schema. Every provider accepts it, except for its properties."""
    required = list(properties)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **more,
    }


def opened(schema):
    """Give a schema whose objects do not say that they are closed."""
    if isinstance(schema, list):
        return [opened(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: opened(part) for key, part in schema.items() if (key, part) != ("additionalProperties", False)
    }


_INSIDE = {
    "anyOf": {"anyOf": [_TEXT, _COUNT]},
    "oneOf": {"oneOf": [_TEXT, _COUNT]},
    "allOf": {"allOf": [_TEXT]},
    "const": {"const": "a"},
    "enum": {"enum": ["a", "b"]},
    "items": {"type": "array", "items": _TEXT},
    "type": _TEXT,
    "format": {"type": "string", "format": "date"},
    "pattern": {"type": "string", "pattern": "^[a-z]+$"},
    "maxLength": {"type": "string", "maxLength": 5},
    "minLength": {"type": "string", "minLength": 1},
    "maxItems": {"type": "array", "items": _TEXT, "maxItems": 3},
    "minItems": {"type": "array", "items": _TEXT, "minItems": 1},
    "maximum": {"type": "integer", "maximum": 5},
    "minimum": {"type": "integer", "minimum": 5},
    "exclusiveMaximum": {"type": "integer", "exclusiveMaximum": 5},
    "exclusiveMinimum": {"type": "integer", "exclusiveMinimum": 5},
    "multipleOf": {"type": "integer", "multipleOf": 5},
    "prefixItems": {"type": "array", "prefixItems": [_TEXT], "items": False, "minItems": 1},
    "minProperties": {"type": "object", "minProperties": 1},
    "maxProperties": {"type": "object", "maxProperties": 3},
    "propertyNames": {"type": "object", "propertyNames": {"type": "string", "pattern": "^a+$"}},
    "default": {"type": "string", "default": "a"},
    "patternProperties": {
        "type": "object",
        "patternProperties": {"^a$": _TEXT},
        "additionalProperties": False,
    },
}
USES = {keyword: closed({"held": held}) for keyword, held in _INSIDE.items()} | {
    "properties": closed({"held": _TEXT}),
    "required": closed({"held": _TEXT}),
    "additionalProperties": closed({"held": _TEXT}),
    "$ref": closed({"held": {"$ref": "#/$defs/text"}}, **{"$defs": {"text": _TEXT}}),
    "unevaluatedProperties": closed({"held": _TEXT}, unevaluatedProperties=False),
    "$dynamicAnchor": {**closed({"held": _TEXT}), "$dynamicAnchor": "here"},
    "$anchor": {**closed({"held": _TEXT}), "$anchor": "here"},
    "additionalItems": {
        **closed({"held": {"type": "array", "items": [_TEXT], "additionalItems": False}}),
        "$schema": "http://json-schema.org/draft-07/schema#",
    },
}
