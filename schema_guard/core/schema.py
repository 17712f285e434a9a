"""Schema: a JSON Schema that is safe to use, and the Python type its values come back as.

Rules:
1. A schema that was loaded can be validated against: everything is checked here, at load.
2. Nothing is fetched. The one read of a file is the path, or the `resources` folder, that the caller names.
3. The document is copied: what the caller does with theirs later changes nothing.
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from schema_guard.core import document as checks
from schema_guard.core.document import DRAFTS, compact, dialect_of
from schema_guard.core.pointer import pointer
from schema_guard.errors import InvalidArgument, InvalidSchema, clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from schema_guard.core.references import References
    from schema_guard.core.values import Violation

V = TypeVar("V")

# Enough for every schema of a service; beyond it the oldest is compiled again when it is met again.
_CACHE_SIZE = 256
_cache: dict[tuple[Any, ...], Any] = {}
_cache_lock = Lock()


class Schema(Generic[V]):
    """A loaded JSON Schema. Make one with `Schema.of`.

    Attributes:
        document: The schema as JSON: a dict or a bool. Not to be changed.
        name: For people: given, or the class's name, the title, the `$id`, the file's name.
        dialect: URI of the dialect.
        fingerprint: 16 hex digits of SHA-256 over the sorted compact JSON of the document.
        formats: Whether `format` is asserted.
    """

    __slots__ = (
        "_engine",
        "_resources",
        "_restore",
        "_source",
        "dialect",
        "document",
        "fingerprint",
        "formats",
        "name",
    )

    document: Any
    name: str
    dialect: str
    fingerprint: str
    formats: bool
    _engine: Any
    _resources: dict[str, Any]
    _restore: Callable[[Any], Any] | None
    _source: type | None

    def __init__(self, *_: object) -> None:
        raise InvalidArgument("Schema(...) is not for users: expected Schema.of(source)")

    @staticmethod
    def of(
        source: Any,
        *,
        name: str | None = None,
        dialect: str | None = None,
        formats: bool = True,
        resources: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    ) -> Schema[Any]:
        """Load a schema.

        Args:
            source: A JSON Schema as dict or bool; the path of a JSON file; a Pydantic model, dataclass, TypedDict
                or another annotation; or a Schema, which is given back as it is.
            name: What to call it.
            dialect: `draft4 draft6 draft7 2019-09 2020-12` or a URI, for a document without `$schema`.
            formats: Whether `format` is asserted.
            resources: The documents that a `$ref` may reach beside its own: URI -> document, or a folder whose
                `*.json` files are known by their `$id` and by their path in the folder.

        Raises:
            InvalidSchema: With `code` and `location`; nothing was fetched.
            InvalidArgument: *source* is nothing that a schema can be made from.
        """
        if isinstance(source, Schema):
            return source
        document, found_name, restore = _read(source)
        checks.check_size(document)
        uri = dialect_of(document, dialect)
        text = compact(document)
        fingerprint = sha256(text.encode()).hexdigest()[:16]
        known = _read_resources(resources)
        schema: Schema[Any] = object.__new__(Schema)
        schema.document = json.loads(json.dumps(document))
        schema.name = clip(name or found_name or _title(document) or f"schema-{fingerprint[:8]}")
        schema.dialect, schema.fingerprint, schema.formats = uri, fingerprint, formats
        schema._restore, schema._resources = restore, known
        schema._source = source if isinstance(source, type) else None
        schema._engine = _compiled(schema, text)
        return schema

    def violations(self, instance: Any) -> list[Violation]:
        """Say what is wrong with an instance, most relevant first, at most 50.

        Args:
            instance: A JSON value: dict, list, str, int, float, bool or None.

        Raises:
            InvalidArgument: *instance* is not JSON, or is nested deeper than 100 levels.
        """
        from schema_guard.core.violations import violations  # noqa: PLC0415 - only failures need it

        _check_instance(instance)
        try:
            return violations(self._engine.iter_errors(instance))
        except (ValueError, UnicodeError) as error:
            raise InvalidArgument(
                f"instance of {self.name}: expected a JSON value: {clip(str(error), 200)}"
            ) from error

    def is_valid(self, instance: Any) -> bool:
        """Say whether an instance is valid. Raises as `violations` does."""
        _check_instance(instance)
        try:
            return bool(self._engine.is_valid(instance))
        except (ValueError, UnicodeError) as error:
            raise InvalidArgument(
                f"instance of {self.name}: expected a JSON value: {clip(str(error), 200)}"
            ) from error

    def accepts(self, instance: Any) -> bool:
        """Say whether an instance that is known to be JSON within the limits is valid."""
        return self._engine.is_valid(instance)  # type: ignore[no-any-return]

    def restore(self, value: Any) -> V:
        """Give a valid JSON value in the Python type of the schema's source; JSON itself where that is a dict.

        Raises:
            ValueError: The type refuses it (a Pydantic validator).
        """
        return value if self._restore is None else self._restore(value)  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[Any, ...]:
        return self.fingerprint, self.dialect, self.formats, self._source

    def __repr__(self) -> str:
        return f"Schema({self.name!r}, fingerprint={self.fingerprint!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            self._source or self.document,
            self.name,
            self.dialect,
            self.formats,
            self._resources,
        )


def _rebuild(source: Any, name: str, dialect: str, formats: bool, resources: dict[str, Any]) -> Schema[Any]:
    return Schema.of(source, name=name, dialect=dialect, formats=formats, resources=resources)


def _read(source: Any) -> tuple[Any, str | None, Callable[[Any], Any] | None]:
    """Give a source's document, its name if it has one, and what makes its Python type of a value."""
    if isinstance(source, (dict, bool)):
        return source, None, None
    if isinstance(source, (str, os.PathLike)):
        from pathlib import Path  # noqa: PLC0415 - 2 ms that a dict need not pay

        path = Path(source)
        return _read_file(path), path.name.removesuffix(".json").removesuffix(".schema"), None
    from schema_guard.core.annotations import from_annotation  # noqa: PLC0415 - only typed schemas need it

    return from_annotation(source)


