# SPDX-License-Identifier: Apache-2.0
"""What llama.cpp's server takes, when it was built with llguidance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.options.llguidance import grammar
from schema_guard.providers.options.openai_chat import json_mode
from schema_guard.providers.options.provider_options import ProviderOptions

if TYPE_CHECKING:
    from schema_guard.schema import Schema

__all__ = ["OPTIONS"]


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    # The server's own response_format json_schema keeps only the rough shape: no pattern, format or bounds.
    return {"extra_body": {"grammar": grammar(schema)}}


# No tool_call: llama.cpp leaves a forced tool to the model's chat template, and answers 200 without one.
OPTIONS: Final = ProviderOptions(
    limit="max_tokens",
    formats={"json_mode": json_mode, "strict_schema": _strict_schema},
)
