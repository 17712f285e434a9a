"""The engines that validate: jsonschema-rs, and jsonschema where that refuses a schema.

Rules:
1. Nothing is fetched: both engines get every document from us.
2. Nothing an engine raises on an instance comes out of here: what it cannot decide is too costly.
3. An engine that may need more stack than the smallest thread has is run in a thread of our own.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, Protocol

from schema_guard.core.document import DRAFTS
from schema_guard.core.patterns import MAX_STATES_EACH, for_python, loosened, traits
from schema_guard.core.pointer import escape, pointer
from schema_guard.core.work import BACKTRACK_LIMIT
from schema_guard.errors import InvalidSchema, clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from schema_guard.core.references import References
    from schema_guard.core.violations import Broken

# Paths of references from resource to resource; 1,700 of them compile in 64 ms, then it gets steep.
MAX_CROSSINGS = 1_000
# Schemas compiled once more under "unevaluated..."; 8,000 of them compile in 0.5 s.
MAX_UNEVALUATED = 8_000
# States of all expressions together: 0.3 s and 70 MB.
MAX_STATES = 1_000_000
# Measured in a thread of 512 KB: iter_errors dies past 300 nested unions, is_valid past 3,600 nested schemas.
_LINKS_TO_EXPLAIN = 120
_LINKS_TO_DECIDE = 1_200
_STACK_BYTES = 128 * 1024 * 1024

_stack_lock = threading.Lock()


class Engine(Protocol):
    """What validates.

    Attributes:
        name: The package.
        factor: How much longer than a step it takes for one.
    """

    name: str
    factor: int

    def is_valid(self, instance: Any) -> bool: ...

    def errors(self, instance: Any) -> list[Any]: ...

    def first(self, instance: Any) -> list[Any]: ...


class Fast:
    """jsonschema-rs.

    Attributes:
        is_valid: The engine's own function: the one call of the usual case.
    """

    name = "jsonschema-rs"
    factor = 1

    def __init__(self, validator: Any) -> None:
        self._validator = validator
        self.is_valid: Callable[[Any], bool] = validator.is_valid

    def errors(self, instance: Any) -> list[Any]:
        """Give the engine's errors."""
        return list(self._validator.iter_errors(instance))

    def first(self, instance: Any) -> list[Any]:
        """Give the engine's first error."""
        try:
            self._validator.validate(instance)
        except ValueError as error:
            return [error]
        return []


class Reference:
    """jsonschema, with referencing: slower by far, and it takes every schema."""

    name = "jsonschema"
    factor = 300

    def __init__(self, validator: Any) -> None:
        self._validator = validator

    def is_valid(self, instance: Any) -> bool:
        """Say whether an instance is valid."""
        return next(iter(self._validator.iter_errors(instance)), None) is None

    def errors(self, instance: Any) -> list[Any]:
        """Give the engine's errors in the shape of the fast engine's."""
        return [broken for error in self._validator.iter_errors(instance) for broken in _from_reference(error)]

    def first(self, instance: Any) -> list[Any]:
        """Give the engine's first error."""
        error = next(iter(self._validator.iter_errors(instance)), None)
        return [] if error is None else list(_from_reference(error))


def with_stack(links: int, function: Callable[..., Any], *arguments: Any, explains: bool) -> Any:
    """Call a function; in a thread with a large stack if schemas apply *links* deep.

    Only the pages that are used become memory.
    """
    if links <= (_LINKS_TO_EXPLAIN if explains else _LINKS_TO_DECIDE):
        return function(*arguments)
    result: list[Any] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            result.append(function(*arguments))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the caller waits
            raised.append(error)

    with _stack_lock:
        before = threading.stack_size(_STACK_BYTES)
        try:
            thread = threading.Thread(target=run, name="schema_guard stack", daemon=True)
            thread.start()
        finally:
            threading.stack_size(before)
    thread.join()
    if raised:
        raise raised[0]
    return result[0]


def patterns(references: References) -> Iterator[tuple[str, str]]:
    """Give every regular expression of a schema and its resources, with its location."""
    for schema, location in references.positions():
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"], f"{location}/pattern"
        members = schema.get("patternProperties")
        if isinstance(members, dict):
            for pattern in members:
                yield pattern, f"{location}/patternProperties/{escape(pattern)}"


def check_patterns(references: References) -> bool:
    """Refuse regular expressions that are too large together; say whether one has to be loosened."""
    total, loosens = 0, False
    for pattern, location in patterns(references):
        size = traits(pattern).size
        if size > MAX_STATES_EACH:
            loosens, size = True, len(pattern)
        total += size
        if total > MAX_STATES:
            raise InvalidSchema(
                f"the regular expressions up to {pointer(location)} have more than {MAX_STATES} states together: "
                "shorten their repetitions",
                code="too_costly",
                location=location,
            )
    return loosens


