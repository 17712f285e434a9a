# SPDX-License-Identifier: Apache-2.0
"""Schema: a JSON Schema that is safe to use, and the Python type of its values.

Rules:
1. A loaded schema can be validated against, because everything is checked when it is loaded.
2. Nothing is fetched. The only file that is read is the path, or the `resources` folder, that the caller names.
3. The document is copied, so later changes by the caller have no effect.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from schema_guard.arguments import require_bool, require_text
from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.interruptions import is_interruption
from schema_guard.limits import Limits
from schema_guard.locks import fork_safe_lock
from schema_guard.text import clip, hex_digest, safe
from schema_guard.validation import document as checks
from schema_guard.validation.document import compact, dialect_of
from schema_guard.validation.measure import UNLIMITED, ValueSize, measured, refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from schema_guard.types.reader import TypeReader
    from schema_guard.validation.compiled import Compiled
    from schema_guard.validation.reference_engine import ReferenceValidator
    from schema_guard.values import Failure, Violation

A = TypeVar("A")
V = TypeVar("V")

# Enough for every schema of a service. If there are more, the oldest is compiled again at its next use.
_CACHE_SIZE = 256
_LIMITS = Limits()
# First characters of a schema's JSON text, which hardly any file name has.
_JSON_STARTS = ("{", "[", '"')
_cache: dict[tuple[Any, ...], Any] = {}
_cache_lock = fork_safe_lock()
living: WeakValueDictionary[int, Schema[Any]] = WeakValueDictionary()
"""The schemas of this process by their `id()`. A store keeps their texts."""


class Schema(Generic[V]):
    """A JSON Schema that is ready for validation. To create a schema, call `Schema.of`.

    Attributes:
        document: The schema as JSON: a dict or a bool. Don't change it.
        name: Name in reports and errors: the `name` argument of `Schema.of`, the class name, the title, the `$id`, or
            the file name.
        dialect: URI of the JSON Schema dialect.
        fingerprint: First 16 hex digits of the SHA-256 hash of the document as compact JSON with sorted keys. The hash
            ignores annotations, such as titles and descriptions. Two schemas that differ only in annotations have the
            same fingerprint.
        digest: SHA-256 hash of the document as compact JSON with sorted keys, in 64 hex digits.
        formats: Whether validation checks the keyword `format`. The value is False for a Python type, because the type
            itself decides which texts it can read.
        annotation: The Python type of the schema, or None for a document.
        acceptor: The result of `plain_reply.acceptor` with its limits, or None before the first use.
        reader: The object that converts values to the Python type, or None for a document.
    """

    __slots__ = (
        "__weakref__",
        "_allows_unknown",
        "_asserting",
        "_asserts_formats",
        "_compiled",
        "_resources",
        "_source",
        "_written",
        "acceptor",
        "annotation",
        "dialect",
        "digest",
        "document",
        "fingerprint",
        "formats",
        "name",
        "reader",
    )

    document: Any
    name: str
    dialect: str
    fingerprint: str
    digest: str
    formats: bool
    annotation: Any
    acceptor: tuple[Limits, Callable[[str], Any]] | None
    reader: TypeReader | None
    _allows_unknown: bool
    _asserts_formats: bool
    _compiled: Compiled
    # Built when first needed: with `format`, and for the serialized form of the type.
    _asserting: Compiled | None
    _written: Compiled | None
    _resources: dict[str, Any]
    _source: type | None

    def __init__(self, *_: object) -> None:
        raise InvalidArgument("Schema(...): call Schema.of(source) instead")

    @staticmethod
    def of(
        source: Any,
        *,
        name: str | None = None,
        dialect: str | None = None,
        formats: bool = True,
        resources: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        allow_unknown: bool = False,
    ) -> Schema[Any]:
        """Load a schema.

        Example:
            >>> Schema.of({"title": "Invoice", "type": "object", "required": ["total"]})
            Schema('Invoice', fingerprint='...')

        Args:
            source: A JSON Schema (a dict or bool), the path to a JSON file, or an annotation, such as a Pydantic model
                or a dataclass. If you pass a `Schema` object, the method returns it unchanged.
            name: Name of the schema.
            dialect: `draft4`, `draft6`, `draft7`, `2019-09`, `2020-12`, or a URI. The dialect applies to a document
                without `$schema`.
            formats: Whether validation checks the keyword `format`.
            resources: Documents that a `$ref` can refer to: a dict with URIs as keys, or a folder. A `$ref` can name a
                `*.json` file in the folder by its `$id` or by its path in the folder.
            allow_unknown: Whether to accept a document that has a misspelled keyword, or no keywords at its
                root. JSON Schema ignores unknown keys, so such a document accepts every value, or more values
                than its author wants.

        Raises:
            InvalidSchema: schema_guard can't load the schema. The attributes `code` and `location` of the error
                describe the fault. schema_guard downloads nothing.
            InvalidArgument: The source isn't a JSON Schema, a path, or an annotation.
        """
        if isinstance(source, Schema):
            return source
        require_text("name", name)
        require_text("dialect", dialect)
        require_bool("formats", formats)
        require_bool("allow_unknown", allow_unknown)
        document, found_name, reader = _read(source)
        checks.check_size(document)
        allow_unknown = allow_unknown or reader is not None or not isinstance(document, dict)
        if not allow_unknown:
            from schema_guard.validation.keywords import require_keywords  # types don't need it

            require_keywords(document)
        known = _read_resources(resources)
        uri = dialect_of(document, dialect, resources=known)
        digest = hex_digest(compact(document), 64)
        schema: Schema[Any] = object.__new__(Schema)
        schema.document = json.loads(json.dumps(document))
        schema.dialect, schema.fingerprint, schema.digest = uri, fingerprint(document), digest
        schema.name = clip(name or found_name or _title(document) or f"schema-{schema.fingerprint[:8]}")
        # A type decides by itself whether it can read a text as a date.
        schema.formats, schema._asserts_formats = formats and reader is None, formats
        schema.reader, schema._resources = reader, known
        schema._allows_unknown = allow_unknown
        schema._source = source if isinstance(source, type) else None
        schema.annotation = None if reader is None else source
        schema.acceptor = schema._asserting = schema._written = None
        schema._compiled = _ready(schema, formats=schema.formats)
        schema._resources = schema._compiled.references.reached
        living[id(schema)] = schema
        return schema

    @property
    def is_typed(self) -> bool:
        """Whether valid values are objects of a Python type instead of plain JSON."""
        return self.reader is not None

    @property
    def engine(self) -> str:
        """Name of the validator: `jsonschema-rs`, or `jsonschema` for documents with too many reference paths."""
        return self._compiled.engine.name

    def reference(self) -> ReferenceValidator:
        """Return the reference engine for this schema.

        The reference engine is slow. Use the reference engine only to check the results of the default engine.
        """
        from schema_guard.validation.reference_engine import reference  # for tests

        return reference(self.document, self.dialect, formats=self.formats, resources=self._resources)

    def violations(
        self, instance: Any, *, max_steps: int = _LIMITS.max_steps, max_depth: int = _LIMITS.max_depth
    ) -> list[Violation]:
        """Return at most 50 violations of the schema in an instance, most relevant first.

        If validation would take more than *max_steps*, schema_guard replaces it with a bounded search. If the bounded
        search finds no violation, the result is one violation of the keyword `too_costly`. If matching a pattern takes
        too long, the result includes a violation of `pattern` for the text. The method doesn't convert values. To
        convert a value, use `judge`.

        Args:
            instance: A JSON value: dict, list, str, int, float, bool, or None.
            max_steps: Maximum number of validation steps, estimated in advance.
            max_depth: Maximum number of nesting levels.

        Raises:
            InvalidArgument: The instance isn't JSON, or is nested deeper than *max_depth*.
        """
        size = _size(instance, max_depth)

        def violations() -> list[Violation]:
            found = self._compiled.violations(instance, size, max_steps)
            if self.reader is None:
                return found
            from schema_guard.types.coercion import refusal_by_type  # only typed schemas need it

            broken = partial(self._explaining.violations, instance, size, max_steps)
            failure = refusal_by_type(instance, self.reader, broken, is_refused=bool(found))
            return [] if failure is None else list(failure.violations)

        return self._asked(violations)

    def violations_in(self, value: Any, text: str, max_steps: int) -> list[Violation]:
        """Return the violations of the schema document in an invalid value.

        The method checks `format` even for a Python type.

        Args:
            value: An invalid JSON value that is within the limits.
            text: A text that contains the JSON text of the value, or an empty text if the JSON text isn't known.
            max_steps: The value of *max_steps* that you passed to `accepts`.
        """
        return self._explaining.violations_in(value, text, max_steps)

    def is_valid(self, instance: Any, *, max_steps: int = _LIMITS.max_steps) -> bool:
        """Return whether an instance is valid. Return False if the limits prevent a decision.

        The method raises the same errors as `violations`.
        """
        size = _size(instance)
        return self._asked(
            lambda: (
                self._compiled.accepts(instance, size, max_steps)
                and (self.reader is None or self.reader.reads(instance))
            )
        )

    def _asked(self, ask: Callable[[], A]) -> A:
        try:
            return ask()
        except (ValueError, UnicodeError) as error:
            if is_interruption(error):
                raise
            raise InvalidArgument(
                f"instance of {safe(self.name)}: expected a JSON value, but reading it failed: {clip(str(error), 200)}"
            ) from error

    def accepts(self, instance: Any, max_steps: int = _LIMITS.max_steps) -> bool:
        """Return whether the document accepts a JSON value. Return False if the limits prevent a decision.

        If the document accepts the value, the Python type can still reject it in `convert`.
        """
        return _accepts(self._compiled, instance, max_steps)

    def accepts_written(self, value: Any, limits: Limits = _LIMITS) -> bool:
        """Return whether a JSON value can be the serialized form of an object of the schema's Python type."""
        if refusal_of(value, limits) is not None:
            return False
        if self._written is None:
            assert self.reader is not None
            from schema_guard.validation.compiled import compiled

            document = self.reader.written_document()
            self._written = compiled(document, self.dialect, formats=False, resources={})
        return _accepts(self._written, value, limits.max_steps)

    def misspelled(self) -> list[tuple[str, str]]:
        """Return the location of each keyword below the root that looks misspelled, with the suggested spelling."""
        if self._allows_unknown:
            return []
        from schema_guard.validation.keywords import misspelled_inside  # as in `of`

        return sorted(misspelled_inside(self._compiled.references.own_positions))

    def is_closed_within(self, limits: Limits) -> bool:
        """Return whether every valid value stays within the limits for depth and steps, and contains only finite numbers."""
        levels = self._compiled.closed_levels if self._compiled.plain <= limits.max_steps else None
        return levels is not None and levels <= limits.max_depth

    @property
    def conditions(self) -> Compiled:
        """The compiled document, which schema_guard uses to check replies while they arrive.

        For a Python type, the compiled document doesn't check `format`.
        """
        return self._compiled

    @property
    def _explaining(self) -> Compiled:
        """The compiled document that explains a refusal. It asserts `format`, also for a type."""
        if self._asserting is None:
            asserts = self.reader is not None and self._asserts_formats
            self._asserting = _ready(self, formats=True) if asserts else self._compiled
        return self._asserting

    def steps(self, instance: Any) -> int:
        """Estimate the number of steps to validate an instance. The method raises the same errors as `violations`."""
        return int(self._compiled.work(instance, _size(instance), _LIMITS.max_steps).steps)

    def convert(self, value: Any, text: str | None = None, max_steps: int = _LIMITS.max_steps) -> V | Failure:
        """Convert a valid JSON value to the Python type of the schema.

        For a schema without a Python type, return the value unchanged.

        Args:
            value: The value.
            text: JSON text of the value, or None. A Pydantic model reads JSON text faster than a JSON value.
            max_steps: If the type rejects the value, the maximum number of steps to find the violations.

        Returns:
            The converted value, or the failure if the type rejects the value, for example in a Pydantic validator.
        """
        if self.reader is None:
            return value  # type: ignore[no-any-return]
        from schema_guard.types.coercion import read  # only typed schemas need it

        result: V | Failure = read(value, text, self.reader, lambda: self.violations_in(value, "", max_steps))
        return result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[Any, ...]:
        return self.digest, self.dialect, self.formats, self._source

    def __repr__(self) -> str:
        return f"Schema({self.name!r}, fingerprint={self.fingerprint!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            self._source or self.document,
            self.name,
            self.dialect,
            self._asserts_formats,
            self._resources,
        )


