# SPDX-License-Identifier: Apache-2.0
"""The engine's verdict on one value by one part of a schema. Validators are small, and built on first use.

Rules:
1. A validator is built from the document that validates replies, so formats, resources, and draft are the same.
2. A part that can't be decided alone has no validator. Examples are a dynamic reference, or an expression that the
   engine rejects or that may take long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from schema_guard.interruptions import is_interruption
from schema_guard.validation import fast_engine as engines
from schema_guard.validation.cost_estimate import own_weight
from schema_guard.validation.keywords import KEYWORDS, REFERENCES
from schema_guard.validation.patterns import traits
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.validation.references import References

# Most compiled parts with references, because each is compiled with everything that they refer to.
_MAX_WHOLE = 200
# Most states of an expression that a linear engine may track at once. The public corpora have fewer.
_MAX_STATES = 5_000
# Steps of the keywords that are checked at each value: 1 us.
_MAX_STEPS = 200
_ROOT = "json-schema:///schema-of-the-reply"
_KIND_NAMES = {'"': "string", "0": "number", "t": "any", "n": "any"}
_ASSERTIONS = {
    kind: frozenset(
        row.name
        for row in KEYWORDS.values()
        if row.reported and row.place is None and row.kind in ("any", name)
    )
    for kind, name in _KIND_NAMES.items()
}
# The arms of these keywords can't be decided one by one.
_CHOICES = frozenset({"oneOf", "not", "if"})


class Verdicts:
    """The engine's verdicts on values by parts of a schema."""

    def __init__(self, references: References, *, formats: bool) -> None:
        self._references = references
        self._formats = formats
        self._texts: dict[str, Callable[[Any], bool] | None] = {}
        self._budget = _MAX_WHOLE
        # By identity, because schemas live as long as their document.
        self._validators: dict[tuple[int, str], Callable[[Any], bool] | None] = {}
        positions = [schema for schema, _ in references.positions]
        self._is_dynamic = any(
            keyword in schema for schema in positions for keyword in REFERENCES if keyword != "$ref"
        )
        self._has_dear = any(_has_dear(schema) for schema in positions)
        self._places: dict[int, str] | None = None

    def of_scalar(self, schema: dict[str, Any], kind: str) -> Callable[[Any], bool] | None:
        """Return a validator for a scalar by a schema's own keywords, or None if they don't restrict that kind."""
        if schema.keys() & _CHOICES:
            return self.whole(schema)
        key = (id(schema), kind)
        if key not in self._validators:
            self._validators[key] = self._of_scalar(schema, kind)
        return self._validators[key]

    def _of_scalar(self, schema: dict[str, Any], kind: str) -> Callable[[Any], bool] | None:
        own = {keyword: schema[keyword] for keyword in schema if keyword in _ASSERTIONS[kind]}
        if kind != "0" or "number" in own.get("type", ()):
            # Plans already know the kind.
            own.pop("type", None)
        if "pattern" in own and is_dear(own["pattern"]):
            del own["pattern"]
        return self._validator_of(own) if own and own_weight(own) <= _MAX_STEPS else None

    def matches(self, pattern: str) -> Callable[[Any], bool] | None:
        """Return a function that checks whether a key matches an expression, or None if that isn't decided here."""
        if pattern not in self._texts:
            self._texts[pattern] = None if is_dear(pattern) else self._validator_of({"pattern": pattern})
        return self._texts[pattern]

    def whole(self, schema: dict[str, Any]) -> Callable[[Any], bool] | None:
        """Return a validator for a value by a whole schema, or None if the schema can't be decided alone."""
        key = (id(schema), "")
        if key not in self._validators:
            self._validators[key] = self._whole(schema)
        return self._validators[key]

    def _whole(self, schema: dict[str, Any]) -> Callable[[Any], bool] | None:
        parts = [part.schema for part in subschemas(schema, "", self._references.dialect)]
        parts = [part for part in parts if isinstance(part, dict)]
        if not any(keyword in part for part in parts for keyword in REFERENCES):
            is_cheap = sum(map(own_weight, parts)) <= _MAX_STEPS and not any(map(_has_dear, parts))
            return self._validator_of(schema) if is_cheap else None
        place = self._place(schema)
        if place is None or self._is_dynamic or self._has_dear or not self._budget:
            return None
        self._budget -= 1
        resources = {**self._references.reached, _ROOT: self._references.document}
        return self._validator_of({"$ref": place}, resources)

    def _place(self, schema: dict[str, Any]) -> str | None:
        """Return the URI of a schema position."""
        if self._places is None:
            self._places = {}
            for uri, document in {_ROOT: self._references.document, **self._references.reached}.items():
                absolute = uri if ":" in uri else f"json-schema:///{uri}"
                for part in subschemas(document, "", self._references.dialect):
                    if isinstance(part.schema, dict):
                        self._places.setdefault(id(part.schema), f"{absolute}#{quote(part.location)}")
        return self._places.get(id(schema))

    def _validator_of(
        self, document: dict[str, Any], resources: dict[str, Any] | None = None
    ) -> Callable[[Any], bool] | None:
        import jsonschema_rs  # `import schema_guard` loads no third-party module

        dialect, formats = self._references.dialect, self._formats
        try:
            validator = engines.fast(document, dialect, formats=formats, resources=resources)
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            if is_interruption(error):
                raise
            return None
        return validator.is_valid  # type: ignore[no-any-return]


def is_dear(pattern: Any) -> bool:
    """Return whether matching an expression may take long. Validation estimates that first; the checker doesn't."""
    if not isinstance(pattern, str):
        return True
    pattern_traits = traits(pattern)
    return pattern_traits.backtracks or (pattern_traits.size > _MAX_STATES and not pattern_traits.simple)


def _has_dear(schema: dict[str, Any]) -> bool:
    below = schema.get("patternProperties")
    patterns = [
        *(below if isinstance(below, dict) else ()),
        *([schema["pattern"]] if "pattern" in schema else []),
    ]
    return any(map(is_dear, patterns))
