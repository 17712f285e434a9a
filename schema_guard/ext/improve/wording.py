# SPDX-License-Identifier: Apache-2.0
"""A schema in words: one sentence for a place, or all fields in place of the schema.

Rule: a keyword that has no words here is shown as JSON, so that no constraint is lost.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.pointer import join, split
from schema_guard.validation.drawing.demand import DeadEnd
from schema_guard.validation.drawing.samples import samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.ext.improve.failure_map import Gap
    from schema_guard.schema import Schema

_FORMATS = {
    "date": "a date as YYYY-MM-DD",
    "date-time": "a date and time as YYYY-MM-DDThh:mm:ssZ",
    "time": "a time as hh:mm:ssZ",
    "email": "an email address",
    "uri": "a URL that begins with https://",
    "uuid": "a UUID in lowercase",
    "duration": "a duration as in PT45M",
}
_TYPES = {
    "string": "a text",
    "integer": "a whole number without quotes",
    "number": "a number without quotes",
    "boolean": "true or false, without quotes",
    "null": "null",
    "object": "an object",
    "array": "a list",
}
_SILENT = frozenset(
    {
        "title",
        "description",
        "examples",
        "default",
        "$schema",
        "$id",
        "$defs",
        "definitions",
        "$comment",
        "type",
    }
)
_MOST_LEVELS = 6
# The token of a place that stands for every index.
_EVERY = ("*",)
_RANGES = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
)


class SchemaWords:
    """The words for the places of a schema."""

    def __init__(self, schema: Schema[Any]) -> None:
        self.document = schema.document
        try:
            self._sample = samples(schema, count=1)[0]
        except DeadEnd:
            self._sample = None

    def at(self, place: str) -> Any:
        """Return the schema of a place, with `*` for any index; None if there is none."""
        found = self.document
        for token in split(place):
            found = self._member(found, token)
        return self._resolved(found) if found is not None else None

    def _member(self, schema: Any, token: str) -> Any:
        schema = self._resolved(schema)
        if not isinstance(schema, dict):
            return None
        if token in _EVERY and "items" in schema:
            return schema["items"]
        if token in (schema.get("properties") or {}):
            return schema["properties"][token]
        for keyword in ("allOf", "anyOf", "oneOf"):
            for branch in schema.get(keyword) or ():
                found = self._member(branch, token)
                if found is not None:
                    return found
        return None

    def _resolved(self, schema: Any) -> Any:
        """Follow references inside the document. Words about a reference to another document quote it."""
        for _ in range(_MOST_LEVELS):
            target = schema.get("$ref") if isinstance(schema, dict) else None
            if not isinstance(target, str) or not target.startswith("#/"):
                break
            found = self.document
            for token in split(target[1:]):
                found = found.get(token) if isinstance(found, dict) else None
            if not isinstance(found, dict):
                break
            schema = {**found, **{key: part for key, part in schema.items() if key != "$ref"}}
        return schema

    def sentence(self, gap: Gap) -> str | None:
        """Return one sentence for a gap; None if the schema has no words for it."""
        if gap.place is None:
            return self._sentence_for_the_whole(gap.code)
        schema = self.at(gap.place)
        if not isinstance(schema, dict):
            return None
        name = f'"{split(gap.place)[-1]}"' if gap.place else "The reply"
        if split(gap.place)[-1:] == ["*"]:
            name = f'Each item of "{split(gap.place)[-2]}"' if len(split(gap.place)) > 1 else "Each item"
        keys = ", ".join(f'"{key}"' for key in schema.get("properties") or {})
        if gap.keyword == "required" and schema.get("required"):
            required = ", ".join(f'"{key}"' for key in schema["required"])
            return f"{name} always has the keys {required}."
        if gap.keyword in ("additionalProperties", "unevaluatedProperties") and keys:
            return f"{name} has no other keys than {keys}."
        if not gap.place:
            return f"The reply is {self._kind(schema, set())} in JSON."
        omitted = " If the text does not give it, omit it." if self._is_optional(gap.place) else ""
        return f"{name} is {self.phrase(schema, self._drawn(gap.place))}.{omitted}"

    def _sentence_for_the_whole(self, code: str) -> str | None:
        root = self._resolved(self.document)
        ends = ("[", "]") if isinstance(root, dict) and root.get("type") == "array" else ("{", "}")
        if code in ("unfinished", "max_tokens", "runaway"):
            return f"Write the JSON on one line, and stop after the last {ends[1]}."
        if code in ("no_json", "malformed", "empty", "several_documents", "unknown_tool"):
            return f"Begin your reply with {ends[0]} and end it with {ends[1]}. Write nothing before or after it."
        if code == "duplicate_key":
            return "Write each key once."
        return None

    def _is_optional(self, place: str) -> bool:
        *before, last = split(place)
        parent = self.at(join(before))
        if not isinstance(parent, dict):
            return False
        return last in (parent.get("properties") or ()) and last not in (parent.get("required") or ())

    def _drawn(self, place: str) -> Any:
        """Return an example of a value at a place; None without one."""
        found = self._sample
        for token in split(place):
            if isinstance(found, list) and found and token in _EVERY:
                found = found[0]
            elif isinstance(found, dict) and token in found:
                found = found[token]
            else:
                return None
        return found

    def phrase(self, schema: Any, example: Any = None, levels: int = _MOST_LEVELS) -> str:
        """Return a noun phrase for the values of a schema.

        Args:
            schema: The schema of a value.
            example: A value, which is named if the schema has a pattern or a format. None names none.
            levels: The levels of objects and lists that may follow.
        """
        schema = self._resolved(schema)
        if not isinstance(schema, dict) or levels == 0 or "$ref" in schema:
            return f"a value of the JSON Schema {_json(schema)}"
        if "const" in schema:
            return _json(schema["const"])
        if isinstance(schema.get("enum"), list):
            return "one of " + ", ".join(map(_json, schema["enum"]))
        for keyword in ("oneOf", "anyOf"):
            branches = schema.get(keyword)
            if isinstance(branches, list) and set(schema) <= {keyword, *_SILENT}:
                return " or ".join(self.phrase(branch, None, levels - 1) for branch in branches)
        used = set(_SILENT)
        parts = [self._kind(schema, used), *self._limits(schema, used, levels)]
        rest = {key: part for key, part in schema.items() if key not in used}
        parts += [f"valid for {_json(rest)}"] if rest else []
        shown = {"pattern", "format"} & set(schema) and isinstance(example, str)
        parts += [f"such as {_json(example)}"] if shown else []
        return ", ".join(parts)

    def _kind(self, schema: Mapping[str, Any], used: set[str]) -> str:
        kinds = schema.get("type")
        names: list[str] = [str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds])]
        if "string" in names and schema.get("format") in _FORMATS:
            used.add("format")
            named = [_FORMATS[schema["format"]], *(_TYPES[one] for one in names if one != "string")]
            return " or ".join(named)
        words = [_TYPES[one] for one in names if one in _TYPES]
        return " or ".join(words) or "a value"

    def _limits(self, schema: Mapping[str, Any], used: set[str], levels: int) -> Iterator[str]:
        yield from _ranges(schema, used)
        if "pattern" in schema:
            used.add("pattern")
            yield f"matching {schema['pattern']}"
        if schema.get("uniqueItems") is True:
            used.add("uniqueItems")
            yield "each item once"
        if "items" in schema and "prefixItems" not in schema:
            used.add("items")
            yield f"each item {self.phrase(schema['items'], None, levels - 1)}"
        if isinstance(schema.get("properties"), dict):
            used |= {"properties", "required"}
            yield f"with {self._fields(schema, levels)}"
            if schema.get("additionalProperties") is False:
                used.add("additionalProperties")
                yield "and no other keys"

    def _fields(self, schema: Mapping[str, Any], levels: int) -> str:
        required = schema.get("required") or ()
        return ", ".join(
            f'"{key}"{"" if key in required else " (omit it if unknown)"}: {self.phrase(part, None, levels - 1)}'
            for key, part in schema["properties"].items()
        )

    def whole(self) -> str | None:
        """Return the schema as one line for each field; None if a reference would lose its definition."""
        text = self._whole()
        return None if '"$ref"' in text else text

    def _whole(self) -> str:
        root = self._resolved(self.document)
        if not isinstance(root, dict) or not isinstance(root.get("properties"), dict):
            return f"The value is {self.phrase(root)}."
        required = root.get("required") or ()
        lines = ["The object has these keys:"]
        for key, part in root["properties"].items():
            optional = "" if key in required else " Omit it if the text does not give it."
            lines.append(
                f'"{key}": {self.phrase(part, self._drawn(f"/{key}"))}.{self._description(part)}{optional}'
            )
        used = {"properties", "required", *_SILENT}
        if root.get("additionalProperties") is False:
            used.add("additionalProperties")
            lines.append("There are no other keys.")
        rest = {key: part for key, part in root.items() if key not in used}
        others = [key for key in required if key not in root["properties"]]
        rest |= {"required": others} if others else {}
        lines += [f"The object is also valid for {_json(rest)}."] if rest else []
        return "\n".join(lines)

    def _description(self, part: Any) -> str:
        """Return the user's description of a field as a sentence, or an empty text."""
        schema = self._resolved(part)
        text = schema.get("description") if isinstance(schema, dict) else None
        return f" {text.strip().rstrip('.')}." if isinstance(text, str) and text.strip() else ""


def _ranges(schema: Mapping[str, Any], used: set[str]) -> Iterator[str]:
    for low, high, unit in _RANGES:
        least, most = schema.get(low), schema.get(high)
        used |= {low, high}
        if least is not None and most is not None:
            yield f"{least} to {most}{unit}"
        elif least is not None:
            yield f"at least {least}{unit}"
        elif most is not None:
            yield f"at most {most}{unit}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
