# SPDX-License-Identifier: Apache-2.0
"""Pydantic's ValidationError: whether it is about the guarded type, and the text or data that it rejected.

The shape of the error identifies it. It is the model's fault if its title is that of the guarded type or of a type that
contains it, and if code below the function raised it. The frame of Pydantic that raised it has the rejected value. If
there is no such frame, the details of the error describe the fault.
"""

from __future__ import annotations

import builtins
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.pointer import join, pointer
from schema_guard.providers.fields import field, items
from schema_guard.received.replies import read
from schema_guard.received.traceback_reply import frames_of
from schema_guard.text import clip
from schema_guard.types.reader import classes_in
from schema_guard.validation.violations import describe
from schema_guard.values import Failure, ParsedValue, Reply, Violation

if TYPE_CHECKING:
    from schema_guard.schema import Schema
    from schema_guard.values import FailureKind

_MOST = 50
# Pydantic's types of errors -> the keyword of a schema for the same error. All other types are those of validators.
_STRUCTURE: Final = {
    "missing": "required", "missing_argument": "required", "extra_forbidden": "additionalProperties",
    "unexpected_keyword_argument": "additionalProperties", "int_from_float": "type", "none_required": "type",
    "union_tag_invalid": "oneOf", "union_tag_not_found": "oneOf", "no_such_attribute": "required",
}  # fmt: skip
_VALUE: Final = {
    "enum": "enum", "literal_error": "enum", "greater_than": "exclusiveMinimum", "greater_than_equal": "minimum",
    "less_than": "exclusiveMaximum", "less_than_equal": "maximum", "multiple_of": "multipleOf",
    "string_too_short": "minLength", "string_too_long": "maxLength", "string_pattern_mismatch": "pattern",
    "too_short": "minItems", "too_long": "maxItems", "finite_number": "type",
}  # fmt: skip
_FORMATS: Final = ("date", "time", "datetime", "timezone", "uuid", "url", "ip_", "decimal")
_ORDER: Final = ("syntax", "structure", "value", "semantic")


def refused_by(errors: object) -> Failure:
    """Return the failure for a list of Pydantic's error details. Never raises."""
    pairs = [_violation_of(error) for error in items(errors)[:_MOST]]
    if not pairs:
        return Failure("semantic", "pydantic", "the function's own validation rejected the reply")
    pairs.sort(key=lambda pair: _ORDER.index(pair[0]))
    kind, first = pairs[0]
    violations = tuple(violation for _, violation in pairs)
    message = "; ".join(f"at {pointer(v.instance_location)}: {v.expected}" for v in violations[:3])
    if kind == "syntax":
        return Failure(kind, first.keyword, message)
    return Failure(kind, "pydantic" if kind == "semantic" else first.keyword, message, violations)


def refused_text(errors: object) -> str | bytes | None:
    """Return the text that was not JSON, from Pydantic's error details. None if they are about something else."""
    details = items(errors)
    if len(details) == 1 and field(details[0], "type") == "json_invalid":
        text = field(details[0], "input")
        return text if isinstance(text, str | bytes) else None
    return None


def _violation_of(error: object) -> tuple[FailureKind, Violation]:
    name = str(field(error, "type"))
    kind, keyword = _classed(name)
    place: list[Any] = [part for part in field(error, "loc") or () if isinstance(part, str | int)]
    expected = clip(str(field(error, "msg") or name).removeprefix("Input should be "), 200)
    return kind, Violation(join(place), "", keyword, expected, describe(field(error, "input")))


def _classed(name: str) -> tuple[FailureKind, str]:
    if name == "json_invalid":
        return "syntax", "malformed"
    if name in _STRUCTURE:
        return "structure", _STRUCTURE[name]
    if name in _VALUE:
        return "value", _VALUE[name]
    if name.startswith(_FORMATS) and not name.endswith("_type"):
        return "value", "format"
    if name.endswith(("_type", "_parsing", "_attributes_type")):
        return "structure", "type"
    return "semantic", name


# Exceptions.


