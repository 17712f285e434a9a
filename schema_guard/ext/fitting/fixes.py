# SPDX-License-Identifier: Apache-2.0
"""The fix for a finding, in one line.

A fix is for the schema that is sent. The user's own schema still validates every reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schema_guard.ext.fitting.linting import Finding

_CLOSE = 'add "additionalProperties": false'
_TYPE = "add its type"
_ANCHOR = "to match a part of the text, write ^(?:.|\\n)*(?:PATTERN)(?:.|\\n)*$"
_DEFINE = "move it to $defs and refer to '#/$defs/NAME'"
# Fixes by the end of the rule's name, if that is more specific than the keyword.
_BY_PART = {
    "stays-text": "ask a text model for it, or list its values in an enum",
    "any": _TYPE,
    "all-of": "merge its parts into one schema",
    "all-of-ref": "replace it with the keywords of the definition",
    "anchor": _DEFINE,
    "first-key": "begin each object with a key that has a different constant in each object",
    "items": 'add the schema of the items: "items": {...}',
    "levels": "move inner objects to the root",
    "open-map": 'use a list of {"key", "value"} objects',
    "open-object": _CLOSE,
    "optional": 'add it to "required", and let it be null',
    "pattern-closed": "add additionalProperties for the other keys",
    "pointer": "give the definition a name without '/', '~' and '%'",
    "recursion": "write out as many levels as you need",
    "ref": _DEFINE,
    "ref-sibling": 'move it into the definition, or for a description write {"anyOf": [{"$ref": ...}]}',
    "required": "add the key to properties",
    "required-unlisted": "add the key to properties",
    "root": 'put the schema under one property of an object: {"value": ...}',
    "sibling": "move them into the definition, or into each branch",
    "tuple": "use an object with a key for each place",
    "types": 'write {"anyOf": [...]} with one type each',
    "unanchored": _ANCHOR,
    "unions": "make properties optional instead of null",
    "untyped": _TYPE,
    "untyped-parts": _TYPE,
}
_BY_KEYWORD = {
    "additionalProperties": _CLOSE,
    "allOf": "merge its parts into one schema",
    "const": 'write {"enum": [...]} with the one value',
    "default": "remove it, and fill it in when you read the value",
    "exclusiveMaximum": 'write "maximum" with the next smaller integer',
    "exclusiveMinimum": 'write "minimum" with the next larger integer',
    "if": 'write {"anyOf": [...]} with an object for each value of the tag',
    "oneOf": "write anyOf, if no value fits two of the branches",
    "patternProperties": 'list the keys, or use a list of {"key", "value"} objects',
    "prefixItems": "use an object with a key for each place",
}
_BY_EFFECT = {
    "rejected": "remove it from the schema that you send; your own schema still validates the reply",
    "ignored": "rely on your own schema, which still validates the reply",
    "narrowed": "remove it from the schema that you send, so that all right answers can occur",
}


def fix_of(finding: Finding) -> str:
    """Return the fix for a finding."""
    if finding.severity == "info":
        return "none, because it does not restrict values"
    part = finding.rule
    while "-" in part:
        part = part.partition("-")[2]
        if part in _BY_PART:
            return _BY_PART[part]
    return _BY_KEYWORD.get(finding.keyword, _BY_EFFECT[finding.effect])
