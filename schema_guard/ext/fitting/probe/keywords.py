# SPDX-License-Identifier: Apache-2.0
"""The effect of each keyword on a server, with one request each, and the rules of its provider.

Rules: The prompt asks for a value that the keyword forbids and that the rest of the schema allows. A result comes from
one request, and is reported as such. Keywords of older drafts aren't tested, because the newest draft lacks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from schema_guard.ext.fitting.linting import lint
from schema_guard.ext.fitting.probe.questions import ProbeQuestion, forbidding, in_form
from schema_guard.ext.fitting.probe.request import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.ext.fitting.probe.request import ProbeAnswer
    from schema_guard.models.interface import Model

KeywordDoes: TypeAlias = Literal["enforced", "ignored", "rejected"]

# Values of few tokens, because a small model that must write a number may write digits without end.
_FLAG: Final = {"type": "boolean"}
_FLAGS: Final = {"type": "array", "items": _FLAG}


def _object(*names: str, required: tuple[str, ...] | None = None, **more: Any) -> dict[str, Any]:
    """Return the schema of an object with flags."""
    return {
        "type": "object",
        "properties": dict.fromkeys(names, _FLAG),
        "required": list(names if required is None else required),
        **more,
    }


_CLOSED: Final[dict[str, Any]] = {"additionalProperties": False}
_MARKED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"a": {"type": "string", "enum": ["x", "y"]}, "b": _FLAG},
    "required": ["a"],
    **_CLOSED,
}
_IS_X: Final[dict[str, Any]] = {"properties": {"a": {"const": "x"}}, "required": ["a"]}

CASES: Final[dict[str, tuple[dict[str, Any], Any]]] = {
    "$ref": ({"$ref": "#/$defs/part"}, "x"),
    "$anchor": ({"$ref": "#part"}, "x"),
    "$dynamicRef": ({"$dynamicRef": "#part"}, "x"),
    "additionalProperties": (_object("a", **_CLOSED), {"a": True, "b": True}),
    "allOf": ({"allOf": [{"type": "string", "enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, "a"),
    "anyOf": ({"anyOf": [_FLAG, {"type": "null"}]}, "x"),
    "const": ({"type": "string", "const": "red"}, "blue"),
    "contains": ({"type": "array", "items": {"type": "string"}, "contains": {"const": "b"}}, ["a"]),
    "dependentRequired": (
        _object("a", "b", required=(), dependentRequired={"a": ["b"]}, **_CLOSED),
        {"a": True},
    ),
    "dependentSchemas": (
        _object("a", "b", required=(), dependentSchemas={"a": {"required": ["b"]}}, **_CLOSED),
        {"a": True},
    ),
    "else": ({**_MARKED, "if": _IS_X, "else": {"required": ["b"]}}, {"a": "y"}),
    "enum": ({"type": "string", "enum": ["red", "green"]}, "blue"),
    "exclusiveMaximum": ({"type": "integer", "exclusiveMaximum": 10}, 10),
    "exclusiveMinimum": ({"type": "integer", "exclusiveMinimum": 10}, 10),
    "format": ({"type": "string", "format": "date"}, "tomorrow"),
    "if": ({**_MARKED, "if": _IS_X, "then": {"required": ["b"]}}, {"a": "x"}),
    "items": (_FLAGS, ["a"]),
    "maxContains": (
        {"type": "array", "items": {"type": "string"}, "contains": {"const": "b"}, "maxContains": 1},
        ["b", "b"],
    ),
    "maxItems": ({**_FLAGS, "maxItems": 1}, [True, True, True]),
    "maxLength": ({"type": "string", "maxLength": 3}, "abcdef"),
    "maxProperties": (
        {"type": "object", "additionalProperties": _FLAG, "maxProperties": 1},
        {"a": True, "b": True},
    ),
    "maximum": ({"type": "integer", "maximum": 10}, 25),
    "minContains": (
        {"type": "array", "items": {"type": "string"}, "contains": {"const": "b"}, "minContains": 2},
        ["b"],
    ),
    "minItems": ({**_FLAGS, "minItems": 1}, []),
    "minLength": ({"type": "string", "minLength": 8}, "abc"),
    "minProperties": ({"type": "object", "additionalProperties": _FLAG, "minProperties": 2}, {"a": True}),
    "minimum": ({"type": "integer", "minimum": 10}, 3),
    "multipleOf": ({"type": "integer", "minimum": 0, "maximum": 99, "multipleOf": 7}, 10),
    "not": ({"type": "string", "not": {"const": "blue"}}, "blue"),
    "oneOf": (
        {"oneOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["b", "c"]}]},
        "b",
    ),
    "pattern": ({"type": "string", "pattern": "^[A-Z]{3}$"}, "abc"),
    "patternProperties": ({"type": "object", "patternProperties": {"^n_": _FLAG}, **_CLOSED}, {"n_a": "x"}),
    "prefixItems": (
        {"type": "array", "prefixItems": [_FLAG, {"type": "string"}], "items": False, "minItems": 2},
        ["a", "b"],
    ),
    "properties": (_object("a", **_CLOSED), {"a": "x"}),
    "propertyNames": (
        {"type": "object", "additionalProperties": _FLAG, "propertyNames": {"pattern": "^[a-z]+$"}},
        {"A1": True},
    ),
    "required": (_object("a", "b", **_CLOSED), {"a": True}),
    "type": (_FLAG, "x"),
    "unevaluatedItems": (
        {"type": "array", "prefixItems": [_FLAG], "minItems": 1, "unevaluatedItems": False},
        [True, True],
    ),
    "unevaluatedProperties": (_object("a", unevaluatedProperties=False), {"a": True, "b": True}),
    "uniqueItems": ({**_FLAGS, "uniqueItems": True}, [True, True]),
}
"""Keyword -> a schema with it, and a value that only this keyword forbids."""

_DEFINITIONS: Final[dict[str, Any]] = {
    "$ref": {"part": _FLAG},
    "$anchor": {"part": {"$anchor": "part", **_FLAG}},
    "$dynamicRef": {"part": {"$dynamicAnchor": "part", **_FLAG}},
}
_DID: Final[dict[str, KeywordDoes]] = {"kept": "enforced", "broken": "ignored", "refused": "rejected"}


@dataclass(frozen=True, slots=True)
class ProbedKeyword:
    """The behavior of a server with a keyword, in one request.

    Attributes:
        keyword: The keyword.
        does: Behavior of the server. None if the answer can't be validated.
        says: Behavior by the rules of the provider, for the same schema.
        answer: Answer to the request.
    """

    keyword: str
    does: KeywordDoes | None
    says: KeywordDoes
    answer: ProbeAnswer

    @property
    def agrees(self) -> bool | None:
        """Whether the server behaves as the rules say. None if the answer can't be validated."""
        return None if self.does is None else self.does == self.says