def _read_file(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(checks.MAX_BYTES + 1)
    except OSError as error:
        raise InvalidSchema(f"schema file {str(path)!r} cannot be read: {error.strerror}") from error
    if len(content) > checks.MAX_BYTES:
        raise InvalidSchema(
            f"schema file {str(path)!r} is larger than {checks.MAX_BYTES} bytes", code="too_large"
        )
    try:
        return json.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise InvalidSchema(
            f"schema file {str(path)!r} is nested deeper than {checks.MAX_DEPTH} levels", code="too_deep"
        ) from error
    except ValueError as error:
        raise InvalidSchema(f"schema file {str(path)!r} is not JSON: {error}") from error


def _read_resources(resources: Mapping[str, Any] | str | os.PathLike[str] | None) -> dict[str, Any]:
    if resources is None:
        return {}
    if isinstance(resources, (str, os.PathLike)):
        from pathlib import Path  # noqa: PLC0415 - as in _read

        folder = Path(resources)
        if not folder.is_dir():
            raise InvalidArgument(
                f"resources={str(folder)!r}: expected a folder of JSON files, or a dict URI -> document"
            )
        known: dict[str, Any] = {}
        for path in sorted(folder.rglob("*.json")):
            document = _read_file(path)
            known[path.relative_to(folder).as_posix()] = document
            if isinstance(document, dict) and isinstance(document.get("$id"), str):
                known[document["$id"]] = document
    else:
        known = dict(resources)
    for uri, document in known.items():
        checks.check_size(document, what=f"resource {clip(uri)!r}")
    return known


def _title(document: Any) -> str | None:
    if not isinstance(document, dict):
        return None
    return next((document[key] for key in ("title", "$id", "id") if isinstance(document.get(key), str)), None)


def _compiled(schema: Schema[Any], text: str) -> Any:
    """Give the engine's validator for a schema, from the cache if its like was compiled before."""
    key = (
        schema.fingerprint,
        schema.dialect,
        schema.formats,
        compact(schema._resources) if schema._resources else "",  # noqa: SLF001
    )
    engine = _cache.get(key)
    if engine is None:
        engine = _compile(schema, text)
        with _cache_lock:
            if len(_cache) >= _CACHE_SIZE:
                _cache.pop(next(iter(_cache)))
            _cache[key] = engine
    return engine


def _compile(schema: Schema[Any], text: str) -> Any:
    import jsonschema_rs  # noqa: PLC0415 - `import schema_guard` loads no third-party module

    resources = schema._resources  # noqa: SLF001
    references = None
    if (
        'ef"' in text or resources
    ):  # "$ref", "$dynamicRef" or "$recursiveRef": only they can lead out or round
        from schema_guard.core.references import References, check_references  # noqa: PLC0415

        references = References(schema.document, schema.dialect, resources)
        check_references(references)
    options: dict[str, Any] = {"offline": True, "validate_formats": schema.formats}
    if resources:
        # What the engine calls a document without "$id", and resolves relative references against.
        absolute = [
            (uri if ":" in uri else f"json-schema:///{uri}", other) for uri, other in resources.items()
        ]
        options["registry"] = jsonschema_rs.Registry(absolute)
    try:
        return getattr(jsonschema_rs, DRAFTS[schema.dialect])(schema.document, **options)
    except jsonschema_rs.ValidationError as error:
        raise _invalid(error, references) from error
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        raise InvalidSchema(f"schema cannot be used: {clip(str(error), 200)}") from error


def _invalid(error: Any, references: References | None) -> InvalidSchema:
    """Give the error for what a metaschema, or the engine's compiler, has against a schema."""
    from schema_guard.core.violations import best_arm, violations  # noqa: PLC0415 - only failures need it

    if error.kind.name == "$ref" and references is not None:
        from schema_guard.core.references import first_unresolved  # noqa: PLC0415

        location = first_unresolved(references) or ""
        return InvalidSchema(
            f"the reference at {pointer(location)} leads nowhere: {clip(error.message, 200)}",
            location=location,
        )
    (told,) = violations([error])
    if error.kind.name in ("anyOf", "oneOf"):
        _, inner = best_arm(error.kind.as_dict()["context"], len(error.instance_path))
        told = violations(inner)[0]._replace(instance_location=told.instance_location)
    return InvalidSchema(
        f"schema is invalid at {pointer(told.instance_location)}: expected {told.expected}, got {told.actual}",
        location=told.instance_location,
    )


def _check_instance(instance: Any) -> None:
    # An engine recurses over the instance; the limit is that of a reply (values.Limits.max_depth).
    level = [instance]
    for _ in range(100):
        level = [item for value in level if isinstance(value, (dict, list, tuple)) for item in _items(value)]
        if not level:
            return
    raise InvalidArgument("instance: expected a value nested at most 100 levels deep")


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value
