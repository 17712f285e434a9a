# SPDX-License-Identifier: Apache-2.0
"""What xgrammar enforces, as it is and behind vLLM."""

from __future__ import annotations

from typing import Final

from schema_guard.targets.rules import conditions
from schema_guard.targets.rules.making import CORE, NUMBERS, SIZES, Sourced
from schema_guard.targets.rules.rule import Rule, Rules

__all__ = ["VLLM", "XGRAMMAR"]

_EVIDENCE = "measured with xgrammar 0.2.8"
_DAY = "2026-11-25"
_FORMATS = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid")


def _rules(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    lost = "what stands beside it is not enforced"
    return (
        rule(
            "all-of",
            "allOf",
            "ignored",
            "allOf of two or more lets any JSON pass",
            lambda site: len(site.schema.get("allOf", ())) > 1 or conditions.beside("allOf")(site),
        ),
        *(
            rule(f"{keyword}-sibling", keyword, "ignored", lost, conditions.beside(keyword))
            for keyword in ("$ref", "anyOf", "const", "oneOf")
        ),
        rule("enum-sibling", "enum", "ignored", lost, conditions.beside("enum")),
        rule(
            "one-of", "oneOf", "ignored", "oneOf is taken as anyOf: overlaps pass", conditions.is_overlapping
        ),
    )


def _of_values(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    return (
        rule(
            "unanchored", "pattern", "narrowed", "a pattern has to match the whole", conditions.is_unanchored
        ),
        rule(
            "pattern",
            "pattern",
            "ignored",
            "a pattern that looks around, refers back or asks for a word boundary is not enforced",
            conditions.is_beyond_automata,
        ),
        rule(
            "pattern-length",
            "pattern",
            "ignored",
            "lengths beside a pattern are not enforced",
            conditions.with_any("pattern", "maxLength", "minLength"),
        ),
        rule(
            "format",
            "format",
            "ignored",
            f"enforced are {', '.join(_FORMATS)}",
            conditions.format_beyond(_FORMATS),
        ),
        rule(
            "multiple-of",
            "multipleOf",
            "ignored",
            "multipleOf is enforced for integers",
            conditions.is_number("multipleOf"),
        ),
    )


def _of_references(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    return (
        rule(
            "required",
            "required",
            "ignored",
            "a required key that is not among the properties is not enforced",
            conditions.requires_unlisted,
        ),
        rule(
            "ref",
            "$ref",
            "ignored",
            "a reference out of the document takes any JSON",
            conditions.refers_outside,
        ),
        rule(
            "pointer",
            "$ref",
            "rejected",
            "a reference may hold no escapes",
            lambda site: any(sign in str(site.schema.get("$ref", "")) for sign in "~%"),
        ),
    )


def _of_server() -> tuple[Rule, ...]:
    rule = Sourced("vllm", "vLLM's own check before xgrammar, read in its source of autumn 2026", _DAY).rule
    return (
        rule(
            "multiple-of-refused",
            "multipleOf",
            "rejected",
            "multipleOf goes to another backend, or is refused",
            None,
        ),
        rule(
            "format-length",
            "format",
            "rejected",
            "lengths beside a format go to another backend, or are refused",
            conditions.with_any("format", "maxLength", "minLength"),
        ),
    )


_TAKES = (
    CORE | NUMBERS | SIZES | {"$ref", "allOf", "format", "maxProperties", "minProperties", "oneOf", "pattern"}
) | {"prefixItems"}

XGRAMMAR: Final = Rules(
    name="xgrammar",
    takes=_TAKES,
    others="ignored",
    rules=_rules("xgrammar") + _of_values("xgrammar") + _of_references("xgrammar"),
    evidence=_EVIDENCE,
    verified_on=_DAY,
)
VLLM: Final = Rules(
    name="vllm",
    takes=_TAKES - {"multipleOf"},
    others="ignored",
    rules=_of_server() + _rules("vllm") + _of_values("vllm") + _of_references("vllm"),
    evidence="vLLM's source of autumn 2026, and xgrammar 0.2.8 as measured",
    verified_on=_DAY,
)
