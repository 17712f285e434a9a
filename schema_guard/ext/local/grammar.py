# SPDX-License-Identifier: Apache-2.0
"""A schema as a grammar of llguidance, the engine inside llama.cpp's server, and of outlines.

Rules:
1. The server answers 200 and enforces nothing if a grammar does not compile. So it is compiled here first.
2. The server receives a copy of the schema, compact and bounded. A reply is always validated against the original.
3. A bound may make long replies impossible, but never all replies. Bounds that do not compile are left out.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.extensions import load
from schema_guard.providers.llamacpp import THOUGHT_TOKENS
from schema_guard.text import clip, safe
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.schema import Schema

# A small model repeats itself inside an unbounded string until it is cut off. 512 characters are about 130 tokens of
# English, so several such fields fit the 3,072 tokens of a slot of the local model.
MAX_LENGTH = 512
# The same for lists; 32 lines of an invoice are about 1,000 tokens.
MAX_ITEMS = 32

_MOST_PLACES = 10  # keywords that an error names

_STRING_KEYWORDS = frozenset({"minLength", "pattern", "format"})
_OBJECT_KEYWORDS = frozenset({"properties", "patternProperties", "additionalProperties", "required"})
_OPENING_KEYWORDS = frozenset({"additionalProperties", "patternProperties", "minProperties"})
_ARRAY_KEYWORDS = frozenset({"minItems", "items", "prefixItems"})
# Next to these keywords, a bound could contradict them. The schemas that they refer to have their own bounds.
_SETTLED_ELSEWHERE = frozenset({"$ref", "$dynamicRef", "enum", "const", "allOf", "anyOf", "oneOf"})

_ADVICE = "Use another strategy (json_mode, system_prompt), or move them from the schema to checks="
# Before a schema, in a grammar.
_PREFACE = "%llguidance {}\nstart: %json "
# The thought is free. The schema applies after its end, or after its largest number of tokens.
_THINKING_PREFACE = (
    '%llguidance {}\nstart: "<think>" thought "</think>" answer\n'
    f'thought[stop="</think>", max_tokens={THOUGHT_TOKENS}]: /(?s:.*)/\nanswer: %json '
)


def grammar(schema: Schema[Any]) -> str:
    """Return a grammar that compiles, with which llguidance enforces a schema.

    Raises:
        InvalidArgument: The engine can't enforce a keyword, or would ignore a part.
        MissingExtra: llguidance is not installed.
    """
    return _PREFACE + compiled(schema)


def thinking_grammar(schema: Schema[Any]) -> str:
    """Return a grammar of free thought, followed by a value as in `grammar`."""
    return _THINKING_PREFACE + compiled(schema)


@lru_cache(maxsize=256)
def compiled(schema: Schema[Any], *, provider: str = "llamacpp-llguidance") -> str:
    """Return the JSON text of the schema for llguidance, as in `grammar`. It compiles.

    Args:
        schema: The schema. It is copied, never changed.
        provider: Name of the provider for errors.

    Raises:
        InvalidArgument: The engine can't enforce a keyword, or would ignore a part.
        MissingExtra: llguidance is not installed.
    """
    for length, items in ((MAX_LENGTH, MAX_ITEMS), (None, MAX_ITEMS), (None, None)):
        text = _written(bounded(schema.document, max_length=length, max_items=items), schema.dialect)
        if _complaint(text) is None:
            return text
    head = f"strategy 'strict_schema' on provider {provider!r}: schema {safe(schema.name)}"
    _check_enforced(schema, provider, head)
    reason = clip(" ".join(str(_complaint(_written(schema.document, schema.dialect))).split()), 160)
    raise InvalidArgument(
        f"{head}: llguidance can't build a grammar: {reason}. Correct the schema, or use another strategy"
    )


def bounded(document: Any, *, max_length: int | None = MAX_LENGTH, max_items: int | None = MAX_ITEMS) -> Any:
    """Return a copy of a schema in which no string, no array, and no object with properties is unbounded.

    A bound is added if there is none, and is raised to the largest minimum that the document requires, so that it
    contradicts no other part. A string whose pattern or format needs more stays as it is. An object that lists
    properties and doesn't specify whether it allows others is closed if either bound is requested. The reason is a test
    with 24 tasks of the built-in suite, made open: the local model produced endless replies in 8, and in 3 when closed.

    Raises:
        MissingExtra: llguidance, which checks the bounds of patterns, is not installed.
    """
    bounded_copy = _copied(document)
    schemas = [place.schema for place in subschemas(bounded_copy, "", "") if isinstance(place.schema, dict)]
    longest, most = _largest_minima(schemas)
    for schema in schemas:
        if _SETTLED_ELSEWHERE & schema.keys():
            continue
        if (
            max_length is not None
            and _takes(schema, "string", _STRING_KEYWORDS)
            and "maxLength" not in schema
        ):
            _bound_string(schema, max(max_length, longest))
        if max_items is not None and _takes(schema, "array", _ARRAY_KEYWORDS) and "maxItems" not in schema:
            schema["maxItems"] = max(max_items, most)
    if not (max_length is None and max_items is None) and not any(map(_composes, schemas)):
        for schema in filter(_may_be_closed, schemas):
            schema["additionalProperties"] = False
    return bounded_copy


def _copied(document: Any) -> Any:
    # Not deepcopy, which keeps shared parts: a dict that is both a schema and data would change in both places.
    return json.loads(json.dumps(document))


def _composes(schema: dict[str, Any]) -> bool:
    """Return whether properties may come from several schemas. Closing one would forbid the others' properties."""
    return "allOf" in schema or bool(_SETTLED_ELSEWHERE & schema.keys() and _OBJECT_KEYWORDS & schema.keys())


