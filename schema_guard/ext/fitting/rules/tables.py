# SPDX-License-Identifier: Apache-2.0
"""The tables by name, and the table for the arguments of each provider."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from schema_guard.errors import InvalidArgument
from schema_guard.ext.fitting.rules.anthropic import ANTHROPIC
from schema_guard.ext.fitting.rules.bedrock import BEDROCK
from schema_guard.ext.fitting.rules.gemini import GEMINI, OPENAPI
from schema_guard.ext.fitting.rules.llamacpp_gbnf import LLAMACPP_GBNF
from schema_guard.ext.fitting.rules.llguidance import LLGUIDANCE
from schema_guard.ext.fitting.rules.openai import GROQ, LEGACY, OPENAI
from schema_guard.ext.fitting.rules.other_providers import COHERE, DEEPSEEK, MISTRAL
from schema_guard.ext.fitting.rules.outlines_core import OUTLINES_CORE
from schema_guard.ext.fitting.rules.rule import KEYWORDS, Rules
from schema_guard.ext.fitting.rules.xgrammar import SGLANG, VLLM, XGRAMMAR
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLES = (
    OPENAI, LEGACY, ANTHROPIC, GEMINI, OPENAPI, LLGUIDANCE, XGRAMMAR, OUTLINES_CORE, VLLM, LLAMACPP_GBNF, DEEPSEEK, GROQ,
    MISTRAL, COHERE, BEDROCK, SGLANG,
)  # fmt: skip
RULES: Final[Mapping[str, Rules]] = MappingProxyType({table.name: table for table in _TABLES})
"""Name of a table -> the table."""

RULES_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "azure": "openai-legacy",
        "llamacpp": "llamacpp-gbnf",
        "llamacpp-llguidance": "llguidance",
        "lmstudio": "llamacpp-gbnf",
        "ollama": "llamacpp-gbnf",
        "openai-responses": "openai",
        "openai-tuned": "openai-legacy",
        "openrouter": "openai",
        "outlines": "llguidance",
        "outlines-api": "openai",
        "sglang-llguidance": "llguidance",
        "sglang-outlines": "outlines-core",
        "vllm-guidance": "llguidance",
        "vllm-outlines": "outlines-core",
        "vllm-xgrammar": "vllm",
    }
)
"""Any other name of a provider, or of one of its backends -> the name of the table."""

DECISIONS: Final[Mapping[str, Rules]] = MappingProxyType(
    {
        name: Rules(
            name="decisions",
            takes=KEYWORDS,
            others="ignored",
            evidence="schema_guard/ext/decisions/hosts.py",
            verified_on="2026-11-29",
            always=("asks questions about the fields of the value, and enforces no keyword",),
        )
        for name in (
            "decisions", "litellm-decisions", "local-decisions", "openai-decisions",
        )
    }
)  # fmt: skip
"""The hosts of decision models, which get questions and no schema."""

UNSURE: Final = frozenset({"openrouter"})
"""Providers that pass the schema to models of many kinds, so a fact about one model is only likely for the next."""


def rules_of(provider: object) -> Rules:
    """Return the table of a provider or engine by any of its names.

    Raises:
        InvalidArgument: The name is unknown.
    """
    names = sorted({*RULES, *RULES_OF, *DECISIONS})
    if not isinstance(provider, str) or provider not in names:
        raise InvalidArgument(
            f"provider={clip(repr(provider))}: expected one of {', '.join(names)}{did_you_mean(provider, names)}"
        )
    return DECISIONS.get(provider) or RULES[RULES_OF.get(provider, provider)]
