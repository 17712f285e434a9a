# SPDX-License-Identifier: Apache-2.0
"""Whether a schema of the user's is taken by a server, and which keyword of it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.fitting.probe.bisection import find_refused
from schema_guard.ext.fitting.probe.request import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.fitting.probe.bisection import SchemaReply
    from schema_guard.ext.fitting.probe.request import ProbeAnswer
    from schema_guard.models.interface import Model
    from schema_guard.schema import Schema

__all__ = ["SCHEMA_PROMPT", "probe_schema"]

SCHEMA_PROMPT: Final = "Reply with any JSON that the schema allows, as short as you can."
# Whether a schema is taken is known before the first token.
_OUTPUT_TOKENS: Final = 64


def probe_schema(
    model: Model, schema: Schema[Any], *, on_asked: Callable[[ProbeAnswer], None] | None = None
) -> SchemaReply:
    """Send a schema as it is, and where it is refused parts of it until the keyword is found.

    Args:
        model: Whom to ask.
        schema: The user's.
        on_asked: Told each request that was made.
    """

    def send(document: Any) -> tuple[bool | None, str]:
        answer = ask(model, document, SCHEMA_PROMPT, output_tokens=_OUTPUT_TOKENS)
        if on_asked is not None:
            on_asked(answer)
        return (None if answer.did == "unanswered" else answer.did != "refused"), answer.text

    return find_refused(schema.document, send)