if TYPE_CHECKING:
    SchemaSource: TypeAlias = Schema[V] | Mapping[str, Any] | str | os.PathLike[str] | bool
    """A schema that isn't an annotation, as `Schema.of` takes it."""


def _rebuild(source: Any, name: str, dialect: str, formats: bool, resources: dict[str, Any]) -> Schema[Any]:
    return Schema.of(
        source, name=name, dialect=dialect, formats=formats, resources=resources, allow_unknown=True
    )


def _read(source: Any) -> tuple[Any, str | None, TypeReader | None]:
    """Return the document of a source, its name, and the reader of its type. Each is None if there is none."""
    if isinstance(source, (dict, bool)):
        return source, None, None
    if isinstance(source, (str, os.PathLike)):
        from pathlib import Path  # takes 2 ms, and a dict doesn't need it

        if isinstance(source, str) and source.lstrip()[:1] in _JSON_STARTS:
            raise InvalidArgument(
                f"schema={clip(repr(source))}: expected the path of a JSON file, got JSON text. Pass json.loads(text)"
            )
        path = Path(source)
        return _read_file(path), path.name.removesuffix(".json").removesuffix(".schema"), None
    from schema_guard.types.reader import reader_of  # only typed schemas need it

    reader = reader_of(source)
    return reader.document, reader.name, reader