# Variables of Pydantic's own functions for the values that they validate.
_TEXTS: Final = ("json_data", "data", "b")
_DATA: Final = ("obj", "data", "object", "python_object")


class _Frame(NamedTuple):
    """A frame of Pydantic's: the type that it validated for, and the value."""

    kind: Any
    text: str | bytes | None
    data: Any


def is_validation_error(error: BaseException) -> bool:
    """Return whether an exception is Pydantic's ValidationError, by its shape."""
    return (
        any(kind.__name__ == "ValidationError" for kind in type(error).__mro__)
        and callable(field(error, "errors"))
        and title_of(error) is not None
    )


def title_of(error: BaseException) -> str | None:
    """Return the title of a validation error. None for an exception without one."""
    if type(error).__name__ != "ValidationError":
        return None
    title = field(error, "title")
    if not isinstance(title, str):
        title = getattr(field(error, "model"), "__name__", None)  # Pydantic's first version
    return clip(title) if isinstance(title, str) else None


def carried(error: Any, schema: Schema[Any]) -> Reply | None:
    """Return the reply in a validation error. None if it is about another type, or the function itself raised it."""
    frames = _frames(error)
    if frames is None:
        return None
    kinds = [frame.kind for frame in frames]
    if not _is_titled(title_of(error) or "", schema) and not any(_holds(kind, schema) for kind in kinds):
        return None
    details = error.errors()
    refused = refused_by(details)
    text, data = refused_text(details), None
    own = [frame for frame in frames if frame.kind is schema.annotation or _is_same_name(frame.kind, schema)]
    for frame in own:
        text = frame.text if text is None else text
        data = frame.data if data is None else data
    if text is not None:
        reply = read(text)
        # The schema does not apply to the text of a wrapper.
        if reply.text is not None and (own or not frames):
            return reply._replace(refused=refused)
        return reply if reply.text is None else Reply(reply.text, failure=refused)
    if isinstance(data, dict | list):
        return Reply(parsed=ParsedValue(data), refused=refused)
    return Reply(failure=refused)


def _is_titled(title: str, schema: Schema[Any]) -> bool:
    """Return whether a title is that of the guarded type, or of a wrapper that names it: `list[Invoice]`."""
    document = schema.document if isinstance(schema.document, dict) else {}
    names = {schema.name, getattr(schema.annotation, "__name__", None), document.get("title")}
    for name in names:
        if isinstance(name, str) and name:
            if title in (name, f"Partial{name}", f"Iterable{name}"):
                return True
            # A dict of texts is no wrapper of the guarded type `str`.
            if not hasattr(builtins, name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", title):
                return True
    return False


def _holds(kind: Any, schema: Schema[Any]) -> bool:
    wanted = schema.annotation
    return isinstance(wanted, type) and any(part is wanted for part in classes_in(kind, into_models=True))


def _is_same_name(kind: Any, schema: Schema[Any]) -> bool:
    """Return whether a class has the name of the guarded one, because SDKs build their own class from it."""
    name = getattr(kind, "__name__", None)
    return name is not None and name in (schema.name, getattr(schema.annotation, "__name__", None))


def _frames(error: BaseException) -> list[_Frame] | None:
    """Return Pydantic's frames in an error's traceback. None if no code below the function raised it."""
    names = list(frames_of(error))
    frames = [_frame(held) for package, held in names if package == "pydantic"]
    while names and names[0][0] == "schema_guard":
        del names[0]
    # Without a frame of Pydantic's, the function raised it, or another function that built it by hand.
    return frames if frames or len(names) > 1 else None


def _frame(names: dict[str, Any]) -> _Frame:
    kind = names.get("cls")
    holder = names.get("self")
    if kind is None and holder is not None:
        kind = getattr(holder, "_type", None) or type(holder)
    text = next((names[name] for name in _TEXTS if isinstance(names.get(name), str | bytes)), None)
    data = next((names[name] for name in _DATA if isinstance(names.get(name), dict | list)), None)
    return _Frame(kind, text, data)
