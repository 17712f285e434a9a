"""Rules of Gemini for a JSON Schema, and for a schema in its dialect of OpenAPI. Dropped keywords cause no error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.provider_refusals.sent_schema import (
    Fault,
    SentPlace,
    SentSchema,
    WireRule,
    at_places,
    broken,
    refuse,
)
from schema_guard.ext.loopback.wire import BadRequest

__all__ = ["OPENAPI_RULES", "RULES", "check_contents"]

_UNTOLD = "Request contains an invalid argument."
_FIELDS = frozenset(
    {
        "anyOf", "any_of", "default", "description", "enum", "example", "format", "items", "maxItems", "max_items",
        "maxLength", "max_length", "maxProperties", "max_properties", "maximum", "minItems", "min_items", "minLength",
        "min_length", "minProperties", "min_properties", "minimum", "nullable", "pattern", "properties",
        "propertyOrdering", "property_ordering", "required", "title", "type",
    }
)  # fmt: skip


def _beside_reference(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if "$ref" in place.schema and any(not key.startswith("$") for key in place.schema):
        yield _UNTOLD


def _reference(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if "$ref" in place.schema and sent.target(place.schema["$ref"]) is None:
        yield _UNTOLD


def _recursion(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    """Tell circles that no property interrupts which may be left out; that it may be null is not enough."""
    for schema in sent:
        optional = [place.path for place in schema.places if _is_optional(schema, place)]

        def is_unavoidable(place: SentPlace, optional: Sequence[tuple[str, ...]] = optional) -> bool:
            return not any(place.path[: len(path)] == path for path in optional)

        yield from ((schema, _UNTOLD) for _ in schema.circles(is_unavoidable))


def _is_optional(sent: SentSchema, place: SentPlace) -> bool:
    if not place.is_property:
        return False
    owner = next(other for other in sent.places if other.path == place.path[:-2])
    return place.path[-1] not in owner.schema.get("required", ())


RULES: Final = (
    WireRule("gemini-beside-reference", at_places(_beside_reference)),
    WireRule("gemini-reference", at_places(_reference)),
    WireRule("gemini-recursion", _recursion, "google-gemini/gemini-cli#14945"),
)
"""The rules for `responseJsonSchema`. The provider gives no reasons."""


# The dialect of OpenAPI: a message of a protocol, whose fields are known.


def _at(sent: SentSchema, place: SentPlace) -> str:
    """Return the place as its errors call it: a property is an entry of a list, with a key and a value."""
    where, schema, rest = sent.where, sent.document, list(place.path)
    while rest:
        key = rest.pop(0)
        schema = schema[int(key) if isinstance(schema, list) else key]
        if key == "properties":
            names, name = list(schema), rest.pop(0)
            where, schema = f"{where}.properties[{names.index(name)}].value", schema[name]
        elif key.isdigit():
            where = f"{where}[{key}]"
        else:
            where = f"{where}.{'any_of' if key == 'anyOf' else key}"
    return where


def _field(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    for key in sorted(place.schema.keys() - _FIELDS):
        yield f"Invalid JSON payload received. Unknown name \"{key}\" at '{_at(sent, place)}': Cannot find field."


def _type_list(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if isinstance(place.schema.get("type"), list):
        reason = "Proto field is not repeating, cannot start list."
        yield f"Invalid JSON payload received. Unknown name \"type\" at '{_at(sent, place)}': {reason}"


def _null(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if place.schema.get("type") == "null":
        kind = "type.googleapis.com/google.ai.generativelanguage.v1beta.Type"
        yield f"Invalid value at '{_at(sent, place)}.type' ({kind}), \"null\""


def _enum(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    for index, value in enumerate(place.schema.get("enum", ())):
        if not isinstance(value, str):
            yield f"Invalid value at '{_at(sent, place)}.enum[{index}]' (TYPE_STRING), {value}"


OPENAPI_RULES: Final = (
    WireRule("gemini-openapi-field", at_places(_field), "QuantumNous/new-api#1037"),
    WireRule("gemini-openapi-type-list", at_places(_type_list), "genkit-ai/genkit#1393"),
    WireRule("gemini-openapi-null", at_places(_null), "simonw/llm-gemini#49"),
    WireRule("gemini-openapi-enum", at_places(_enum)),
)
"""The rules for `responseSchema` and for the `parameters` of a function."""


def check_contents(body: Mapping[str, Any]) -> None:
    """Refuse the schemas of a request to generate content.

    Raises:
        BadRequest: One breaks a rule, or both dialects are sent at once.
    """
    config = body.get("generationConfig") or {}
    in_json, in_openapi = config.get("responseJsonSchema"), config.get("responseSchema")
    if in_json is not None and in_openapi is not None:
        raise BadRequest(_UNTOLD)
    if in_json is not None:
        refuse(RULES, [SentSchema(in_json, "generation_config.response_json_schema")])
    sent = [] if in_openapi is None else [SentSchema(in_openapi, "generation_config.response_schema")]
    for at, tool in enumerate(body.get("tools") or []):
        for number, function in enumerate(tool.get("functionDeclarations") or []):
            if function.get("parameters") is not None:
                where = f"tools[{at}].function_declarations[{number}].parameters"
                sent.append(SentSchema(function["parameters"], where))
    messages = [words for _, (_, words) in broken(OPENAPI_RULES, sent)]
    if messages:
        raise BadRequest("\n".join(messages))
