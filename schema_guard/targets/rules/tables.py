# SPDX-License-Identifier: Apache-2.0
"""The tables by name, and which table the arguments of a provider go by."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from schema_guard.errors import InvalidArgument
from schema_guard.targets.rules.anthropic import ANTHROPIC
from schema_guard.targets.rules.gemini import GEMINI, OPENAPI
from schema_guard.targets.rules.llamacpp_gbnf import LLAMACPP_GBNF
from schema_guard.targets.rules.llguidance import LLGUIDANCE
from schema_guard.targets.rules.openai import LEGACY, OPENAI
from schema_guard.targets.rules.outlines_core import OUTLINES_CORE
from schema_guard.targets.rules.rule import ANNOTATIONS, KEYWORDS, Rules
from schema_guard.targets.rules.xgrammar import VLLM, XGRAMMAR
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES", "RULES_OF", "UNSURE", "rules_of"]

_DEEPSEEK = Rules(
    name="deepseek",
    takes=KEYWORDS | ANNOTATIONS,
    others="ignored",
    evidence="DeepSeek's API reference: response_format takes text and json_object",
    verified_on="2026-11-25",
    booleans=frozenset({True, False}),
    always=("the schema is a hint for the model: nothing of it is enforced",),
)
_TABLES = (
    OPENAI, LEGACY, ANTHROPIC, GEMINI, OPENAPI, LLGUIDANCE, XGRAMMAR, OUTLINES_CORE, VLLM, LLAMACPP_GBNF, _DEEPSEEK,
)  # fmt: skip
RULES: Final[Mapping[str, Rules]] = MappingProxyType({table.name: table for table in _TABLES})
"""The tables by name."""

RULES_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "azure": "openai-legacy",
        "groq": "openai",
        "llamacpp": "llamacpp-gbnf",
        "llamacpp-llguidance": "llguidance",
        "lmstudio": "llamacpp-gbnf",
        "ollama": "llamacpp-gbnf",
        "openai-responses": "openai",
        "openai-tuned": "openai-legacy",
        "openrouter": "openai",
        "outlines": "llguidance",
        "outlines-api": "openai",
        "vllm-guidance": "llguidance",
        "vllm-outlines": "outlines-core",
        "vllm-xgrammar": "vllm",
    }
)
"""For each other name of a provider, or of a backend of its, the table's."""

UNSURE: Final = frozenset({"groq", "openrouter"})
"""Providers that hand the schema on to models of many kinds: what is known of one is likely for the next."""


def rules_of(target: object) -> Rules:
    """Give the table of a provider or engine by any of its names.

    Raises:
        InvalidArgument: The name is unknown.
    """
    names = sorted({*RULES, *RULES_OF})
    if not isinstance(target, str) or target not in names:
        raise InvalidArgument(
            f"target={clip(repr(target))}: expected one of {', '.join(names)}{did_you_mean(target, names)}"
        )
    return RULES[RULES_OF.get(target, target)]
