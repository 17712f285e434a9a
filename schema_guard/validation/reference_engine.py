# SPDX-License-Identifier: Apache-2.0
"""The reference engine, jsonschema with referencing.

It is slower by far. It compiles documents with so many references to each other that the fast engine would never finish.
The fast engine still validates single keywords that jsonschema gets wrong or slow: decimals, uniqueness, formats, and regular expressions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.validation.document import DRAFTS
from schema_guard.validation.fast_engine import fast
from schema_guard.validation.keywords import UNIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.validation.violations import BrokenKeyword


class ReferenceValidator:
    """jsonschema."""

    name = "jsonschema"
    # Measured on the schemas of the official suite; a step is one of the fast engine's.
    factor = 300

    def __init__(self, validator: Any) -> None:
        self._validator = validator

    def is_valid(self, instance: Any) -> bool:
        """Return whether an instance is valid."""
        return next(iter(self._validator.iter_errors(instance)), None) is None

    def errors(self, instance: Any) -> list[Any]:
        """Return every broken keyword, in the shape of the fast engine's errors."""
        return [broken for error in self._validator.iter_errors(instance) for broken in _broken(error)]

    def first(self, instance: Any) -> list[Any]:
        """Return one broken keyword of an instance that is not valid."""
        error = next(iter(self._validator.iter_errors(instance)), None)
        return [] if error is None else list(_broken(error))


def reference(
    document: Any, dialect: str, *, formats: bool, resources: Mapping[str, Any]
) -> ReferenceValidator:
    """Compile a schema with jsonschema. Its regular expressions were checked."""
    from jsonschema import validators  # type: ignore[import-untyped]  # costs 50 ms
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
    from referencing.jsonschema import specification_with

    specification = specification_with(dialect)
    registry = REGISTRY.with_resources(
        (uri, specification.create_resource(other)) for uri, other in resources.items()
    )
    base = getattr(validators, DRAFTS[dialect])
    keywords = _Keywords(dialect, formats).judged()
    kind = validators.extend(
        base, {name: check for name, check in keywords.items() if name in base.VALIDATORS}
    )
    # Its own registry: the default one fetches.
    return ReferenceValidator(kind(document, registry=registry))


class _Keywords:
    """The keywords that are not left to jsonschema."""

    def __init__(self, dialect: str, formats: bool) -> None:
        self._dialect = dialect
        self._formats = formats
        self._fast: dict[str, Any] = {}

    def judged(self) -> dict[str, Any]:
        """Return what checks each of them, as jsonschema calls it."""
        return {
            "multipleOf": self._alone("multipleOf"),
            "uniqueItems": self._alone("uniqueItems"),
            "format": self._alone("format") if self._formats else _unchecked,
            "pattern": self._alone("pattern"),
            "patternProperties": self._pattern_properties,
        }

    def _compiled(self, keyword: str, value: Any) -> Any:
        key = f"{keyword}:{value!r}"
        if key not in self._fast:
            self._fast[key] = fast({keyword: value}, self._dialect, formats=True)
        return self._fast[key]

    def _alone(self, keyword: str) -> Any:
        from jsonschema import ValidationError

        def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            if not self._compiled(keyword, value).is_valid(instance):
                yield ValidationError(keyword)

        return check

    def _pattern_properties(self, validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        for expression, below in value.items() if isinstance(instance, dict) else ():
            for key, item in instance.items():
                if self._compiled("pattern", expression).is_valid(key):
                    yield from validator.descend(item, below, path=key, schema_path=expression)


def _unchecked(*_: Any) -> tuple[()]:
    return ()


def _broken(error: Any) -> Iterator[BrokenKeyword]:
    """Yield an error of jsonschema's in the shape of the fast engine's."""
    from schema_guard.validation.violations import BrokenKeyword, Kind  # only failures need it

    yield BrokenKeyword(
        Kind(error.validator or "falseSchema", _fields(error)),
        error.instance,
        list(error.absolute_path),
        list(error.absolute_schema_path),
    )


def _fields(error: Any) -> dict[str, Any]:
    from schema_guard.validation.violations import fields_of

    keyword, value = error.validator, error.validator_value
    if keyword == "required":
        return {"property": next((name for name in value if error.message.startswith(repr(name))), "")}
    if keyword in ("additionalProperties", "unevaluatedProperties"):
        named = error.schema.get("properties", {})
        return {"unexpected": [key for key in error.instance if key not in named]}
    if keyword == "additionalItems":
        return {"limit": len(error.schema.get("items", ()))}
    if keyword in UNIONS:
        arms: list[list[BrokenKeyword]] = [[] for _ in value]
        for inner in error.context:
            # jsonschema tells no place for an arm that is `false`.
            index = inner.schema_path[0] if inner.schema_path else value.index(False)
            arms[index] += _broken(inner)
        return {"context": arms}
    return {} if keyword is None else fields_of(keyword, {keyword: value})