def _read_file(path: Path) -> Any:
    name = f"schema file {str(path)!r}"
    try:
        with path.open("rb") as file:
            content = file.read(checks.MAX_BYTES + 1)
    except OSError as error:
        if is_interruption(error):
            raise
        raise InvalidSchema(f"{name} can't be read ({error.strerror}). Check the path") from error
    if len(content) > checks.MAX_BYTES:
        raise InvalidSchema(
            f"{name} is larger than {checks.MAX_BYTES:,} bytes. Move parts to other files, and pass them as resources=",
            code="too_large",
        )
    try:
        return json.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise InvalidSchema(
            f"{name} is nested deeper than {checks.MAX_DEPTH} levels. Use $defs", code="too_deep"
        ) from error
    except ValueError as error:
        if is_interruption(error):
            raise
        raise InvalidSchema(f"{name}: expected JSON, but reading it failed: {error}") from error


def _read_resources(resources: Mapping[str, Any] | str | os.PathLike[str] | None) -> dict[str, Any]:
    if resources is None:
        return {}
    if isinstance(resources, (str, os.PathLike)):
        from pathlib import Path

        folder = Path(resources)
        if not folder.is_dir():
            raise InvalidArgument(
                f"resources={str(folder)!r}: expected a folder of JSON files, or a dict from URIs to documents"
            )
        known: dict[str, Any] = {}
        for path in sorted(folder.rglob("*.json")):
            document = _read_file(path)
            known[path.relative_to(folder).as_posix()] = document
            if isinstance(document, dict) and isinstance(document.get("$id"), str):
                known[document["$id"]] = document
    elif isinstance(resources, Mapping):
        known = dict(resources)
    else:
        raise InvalidArgument(
            f"resources={clip(repr(resources))}: expected a folder of JSON files, or a dict from URIs to documents"
        )
    for uri, document in known.items():
        checks.check_size(document, what=f"resource {clip(uri)!r}")
    return {uri: json.loads(json.dumps(document)) for uri, document in known.items()}