def _may_be_closed(schema: dict[str, Any]) -> bool:
    listed = schema.get("properties")
    if not listed or _OPENING_KEYWORDS & schema.keys():
        return False
    return set(schema.get("required", ())) <= set(listed)


def _takes(schema: dict[str, Any], kind: str, keywords: frozenset[str]) -> bool:
    """Return whether a schema is about strings, or arrays, by its type or by a keyword."""
    named = schema.get("type")
    if named is None:
        return bool(keywords & schema.keys())
    return kind in ([named] if isinstance(named, str) else named)


def _largest_minima(schemas: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """Return the longest string and array that a document requires by any keyword."""
    longest = most = 0
    for schema in schemas:
        longest = max(longest, _count(schema.get("minLength")))
        most = max(most, _count(schema.get("minItems")))
        most = max(
            [most, *(len(schema[key]) for key in ("prefixItems", "items") if _is_list(schema.get(key)))]
        )
        for value in _values([schema.get("enum"), schema.get("const")]):
            if isinstance(value, str):
                longest = max(longest, len(value))
            elif isinstance(value, list):
                most = max(most, len(value))
    return longest, most


def _count(value: Any) -> int:
    # Drafts 6 and newer accept 2.0 as 2.
    return int(value) if isinstance(value, (int, float)) else 0


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _values(roots: list[Any]) -> Iterator[Any]:
    """Yield every value inside the lists and objects of *roots*."""
    stack = list(roots)
    while stack:
        value = stack.pop()
        yield value
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value


def _bound_string(schema: dict[str, Any], length: int) -> None:
    """Add `maxLength`, unless its pattern or format allows no string that short."""
    alone = {key: schema[key] for key in ("pattern", "format") if key in schema}
    if not alone or _complaint(_written({**alone, "type": "string", "maxLength": length})) is None:
        schema["maxLength"] = length


def _check_enforced(schema: Schema[Any], provider: str, head: str) -> None:
    """Raise `InvalidArgument` if llguidance ignores or rejects a keyword of a schema."""
    found = [one for one in load("name:lint")(schema, provider) if one.severity == "error"]
    places = [f"{one.keyword!r} at {one.location or '(root)'}" for one in found if one.effect != "narrowed"]
    if places:
        more = f" and {len(places) - _MOST_PLACES} more" if len(places) > _MOST_PLACES else ""
        listed = f"{', '.join(places[:_MOST_PLACES])}{more}"
        raise InvalidArgument(f"{head} has keywords that llguidance does not enforce: {listed}. {_ADVICE}")


def _written(document: Any, dialect: str | None = None) -> str:
    """Write a schema for a grammar, without flexible white space, because a model could emit blanks without end."""
    if document is True:
        document = {}
    if isinstance(document, dict):
        document = {**document, "x-guidance": {"whitespace_flexible": False}}
        if dialect is not None:
            document["$schema"] = dialect
    return json.dumps(document)


def _complaint(text: str) -> str | None:
    """Return the fault that llguidance finds in a written schema, warnings included, or None without one."""
    try:
        from llguidance import LLMatcher  # an extra, imported by those who use it
    except ImportError as error:
        what = "strategy 'strict_schema' on provider 'llamacpp-llguidance'"
        raise missing_extra(what, "llguidance", "local") from error
    _, messages = LLMatcher.validate_grammar_with_warnings(_PREFACE + text)
    if not messages:
        return None
    # A message is a position, this preface, the fault, and the grammar's lines with their numbers.
    fault = messages[0].partition("failed to compile JSON schema: ")[2] or messages[0]
    return str(fault.partition("\n   1 | ")[0].strip())
