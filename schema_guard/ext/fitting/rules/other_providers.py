# SPDX-License-Identifier: Apache-2.0
"""The schemas of providers about which few facts are known: Mistral, Cohere, and DeepSeek."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.ext.fitting.rules import conditions as when
from schema_guard.ext.fitting.rules import shorthand as fact
from schema_guard.ext.fitting.rules.rule import ANNOTATIONS, KEYWORDS, Rules

if TYPE_CHECKING:
    from schema_guard.ext.fitting.rules.rule import Site

_DAY = "2026-11-26"
_MISTRAL_EVIDENCE = (
    "Mistral's guide to custom structured output, its example, and mistralai 3.7.0; no list is published"
)
_ANSWER = "an answer of the API that a user of LangChain reported in 2025-02"
_mistral = fact.Sourced("mistral", _MISTRAL_EVIDENCE, _DAY, "low")
_answered = fact.Sourced("mistral", _ANSWER, _DAY)
_SHOWN = "shows only objects without anyOf at the root"
_MAP = "does not show open maps, and may reject them"


def _is_map(site: Site) -> bool:
    return isinstance(site.schema.get("additionalProperties"), dict)


def _requires_none(site: Site) -> bool:
    return bool(site.schema.get("properties")) and not site.schema.get("required")


MISTRAL: Final = Rules(
    name="mistral",
    takes=(fact.CORE - {"const"}) | {"$ref"},
    others="ignored",
    rules=(
        *_answered.rejects_all(fact.anywhere("rejects the keyword {} in every schema", "format")),
        _mistral.rejects("root", "type", _SHOWN, when.root_is_no_object),
        _mistral.rejects("open-map", "additionalProperties", _MAP, _is_map),
        _mistral.rejects(*fact.OUTSIDE),
    ),
    evidence=_MISTRAL_EVIDENCE,
    verified_on=_DAY,
    confidence="low",
    drops_annotations=True,
    booleans=frozenset({True}),
    is_cautious=True,
    always=(
        "the provider does not publish the enforced keywords",
        "the method parse() of mistralai closes every object",
    ),
)

_COHERE_EVIDENCE = "Cohere's guide to structured outputs, unsupported schema features"
_cohere = fact.Sourced("cohere", _COHERE_EVIDENCE, _DAY)
_copied = fact.Sourced("cohere", "an older copy of Cohere's guide to structured outputs", _DAY, "low")
_OLDER = "documented {} as unsupported in older versions of its guide"
_UNSUPPORTED = sorted(fact.NUMBERS | fact.SIZES | {"allOf", "not", "oneOf", "uniqueItems"})
_NONE = "requires at least one required property in each object"

COHERE: Final = Rules(
    name="cohere",
    takes=(fact.CORE - {"additionalProperties"}) | {"$ref", "format"},
    others="rejected",
    rules=(
        _cohere.rejects(*fact.ROOT),
        *_cohere.rejects_all(fact.anywhere("documents {} as unsupported", *_UNSUPPORTED)),
        _cohere.rejects(*fact.formats(fact.SHORT_FORMATS, of_any=True)),
        *_copied.rejects_all(fact.anywhere(_OLDER, "additionalProperties")),
        _cohere.rejects("none-required", "required", _NONE, _requires_none),
    ),
    evidence=_COHERE_EVIDENCE,
    verified_on=_DAY,
    confidence="low",
    drops_annotations=True,
    requires_object=True,
    is_cautious=True,
    always=("a request with a schema can't have documents",),
)
DEEPSEEK: Final = Rules(
    name="deepseek",
    takes=KEYWORDS | ANNOTATIONS,
    others="ignored",
    evidence="DeepSeek's API reference: response_format takes text and json_object",
    verified_on=_DAY,
    booleans=frozenset({True, False}),
    always=(
        "the schema is only a hint for the model, and no keyword is enforced",
        "the provider rejects a forced tool while the model thinks, and models think by default",
    ),
)