def fingerprint(document: Any) -> str:
    """Return the fingerprint of the schema of a document."""
    from schema_guard.validation.keywords import without_annotations

    return hex_digest(compact(without_annotations(document)), 16)


def _title(document: Any) -> str | None:
    if not isinstance(document, dict):
        return None
    return next((document[key] for key in ("title", "$id", "id") if isinstance(document.get(key), str)), None)


def _accepts(ready: Compiled, instance: Any, max_steps: int) -> bool:
    if ready.plain <= max_steps:
        return ready.is_valid(instance)
    size = measured(instance, UNLIMITED)
    return isinstance(size, ValueSize) and ready.accepts(instance, size, max_steps)


@cache
def _limits_of(max_depth: int) -> Limits:
    return replace(UNLIMITED, max_depth=max_depth, max_number_chars=_LIMITS.max_number_chars)


def _size(instance: Any, max_depth: int = _LIMITS.max_depth) -> ValueSize:
    """Return the size of an instance. Raise `InvalidArgument` if it isn't JSON, or is nested deeper."""
    size = measured(instance, _limits_of(max_depth), is_lenient=True)
    if isinstance(size, ValueSize):
        return size
    if size.code == "too_deep":
        raise InvalidArgument(f"instance: expected a value nested at most {max_depth} levels deep")
    raise InvalidArgument(f"instance contains {size.message}")


def _ready(schema: Schema[Any], *, formats: bool) -> Compiled:
    """Return the compiled form of a schema, from the cache if an equal one was compiled before."""
    known = hex_digest(compact(schema._resources), 64) if schema._resources else ""  # noqa: SLF001
    # The whole digest, because a fingerprint is shortened for people, and two schemas must never share an engine.
    key = (schema.digest, schema.dialect, formats, known)
    ready: Compiled | None = _cache.get(key)
    if ready is None:
        from schema_guard.validation.compiled import compiled  # not needed if only loaded, or cached

        ready = compiled(
            schema.document,
            schema.dialect,
            formats=formats,
            resources=schema._resources,  # noqa: SLF001
        )
        with _cache_lock:
            if len(_cache) >= _CACHE_SIZE:
                _cache.pop(next(iter(_cache)))
            _cache[key] = ready
    return ready
