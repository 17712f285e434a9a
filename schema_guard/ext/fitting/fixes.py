# SPDX-License-Identifier: Apache-2.0
"""What to do about a finding, in one line.

Rules: the advice is for the schema as it is sent; the user's own schema judges every reply, and may stay as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schema_guard.ext.fitting.linting import Finding

__all__ = ["fix_of"]

_CLOSE = 'say "additionalProperties": false'
_TYPE = "say its type"
_ANCHOR = "write ^(?:.|\\n)*(?:PATTERN)(?:.|\\n)*$ where a part is meant"
_DEFINE = "move it to $defs and refer to '#/$defs/NAME'"
# By what the rule's name ends on, where that says more than the keyword.
_BY_PART = {
    "any": _TYPE,
    "all-of": "merge its parts into one schema",
    "all-of-ref": "put the definition's keywords in its place",
    "anchor": _DEFINE,
    "first-key": "begin each object with a key whose one value tells it from the others",
    "items": 'say what the items are: "items": {...}',
    "levels": "move inner objects out to the root",
    "open-map": 'take a list of {"key", "value"} objects',
    "open-object": _CLOSE,
    "optional": 'name it in "required", and let its type take null as well',
    "pattern-closed": "say whether other keys are taken: additionalProperties",
    "pointer": "give the definition a name without '/', '~' and '%'",
    "recursion": "write the inner levels out as deep as they are needed",
    "ref": _DEFINE,
    "ref-sibling": 'move it into the definition, or write {"anyOf": [{"$ref": ...}]} where it only describes',
    "required": "list the key under properties",
    "required-unlisted": "list the key under properties",
    "root": 'put the schema under one property of an object: {"value": ...}',
    "sibling": "move it into what it stands beside: the definition, or each branch",
    "tuple": "take an object with a key for each place",
    "types": 'write {"anyOf": [...]} with one type each',
    "unanchored": _ANCHOR,
    "unions": "let properties be absent rather than null",
    "untyped": _TYPE,
    "untyped-parts": _TYPE,
}
_BY_KEYWORD = {
    "additionalProperties": _CLOSE,
    "allOf": "merge its parts into one schema",
    "const": 'write {"enum": [...]} with the one value',
    "default": "leave it out: the reader of the value can fill it in",
    "exclusiveMaximum": 'write "maximum" with the next smaller integer',
    "exclusiveMinimum": 'write "minimum" with the next larger integer',
    "if": "write {anyOf: [...]} with an object for each value of the tag",
    "oneOf": "write anyOf, where no value fits two of its branches",
    "patternProperties": 'list the keys, or take a list of {"key", "value"} objects',
    "prefixItems": "take an object with a key for each place",
}
_BY_EFFECT = {
    "rejected": "leave it out of the sent schema; your own schema still validates the reply",
    "ignored": "do not count on it: your own schema judges the reply",
    "narrowed": "leave it out of what is sent, so that all right answers can be given",
}


def fix_of(finding: Finding) -> str:
    """Give what to do about a finding."""
    if finding.severity == "info":
        return "nothing: it says nothing of values"
    part = finding.rule
    while "-" in part:
        part = part.partition("-")[2]
        if part in _BY_PART:
            return _BY_PART[part]
    return _BY_KEYWORD.get(finding.keyword, _BY_EFFECT[finding.effect])