def keyword_questions(provider: str) -> Iterator[ProbeQuestion]:
    """Yield a question for each keyword, with an object in the form that the provider accepts."""
    for keyword, (inner, wanted) in sorted(CASES.items()):
        question = forbidding(keyword, inner, wanted)
        if keyword in _DEFINITIONS:
            question.schema["$defs"] = _DEFINITIONS[keyword]
        yield in_form(question, provider)


def probe_keywords(model: Model) -> list[ProbedKeyword]:
    """Test each keyword with one request.

    The test ends early if nothing is answered.

    Args:
        model: Model to ask.
    """
    keywords: list[ProbedKeyword] = []
    for question in keyword_questions(model.provider):
        answer = ask(model, question.schema, question.prompt)
        does = _DID.get(answer.did)
        keywords.append(ProbedKeyword(question.keyword, does, _by_rules(question, model.provider), answer))
        if all(keyword.answer.did == "unanswered" for keyword in keywords):
            break
    return keywords


def _by_rules(question: ProbeQuestion, provider: str) -> KeywordDoes:
    """Return the behavior for a question's schema by the rules. A narrowed keyword still forbids the value."""
    findings = [finding for finding in lint(question.schema, provider) if finding.severity != "info"]
    if any(finding.effect == "rejected" for finding in findings):
        return "rejected"
    parts = {question.keyword, *_PARTS.get(question.keyword, ())}
    return (
        "ignored"
        if any(finding.effect == "ignored" and finding.keyword in parts for finding in findings)
        else "enforced"
    )


# Other keywords without which a keyword has no effect in its question.
_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "$anchor": ("$ref",),
    "$dynamicRef": ("$dynamicAnchor",),
    "else": ("if",),
    "if": ("then",),
    "maxContains": ("contains",),
    "minContains": ("contains",),
}
