"""Rules of OpenAI for a strict schema in a response format, or in the parameters of a function."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.provider_refusals.sent_schema import (
    Fault,
    SentPlace,
    SentSchema,
    WireRule,
    at_places,
    refuse,
    steps,
    types,
)

__all__ = ["RULES", "check_chat", "check_responses"]

_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
# With one of these a schema says what it takes.
_SAYS_WHAT = ("type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const")
_NOT_PERMITTED = (
    "oneOf", "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies",
    "patternProperties", "propertyNames", "minProperties", "maxProperties", "unevaluatedProperties",
    "uniqueItems", "contains", "minContains", "maxContains", "unevaluatedItems", "default",
)  # fmt: skip
_LOOKAROUND = re.compile(r"(?<!\\)(?:\\\\)*\(\?<?[=!]")
_REFERENCE = re.compile(r"#(?:/(?:\$defs|definitions)/[^/]+)?")
_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_MOST_OF_NAME, _MOST_LEVELS, _MOST_PROPERTIES, _MOST_ENUM = 64, 10, 5000, 1000
_MOST_CHARACTERS, _MOST_FREE_ENUM, _MOST_ENUM_CHARACTERS = 120_000, 250, 15_000


def _invalid(sent: SentSchema, words: str) -> str:
    return f"Invalid schema for {sent.where}: {words}"


def _context(sent: SentSchema, place: SentPlace, words: str) -> str:
    return _invalid(sent, f"In context={place.path!r}, {words}")


def _name(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    for schema in sent:
        name, at = schema.name
        if not _NAME.fullmatch(name):
            reason = "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
            yield schema, f"Invalid '{at}': string does not match pattern. {reason}"
        elif len(name) > _MOST_OF_NAME:
            reason = f"Expected a string with maximum length {_MOST_OF_NAME}, but got a string with length {len(name)} instead."
            yield schema, f"Invalid '{at}': string too long. {reason}"


def _root(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    for schema in sent:
        root = schema.document if isinstance(schema.document, dict) else {}
        if root.get("type") != "object":
            words = f"""schema must be a JSON Schema of 'type: "object"', got 'type: "{root.get("type")}"'."""
            yield schema, _invalid(schema, words)


def _root_union(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    for schema in sent:
        if isinstance(schema.document, dict) and "anyOf" in schema.document:
            words = "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level."
            yield schema, _invalid(schema, words)


def _open(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if place.is_object and place.schema.get("additionalProperties") is not False:
        words = "'additionalProperties' is required to be supplied and to be false."
        yield _context(sent, place, words)


def _required(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if not place.is_object:
        return
    # As keys of a dict: in their order, and found at once.
    properties, required = place.schema.get("properties", {}), dict.fromkeys(place.schema.get("required", ()))
    reason = "'required' is required to be supplied and to be an array including every key in properties."
    for name in properties:
        if name not in required:
            yield _context(sent, place, f"{reason} Missing {name!r}.")
    for name in required:
        if name not in properties:
            yield _context(sent, place, f"{reason} Extra required key {name!r} supplied.")


def _not_permitted(keyword: str) -> Any:
    def said(sent: SentSchema, place: SentPlace) -> Iterator[str]:
        if keyword in place.schema:
            yield _context(sent, place, f"{keyword!r} is not permitted.")

    return at_places(said)


def _items(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if "array" in types(place.schema) and "items" not in place.schema:
        yield _context(sent, place, "array schema missing items.")


def _untyped(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    for schema in sent:
        for place in schema.places[1:]:  # of the root another rule tells
            is_bound = place.path[-1] == "additionalProperties"
            says = isinstance(place.schema, dict) and any(key in place.schema for key in _SAYS_WHAT)
            if not is_bound and not says:
                yield schema, _context(schema, place, "schema must have a 'type' key.")


def _reference(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    reference = place.schema.get("$ref")
    if reference is None or (_REFERENCE.fullmatch(str(reference)) and sent.target(reference)):
        return
    words = "reference can only point to definitions defined at the top level of the schema."
    yield _context(sent, place, words)


def _beside_reference(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    beside = sorted(place.schema.keys() - {"$ref"})
    if "$ref" in place.schema and beside:
        keywords = ", ".join(map(repr, beside))
        yield _invalid(sent, f"context={place.path!r}, $ref cannot have keywords {{{keywords}}}.")


def _format(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    named = place.schema.get("format")
    if named is not None and named not in _FORMATS:
        yield _context(sent, place, f"{named!r} is not a valid format.")


def _pattern(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if _LOOKAROUND.search(str(place.schema.get("pattern", ""))):
        at = "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in place.path)
        yield f"Invalid JSON schema: regex lookaround is not supported. Found at ${at}.pattern."


def _first_keys(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    """Tell objects of a union that begin with one key, where that key does not tell them apart by its values."""
    seen: dict[str, list[Any]] = {}
    for branch in place.schema.get("anyOf", ()):
        properties = _led(sent, branch).get("properties", {})
        for name in list(properties)[:1]:
            values = _values(_led(sent, properties[name]))
            if name in seen and (_ANY in values or any(value in seen[name] for value in [*values, _ANY])):
                yield _invalid(
                    sent,
                    "Objects provided via 'anyOf' must not share identical first keys. Consider adding a discriminator "
                    "key or rearranging the properties to ensure the first key is unique.",
                )
            seen.setdefault(name, []).extend(values)


_ANY = object()


def _values(schema: Mapping[str, Any]) -> list[Any]:
    """Return the values that a schema takes, as far as it lists them."""
    return [schema["const"]] if "const" in schema else schema.get("enum", [_ANY])


def _led(sent: SentSchema, schema: Any) -> Mapping[str, Any]:
    """Return a schema, or what it refers to."""
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    target = None if reference is None else sent.target(reference)
    document = schema if target is None else target.schema
    return document if isinstance(document, dict) else {}


# Sizes: of the whole schema, with each definition once, whatever refers to it.


def _levels(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    for schema in sent:
        deepest = max(steps(place.path) for place in schema.places)
        if deepest > _MOST_LEVELS:
            yield (
                schema,
                _invalid(schema, f"{deepest} levels of nesting exceeds limit of {_MOST_LEVELS}."),
            )


def _counts(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    for schema in sent:
        total = sum(len(_mapping(place, "properties")) for place in schema.places)
        if total > _MOST_PROPERTIES:
            yield schema, _expected(schema, _MOST_PROPERTIES, "object properties", total)


def _enums(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    for schema in sent:
        total = sum(len(_enum(place)) for place in schema.places)
        if total > _MOST_ENUM:
            yield schema, _expected(schema, _MOST_ENUM, "enum values", total)


def _long_enums(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    values = _enum(place)
    total = _characters(values)
    if len(values) > _MOST_FREE_ENUM and total > _MOST_ENUM_CHARACTERS:
        most = f"characters in an enum of more than {_MOST_FREE_ENUM} values"
        yield _expected(sent, _MOST_ENUM_CHARACTERS, most, total)


def _texts(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    for schema in sent:
        named = [
            name
            for place in schema.places
            for key in ("properties", "$defs", "definitions")
            for name in _mapping(place, key)
        ]
        values = [value for place in schema.places for value in [*_enum(place), _mapped(place, "const")]]
        total = _characters([*named, *values])
        if total > _MOST_CHARACTERS:
            yield schema, _expected(schema, _MOST_CHARACTERS, "characters of names and values", total)


def _expected(sent: SentSchema, most: int, what: str, total: int) -> str:
    words = f"Expected at most {most} {what} in total within a schema when using structured outputs, but received {total}."
    return _invalid(sent, words)


def _mapped(place: SentPlace, keyword: str) -> Any:
    return place.schema.get(keyword) if isinstance(place.schema, dict) else None


def _mapping(place: SentPlace, keyword: str) -> dict[str, Any]:
    return _mapped(place, keyword) or {}


def _enum(place: SentPlace) -> list[Any]:
    return _mapped(place, "enum") or []


def _characters(values: Sequence[Any]) -> int:
    return sum(len(value) for value in values if isinstance(value, str))


RULES: Final = (
    WireRule("openai-name", _name),
    WireRule("openai-root", _root, "prism-php/prism#858"),
    WireRule("openai-root-union", _root_union, "cecli-dev/cecli#281"),
    WireRule("openai-open", at_places(_open), "dottxt-ai/outlines#1666"),
    WireRule("openai-required", at_places(_required), "vercel/ai#6484"),
    *[WireRule(f"openai-{keyword}", _not_permitted(keyword), "can1357/oh-my-pi#920") for keyword in _NOT_PERMITTED],
    WireRule("openai-items", at_places(_items), "sigoden/aichat#1049"),
    WireRule("openai-untyped", _untyped),
    WireRule("openai-reference", at_places(_reference), "dotnet/extensions#6918"),
    WireRule("openai-beside-reference", at_places(_beside_reference), "langchain-ai/langchainjs#11381"),
    WireRule("openai-format", at_places(_format), "cyanheads/git-mcp-server#47"),
    WireRule("openai-pattern", at_places(_pattern), "existential-birds/daydream#304"),
    WireRule("openai-first-keys", at_places(_first_keys), "openai/openai-python#2193"),
    WireRule("openai-levels", _levels, "tidyverse/ellmer#671"),
    WireRule("openai-properties", _counts),
    WireRule("openai-enum", _enums),
    WireRule("openai-long-enum", at_places(_long_enums)),
    WireRule("openai-texts", _texts),
)  # fmt: skip
"""The rules for strict schemas, in the order of the errors."""


def check_chat(body: Mapping[str, Any]) -> None:
    """Refuse the schemas of a chat completion's request.

    Raises:
        BadRequest: One breaks a rule.
    """
    described = (body.get("response_format") or {}).get("json_schema") or {}
    sent = [_format_of(described, "response_format", "response_format.json_schema.name", None)]
    for at, tool in enumerate(body.get("tools") or []):
        sent.append(_function_of(tool.get("function") or {}, f"tools[{at}].function"))
    _refuse(sent)


def check_responses(body: Mapping[str, Any]) -> None:
    """Refuse the schemas of a request to Responses.

    Raises:
        BadRequest: One breaks a rule.
    """
    described = (body.get("text") or {}).get("format") or {}
    sent = [_format_of(described, "text.format.schema", "text.format.name", "invalid_json_schema")]
    sent += [_function_of(tool, f"tools[{at}]") for at, tool in enumerate(body.get("tools") or [])]
    _refuse(sent)


def _format_of(described: Mapping[str, Any], param: str, name_at: str, code: str | None) -> SentSchema | None:
    if described.get("strict") is not True:
        return None
    name = str(described.get("name"))
    more = {"param": param, "code": code}
    return SentSchema(described.get("schema"), f"response_format {name!r}", more, (name, name_at))


def _function_of(function: Mapping[str, Any], at: str) -> SentSchema | None:
    if function.get("strict") is not True:
        return None
    name = str(function.get("name"))
    more = {"param": f"{at}.parameters", "code": "invalid_function_parameters"}
    return SentSchema(function.get("parameters"), f"function {name!r}", more, (name, f"{at}.name"))


def _refuse(sent: Sequence[SentSchema | None]) -> None:
    refuse(RULES, [schema for schema in sent if schema is not None])
