# SPDX-License-Identifier: Apache-2.0
"""Groq. It has OpenAI's chat completions, and raises an exception if the model's output is not JSON."""

from __future__ import annotations

from typing import Final

from schema_guard.providers.failures import unusable
from schema_guard.providers.fields import field
from schema_guard.providers.openai_chat import OPTIONS
from schema_guard.providers.provider import Provider, Rejection, error_bodies


def _rejection(error: BaseException) -> Rejection | None:
    for body in error_bodies(error):
        code = field(body, "code")
        if code in ("json_validate_failed", "tool_use_failed"):
            written = field(body, "failed_generation")
            return Rejection(written if isinstance(written, str) else None, "error", unusable(code))
    return None


PROVIDER: Final = Provider(rejection=_rejection, options={"groq": OPTIONS})
