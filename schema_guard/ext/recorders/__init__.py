# SPDX-License-Identifier: Apache-2.0
"""Record the calls that a framework makes, without changing any of them."""

from __future__ import annotations

from typing import Any, Final

from schema_guard.front_door import find

_HOME_OF = {"counts": "recording"}

__all__ = ["counts"]

FRAMEWORKS: Final = {
    "dspy": "dspy",
    "haystack": "haystack-ai",
    "instructor": "instructor",
    "langchain": "langchain-core",
    "litellm": "litellm",
    "llama_index": "llama-index-core",
    "openai_agents": "openai-agents",
    "pydantic_ai": "pydantic-ai-slim",
}
"""Module of each recorder, which is also its name in records -> its package."""


def __getattr__(name: str) -> Any:
    return find(__name__, _HOME_OF, name)


def __dir__() -> list[str]:
    return __all__
