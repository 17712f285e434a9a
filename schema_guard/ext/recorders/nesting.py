# SPDX-License-Identifier: Apache-2.0
"""The context of a recorded call, and whether the call is part of an outer one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.records.identity import current_call, current_tags, current_tools, id_of

if TYPE_CHECKING:
    from schema_guard.records.identity import Tags
    from schema_guard.schema import Schema

_DEEPEST_REF: Final = 10


class CallContext(NamedTuple):
    """The context of a call, for callbacks of a framework, which run elsewhere and can't find it.

    Attributes:
        tags: Tags of the block.
        call_id: Id of the guarded or recorded call around it; None for none.
        schema: Schema of that call.
        tools: Names of the tools whose calls an outer turn records.
    """

    tags: Tags
    call_id: str | None
    schema: Schema[Any] | None
    tools: frozenset[str] = frozenset()


def current_context() -> CallContext:
    """Return the context of the running code."""
    call = current_call.get()
    call_id, schema = (None, None) if call is None else (id_of(call), call[-1])
    return CallContext(current_tags.get(), call_id, schema, current_tools.get())


def is_same(one: Schema[Any], other: Schema[Any]) -> bool:
    """Return whether two schemas are forms of one. SDKs may require or close more, but never change the fields."""
    if one.fingerprint == other.fingerprint:
        return True
    fields = _fields(one.document)
    return bool(fields) and fields == _fields(other.document)


def _fields(document: Any) -> frozenset[str]:
    """Return the names of the root's properties. References are followed."""
    root = document
    for _ in range(_DEEPEST_REF):
        reference = document.get("$ref") if isinstance(document, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        document = root
        for part in reference[2:].split("/"):
            document = document.get(part) if isinstance(document, dict) else None
    properties = document.get("properties") if isinstance(document, dict) else None
    return frozenset(properties) if isinstance(properties, dict) else frozenset()