def loosen(value: Any) -> Any:
    """Give a schema with every regular expression that is too large counted and not written out."""
    if isinstance(value, list):
        return [loosen(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: loosen(item) for key, item in value.items()}
    if isinstance(value.get("pattern"), str):
        changed["pattern"] = _loosened(value["pattern"])
    if isinstance(value.get("patternProperties"), dict):
        changed["patternProperties"] = {_loosened(k): v for k, v in changed["patternProperties"].items()}
    return changed


def _loosened(pattern: str) -> str:
    return loosened(pattern) if traits(pattern).size > MAX_STATES_EACH else pattern


def fast(document: Any, dialect: str, *, formats: bool, resources: Mapping[str, Any] | None = None) -> Any:
    """Compile a schema with jsonschema-rs. Raises what that raises."""
    import jsonschema_rs  # noqa: PLC0415 - `import schema_guard` loads no third-party module

    options: dict[str, Any] = {
        "offline": True,
        "validate_formats": formats,
        "pattern_options": jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT),
    }
    if resources:
        # What the engine calls a document without "$id", and resolves relative references against.
        absolute = [(uri if ":" in uri else f"json-schema:///{uri}", other) for uri, other in resources.items()]
        draft = getattr(jsonschema_rs, DRAFTS[dialect].removesuffix("Validator"))
        options["registry"] = jsonschema_rs.Registry(absolute, draft=draft)
    return getattr(jsonschema_rs, DRAFTS[dialect])(document, **options)


def reference(document: Any, dialect: str, *, formats: bool, resources: Mapping[str, Any]) -> Reference:
    """Compile a schema with jsonschema.

    Raises:
        InvalidSchema: `unsafe_pattern`, for a regular expression that only Python would take and might not survive.
    """
    from jsonschema import validators  # noqa: PLC0415
    from jsonschema_specifications import REGISTRY  # noqa: PLC0415
    from referencing.jsonschema import specification_with  # noqa: PLC0415

    specification = specification_with(dialect)
    registry = REGISTRY.with_resources(
        (uri if ":" in uri else f"json-schema:///{uri}", specification.create_resource(other))
        for uri, other in resources.items()
    )
    base = getattr(validators, DRAFTS[dialect])
    kind = validators.extend(base, {k: v for k, v in _keywords(dialect, formats).items() if k in base.VALIDATORS})
    return Reference(kind(document, registry=registry))


def only_python(dialect: str) -> Callable[[str], bool]:
    """Give a test for regular expressions that jsonschema-rs refuses."""
    known: dict[str, bool] = {}

    def test(pattern: str) -> bool:
        if pattern not in known:
            try:
                fast({"pattern": pattern}, dialect, formats=True)
                known[pattern] = False
            except ValueError:
                known[pattern] = True
        return known[pattern]

    return test


def check_python(pattern: str, location: str) -> None:
    """Refuse a regular expression that jsonschema-rs does not take, unless Python can match it safely."""
    if traits(pattern).nested:
        raise InvalidSchema(
            f"the pattern {clip(repr(pattern))} at {pointer(location)} repeats a repetition, and only an engine that may take "
            "exponential time for that would match it: write it without",
            code="unsafe_pattern",
            location=location,
        )
    try:
        re.compile(for_python(pattern))
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidSchema(
            f"schema is invalid at {pointer(location)}: expected a string in format 'regex', got string {clip(repr(pattern))}", location=location
        ) from error


def _keywords(dialect: str, formats: bool) -> dict[str, Any]:
    """Give the keywords that jsonschema gets wrong or slow: the fast engine judges them, each by itself."""
    cache: dict[str, Any] = {}

    def judged(keyword: str, value: Any) -> Any:
        key = f"{keyword}:{value!r}"
        if key not in cache:
            cache[key] = fast({keyword: value}, dialect, formats=True)
        return cache[key]

    def alone(keyword: str) -> Any:
        def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            from jsonschema import ValidationError  # noqa: PLC0415

            if not judged(keyword, value).is_valid(instance):
                yield ValidationError(keyword)

        return check

    def pattern(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        from jsonschema import ValidationError  # noqa: PLC0415

        if isinstance(instance, str) and not _matches(judged, value, instance):
            yield ValidationError("pattern")

    def pattern_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        for expression, below in value.items() if isinstance(instance, dict) else ():
            for key, item in instance.items():
                if _matches(judged, expression, key):
                    yield from validator.descend(item, below, path=key, schema_path=expression)

    silent = lambda *_: ()  # noqa: E731 - formats are not asserted
    return {
        "multipleOf": alone("multipleOf"),
        "uniqueItems": alone("uniqueItems"),
        "format": alone("format") if formats else silent,
        "pattern": pattern,
        "patternProperties": pattern_properties,
    }


def _matches(judged: Callable[[str, Any], Any], pattern: str, text: str) -> bool:
    try:
        return bool(judged("pattern", pattern).is_valid(text))
    except ValueError:
        return re.search(for_python(pattern), text) is not None


def _from_reference(error: Any) -> Iterator[Broken]:
    """Give an error of jsonschema's in the shape of the fast engine's."""
    from schema_guard.core.violations import Broken, Kind, fields_of  # noqa: PLC0415 - only failures need it

    keyword, value = error.validator or "falseSchema", error.validator_value
    path, location = list(error.absolute_path), list(error.absolute_schema_path)
    fields = fields_of(keyword, {keyword: value})
    if keyword == "required":
        missing = next((name for name in value if error.message.startswith(repr(name))), "?")
        fields = {"property": missing}
    elif keyword in ("additionalProperties", "unevaluatedProperties"):
        fields = {"unexpected": _unexpected(error)}
    elif keyword == "additionalItems":
        fields = {"limit": len(error.schema.get("items", ()))}
    elif keyword in ("anyOf", "oneOf"):
        arms: list[list[Broken]] = [[] for _ in value]
        for inner in error.context:
            arms[inner.schema_path[0]] += _from_reference(inner)
        fields = {"context": arms}
    yield Broken(Kind(keyword, fields), error.instance, path, location)


def _unexpected(error: Any) -> list[str]:
    named = error.schema.get("properties", {})
    return [key for key in error.instance if key not in named]
