# SPDX-License-Identifier: Apache-2.0
"""Whether null is valid for a schema, read from the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.ext.fitting.adapting.plain.plain_schema import PlainSchema

__all__ = ["takes_null"]

# References in place never lead in a circle: such a schema is not loaded.
_DEEPEST = 64


def takes_null(nodes: Iterable[Any], plain: PlainSchema) -> bool:
    """Say whether null is valid for all of some plain schemas."""
    return all(_takes(node, plain, 0) for node in nodes)


def _takes(node: Any, plain: PlainSchema, depth: int) -> bool:
    if isinstance(node, bool):
        return node
    if depth > _DEEPEST:
        return True

    def takes(inner: Any) -> bool:
        return _takes(inner, plain, depth + 1)

    named = node.get("type")
    return (
        (named is None or named == "null" or (isinstance(named, list) and "null" in named))
        and ("enum" not in node or None in node["enum"])
        and ("const" not in node or node["const"] is None)
        and ("$ref" not in node or takes(plain.leads(node)[1]))
        and all(takes(part) for part in node.get("allOf", ()))
        and ("anyOf" not in node or any(takes(part) for part in node["anyOf"]))
        and ("oneOf" not in node or sum(takes(part) for part in node["oneOf"]) == 1)
        and ("not" not in node or not takes(node["not"]))
        and ("if" not in node or takes(node.get("then" if takes(node["if"]) else "else", True)))
    )
