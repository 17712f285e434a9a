# SPDX-License-Identifier: Apache-2.0
"""What providers take of whom few facts are known: Mistral, Cohere, DeepSeek."""

from __future__ import annotations

from typing import Final

from schema_guard.ext.fitting.rules import conditions
from schema_guard.ext.fitting.rules.rule import ANNOTATIONS, KEYWORDS, Rules
from schema_guard.ext.fitting.rules.shorthand import CORE, NUMBERS, SIZES, Sourced

__all__ = ["COHERE", "DEEPSEEK", "MISTRAL"]

_DAY = "2026-11-26"
_MISTRAL_EVIDENCE = (
    "Mistral's guide to custom structured output, its example, and mistralai 3.7.0; no list is published"
)
_mistral = Sourced("mistral", _MISTRAL_EVIDENCE, _DAY, "low").rule
_answered = Sourced("mistral", "an answer of the API that a user of LangChain reported in 2025-02", _DAY).rule

MISTRAL: Final = Rules(
    name="mistral",
    takes=(CORE - {"const"}) | {"$ref"},
    others="ignored",
    rules=(
        _answered("format", "format", "rejected", "format is refused in every schema"),
        _mistral(
            "root",
            "type",
            "rejected",
            "an object without anyOf is what is shown at the root",
            conditions.root_is_no_object,
        ),
        _mistral(
            "open-map",
            "additionalProperties",
            "rejected",
            "an open map is not shown, and may be refused",
            lambda site: isinstance(site.schema.get("additionalProperties"), dict),
        ),
        _mistral(
            "ref",
            "$ref",
            "rejected",
            "a reference may not lead out of the document",
            conditions.refers_outside,
        ),
    ),
    evidence=_MISTRAL_EVIDENCE,
    verified_on=_DAY,
    confidence="low",
    drops_annotations=True,
    booleans=frozenset({True}),
    is_cautious=True,
    always=("which keywords are enforced is not published", "the package's own parse() closes every object"),
)

_COHERE_EVIDENCE = "Cohere's guide to structured outputs, unsupported schema features"
_cohere = Sourced("cohere", _COHERE_EVIDENCE, _DAY).rule
_copied = Sourced("cohere", "an older copy of Cohere's guide to structured outputs", _DAY, "low").rule
_FORMATS = ("date", "date-time", "time", "uuid")

COHERE: Final = Rules(
    name="cohere",
    takes=(CORE - {"additionalProperties"}) | {"$ref", "format"},
    others="rejected",
    rules=(
        _cohere(
            "root",
            "type",
            "rejected",
            "the root has to be an object, without anyOf",
            conditions.root_is_no_object,
        ),
        *(
            _cohere(keyword, keyword, "rejected", f"{keyword} is named as unsupported")
            for keyword in sorted(NUMBERS | SIZES | {"allOf", "not", "oneOf", "uniqueItems"})
        ),
        _cohere(
            "format",
            "format",
            "rejected",
            f"a format is one of {', '.join(_FORMATS)}",
            conditions.format_beyond(_FORMATS, of_any=True),
        ),
        _copied(
            "additionalProperties",
            "additionalProperties",
            "rejected",
            "additionalProperties is named as unsupported in older copies of the guide",
        ),
        _cohere(
            "none-required",
            "required",
            "rejected",
            "an object has to require one of its properties",
            lambda site: bool(site.schema.get("properties")) and not site.schema.get("required"),
        ),
    ),
    evidence=_COHERE_EVIDENCE,
    verified_on=_DAY,
    confidence="low",
    drops_annotations=True,
    requires_object=True,
    is_cautious=True,
    always=("documents to answer from are refused beside a schema",),
)
DEEPSEEK: Final = Rules(
    name="deepseek",
    takes=KEYWORDS | ANNOTATIONS,
    others="ignored",
    evidence="DeepSeek's API reference: response_format takes text and json_object",
    verified_on=_DAY,
    booleans=frozenset({True, False}),
    always=(
        "the schema is a hint for the model: nothing of it is enforced",
        "a forced tool is refused while the model thinks, which it does unless it is told not to",
    ),
)
