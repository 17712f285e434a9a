# SPDX-License-Identifier: Apache-2.0
"""The reference engine, jsonschema with referencing.

It is far slower, but it compiles documents with so many references to each other that the fast engine never finishes.
The fast engine still validates single keywords that jsonschema gets wrong or slow: decimals, uniqueness, formats, and regular expressions.
jsonschema reads each subschema in the dialect of the document. Only the fast engine knows documents in several dialects.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from schema_guard.validation.document import DRAFTS
from schema_guard.validation.fast_engine import fast
from schema_guard.validation.keywords import REFERENCES, UNIONS
from schema_guard.validation.violations import BrokenKeyword, Kind, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class ReferenceValidator:
    """jsonschema."""

    name = "jsonschema"
    # Measured with the schemas of the official suite, relative to a step of the fast engine.
    factor = 300

    def __init__(self, validator: Any) -> None:
        self._validator = validator
        self.is_valid: Callable[[Any], bool] = validator.is_valid

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
    """Compile a schema with jsonschema. The caller has checked its regular expressions."""
    from jsonschema import ValidationError, validators  # type: ignore[import-untyped]  # costs 50 ms
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
    from referencing.jsonschema import specification_with

    resource = specification_with(dialect).create_resource
    registry = REGISTRY.with_resources((uri, resource(other)) for uri, other in resources.items())
    # The fast engine checks `dependencies` in every dialect.
    legacy = {"dependencies": validators.Draft7Validator.VALIDATORS["dependencies"]}
    base = validators.extend(getattr(validators, DRAFTS[dialect]), legacy)
    checks = _Keywords(dialect, ValidationError).checks(formats)
    kind = validators.extend(base, {name: checks[name] for name in checks.keys() & base.VALIDATORS.keys()})

    def evolve(validator: Any, *, schema: Any, _resolver: Any = None) -> Any:
        inside = _resolver or validator._resolver.in_subresource(resource(schema))  # noqa: SLF001
        return kind(schema, registry=registry, _resolver=inside)

    # jsonschema's method uses other keywords for an inner `$schema`, and a wrong base URI for an inner `$id`.
    kind.evolve = evolve
    # Passes a registry, because the default one fetches documents.
    return ReferenceValidator(kind(document, registry=registry))


class _Keywords:
    """The checks that replace those of jsonschema."""

    def __init__(self, dialect: str, error: Any) -> None:
        self._error = error
        self._dialect = dialect
        self._fast: dict[str, Any] = {}

    def checks(self, formats: bool) -> dict[str, Any]:
        """Return the function that checks each keyword, with the parameters that jsonschema passes."""
        alone = ("multipleOf", "uniqueItems", "pattern", *(["format"] if formats else ()))
        return {
            **{keyword: partial(self._alone, keyword) for keyword in alone},
            "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional_properties,
            "unevaluatedProperties": partial(self._unevaluated, dict),
            "unevaluatedItems": partial(self._unevaluated, list),
        }

    def _compiled(self, keyword: str, value: Any) -> Any:
        key = f"{keyword}:{value!r}"
        if key not in self._fast:
            self._fast[key] = fast({keyword: value}, self._dialect, formats=True)
        return self._fast[key]

    def _alone(self, keyword: str, _: Any, value: Any, instance: Any, schema: Any) -> list[Any]:
        return [] if self._compiled(keyword, value).is_valid(instance) else [self._error(keyword)]

    def _pattern_properties(self, validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        for expression, below in value.items() if isinstance(instance, dict) else ():
            for key, item in instance.items():
                if self._compiled("pattern", expression).is_valid(key):
                    yield from validator.descend(item, below, path=key, schema_path=expression)

    def _is_named(self, schema: dict[str, Any], key: str) -> bool:
        patterns = [self._compiled("pattern", each) for each in schema.get("patternProperties", ())]
        return key in schema.get("properties", ()) or any(each.is_valid(key) for each in patterns)

    def _additional_properties(self, validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        keys = instance if isinstance(instance, dict) else ()
        rest = [key for key in keys if not self._is_named(schema, key)]
        if value is False and rest:
            yield self._error("", validator_value=rest)
        for key in rest if value is not False else ():
            yield from validator.descend(instance[key], value, path=key)

    def _unevaluated(self, of: type, validator: Any, value: Any, instance: Any, schema: Any) -> list[Any]:
        without = {name: part for name, part in schema.items() if not name.startswith("unevaluated")}
        seen = set(self._evaluated(validator, without, instance)) if isinstance(instance, of) else {None}
        keys: Any = () if None in seen else instance if of is dict else range(len(instance))
        member = validator.evolve(schema=value)
        rest = [key for key in keys if key not in seen and not member.is_valid(instance[key])]
        return [self._error("", validator_value=rest)] if rest else []

    def _evaluated(self, validator: Any, schema: dict[str, Any], instance: Any) -> Iterator[str | int | None]:
        """Yield the keys or indices that a schema evaluates; None if it evaluates all."""
        schema = {name: schema[name] for name in schema.keys() & {*validator.VALIDATORS, "then", "else"}}
        if isinstance(instance, dict):
            yield from (key for key in instance if self._is_named(schema, key))
            rest = {"additionalProperties", "unevaluatedProperties"}
        else:
            items = schema.get("items")
            firsts = items if isinstance(items, list) else schema.get("prefixItems", ())
            yield from range(len(firsts))
            rest = {"unevaluatedItems", "additionalItems" if firsts is items else "items"}
            if "contains" in schema:
                member = validator.evolve(schema=schema["contains"])
                yield from (index for index, item in enumerate(instance) if member.is_valid(item))
        if not rest.isdisjoint(schema):
            yield None
        for inner in _in_place(validator, schema, instance):
            if isinstance(inner.schema, dict) and inner.is_valid(instance):
                yield from self._evaluated(inner, inner.schema, instance)


def _in_place(validator: Any, schema: dict[str, Any], instance: Any) -> Iterator[Any]:
    """Yield a validator for each schema that applies to the same instance."""
    from referencing.jsonschema import lookup_recursive_ref as recursive

    resolver = validator._resolver  # noqa: SLF001 - jsonschema has no other way from a reference to its schema
    for name in schema.keys() & REFERENCES:
        target = recursive(resolver) if name == "$recursiveRef" else resolver.lookup(schema[name])
        yield validator.evolve(schema=target.contents, _resolver=target.resolver)
    arms = [arm for name in ("allOf", *UNIONS) for arm in schema.get(name, ())]
    if isinstance(instance, dict):
        arms += [arm for name, arm in schema.get("dependentSchemas", {}).items() if name in instance]
    if "if" in schema:
        is_met = validator.evolve(schema=schema["if"]).is_valid(instance)
        arms += [schema["if"], schema.get("then" if is_met else "else")]
    yield from (validator.evolve(schema=arm) for arm in arms if isinstance(arm, dict))


def _broken(error: Any) -> Iterator[BrokenKeyword]:
    """Yield an error of jsonschema in the shape of the fast engine's errors."""
    yield BrokenKeyword(
        Kind(error.validator or "falseSchema", _fields(error)),
        error.instance,
        list(error.absolute_path),
        list(error.absolute_schema_path),
    )


def _fields(error: Any) -> dict[str, Any]:
    keyword, value = error.validator, error.validator_value
    if keyword == "required":
        return {"property": next((name for name in value if error.message.startswith(repr(name))), "")}
    if keyword == "additionalItems":
        return {"limit": len(error.schema.get("items", ()))}
    if keyword in UNIONS:
        arms: list[list[BrokenKeyword]] = [[] for _ in value]
        for inner in error.context:
            # jsonschema reports no place for an arm that is `false`.
            index = inner.schema_path[0] if inner.schema_path else value.index(False)
            arms[index] += _broken(inner)
        return {"context": arms}
    return {} if keyword is None else fields_of(keyword, {keyword: value})
