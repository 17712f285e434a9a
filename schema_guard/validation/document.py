# SPDX-License-Identifier: Apache-2.0
"""Check that a document is safe to load as a schema, before any engine reads it.

Nothing here recurses, because a deeply nested schema could exhaust the stack.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.errors import InvalidSchema
from schema_guard.pointer import join, pointer
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

# A place in a document is the place around it and the step from there. None is the root.
_Place: TypeAlias = "tuple[Any, str | int] | None"
# Compiled for the first text that is not ASCII, because most schemas have none.
_SURROGATE = "[\ud800-\udfff]"

# Limits of a schema. Real schemas of the public corpora stay below 64 levels.
MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_NUMBER_CHARS = 400
_TOO_LONG = 10**MAX_NUMBER_CHARS

DRAFTS = {
    "http://json-schema.org/draft-04/schema": "Draft4Validator",
    "http://json-schema.org/draft-06/schema": "Draft6Validator",
    "http://json-schema.org/draft-07/schema": "Draft7Validator",
    "https://json-schema.org/draft/2019-09/schema": "Draft201909Validator",
    "https://json-schema.org/draft/2020-12/schema": "Draft202012Validator",
}
DEFAULT_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SHORT_NAMES = {
    "draft4": "http://json-schema.org/draft-04/schema",
    "draft6": "http://json-schema.org/draft-06/schema",
    "draft7": "http://json-schema.org/draft-07/schema",
    "2019-09": "https://json-schema.org/draft/2019-09/schema",
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
}


def dialect_of(
    document: Any, dialect: str | None, *, resources: Mapping[str, Any] | None = None, what: str = ""
) -> str:
    """Return the URI of the dialect: `$schema` of the document, otherwise *dialect*, otherwise 2020-12.

    A metaschema among the *resources* counts as the dialect that it is written in, if it has all of its assertions.

    Raises:
        InvalidSchema: `unknown_dialect`, with the known ones.
    """
    named = document.get("$schema") if isinstance(document, dict) else None
    location = "/$schema"
    if named is None:
        named, location = dialect or DEFAULT_DIALECT, ""
    uri = _SHORT_NAMES.get(named, named.rstrip("#")) if isinstance(named, str) else ""
    metaschema = resources.get(uri) if resources else None
    if uri not in DRAFTS and isinstance(metaschema, dict) and _asserts(metaschema):
        uri = str(metaschema.get("$schema")).rstrip("#")
    if uri not in DRAFTS:
        known = [*_SHORT_NAMES, *DRAFTS]
        raise InvalidSchema(
            f"{what}dialect {clip(repr(named))}: expected one of {', '.join(_SHORT_NAMES)} or its URI"
            f"{did_you_mean(named, known)}",
            code="unknown_dialect",
            location=location,
        )
    return uri


def _asserts(metaschema: dict[str, Any]) -> bool:
    """Return whether a metaschema has the vocabulary of assertions, or declares no vocabularies."""
    vocabularies = metaschema.get("$vocabulary")
    if not isinstance(vocabularies, dict):
        return True
    return any(uri.endswith("/vocab/validation") for uri in vocabularies)


def check_size(document: Any, *, what: str = "schema") -> None:
    """Raise for a document that is not JSON, is nested too deep, or is too large. Never recurse.

    Raises:
        InvalidSchema: `too_deep`, `too_large`, or `invalid`, with the location.
    """
    size = 0
    # A place is a linked list of steps, because only errors need its JSON Pointer.
    stack: list[tuple[Any, _Place, int]] = [(document, None, 1)]
    while stack:
        value, place, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise InvalidSchema(
                f"{what} is nested deeper than {MAX_DEPTH} levels at {pointer(clip(_location(place)))}. Move inner parts to $defs and refer to them",
                code="too_deep",
                location=_location(place),
            )
        # Most texts are plain. Only the others need a close check.
        is_plain = type(value) is str and value.isascii()
        size += len(value) + 3 if is_plain else _scalar_size(value, place, what)
        # Each value inside takes at least two bytes, so a million of them are rejected before they are read.
        if size + 2 * (len(value) if isinstance(value, (dict, list, tuple)) else 0) > MAX_BYTES:
            raise InvalidSchema(
                f"{what} is larger than {MAX_BYTES:,} bytes. Move parts to other documents, and pass them as resources=",
                code="too_large",
                location="",
            )
        if isinstance(value, dict):
            size += sum(
                len(key) + 4 if type(key) is str and key.isascii() else _key_size(key, place, what)
                for key in value
            )
            stack += [(item, (place, key), depth + 1) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            stack += [(item, (place, index), depth + 1) for index, item in enumerate(value)]


def _location(place: _Place) -> str:
    steps: list[str | int] = []
    while place is not None:
        place, step = place
        steps.append(step)
    return join(steps[::-1])


def _scalar_size(value: Any, place: _Place, what: str) -> int:
    if isinstance(value, str):
        _check_text(value, place, what)
        return len(value) + 3
    if isinstance(value, int) and not -_TOO_LONG < value < _TOO_LONG:
        raise _refused(
            f"{what} contains a number with more than {MAX_NUMBER_CHARS} digits",
            place,
            "Use a shorter number",
            code="too_large",
        )
    if isinstance(value, float) and not isfinite(value):
        raise _refused(f"{what} contains the invalid number {value!r}", place, "Use a finite number")
    if value is None or isinstance(value, (bool, int, float, dict, list, tuple)):
        return 2
    raise _refused(
        f"{what} contains a value of the type {type(value).__name__}",
        place,
        "Use a dict, list, str, int, float, bool, or None",
    )


def _key_size(key: Any, place: _Place, what: str) -> int:
    if not isinstance(key, str):
        raise _refused(
            f"{what} has the key {clip(repr(key))} of the type {type(key).__name__}", place, "Use a str"
        )
    _check_text(key, place, what)
    return len(key) + 4


def _check_text(text: str, place: _Place, what: str) -> None:
    # A lone surrogate has no UTF-8 form, so no engine, store, or file accepts it.
    if not text.isascii() and re.search(_SURROGATE, text):
        raise _refused(f"{what} contains a lone surrogate", place, "Use valid Unicode")


def _refused(fault: str, place: _Place, fix: str, code: str = "invalid") -> InvalidSchema:
    location = _location(place)
    return InvalidSchema(f"{fault} at {pointer(clip(location))}. {fix}", code=code, location=location)


def compact(value: Any) -> str:
    """Return a value as compact JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
