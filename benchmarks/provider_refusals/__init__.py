"""Errors of providers about the schema of a request, in their own words.

`refuse` is for the `faults` of a fake server: `serve(["{}"], faults=refuse)`. The rules are independent of the code
that adapts and lints schemas, so that each can show errors of the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.provider_refusals.anthropic import check_messages
from benchmarks.provider_refusals.gemini import check_contents
from benchmarks.provider_refusals.openai import check_chat, check_responses

if TYPE_CHECKING:
    from schema_guard.testing import Request

_CHECKS = {
    "/v1/chat/completions": check_chat,
    "/v1/responses": check_responses,
    "/v1/messages": check_messages,
}


def refuse(request: Request) -> None:
    """Refuse a request whose schema the provider would refuse.

    Raises:
        BadRequest: The schema breaks a rule. The server answers with the status and the words of the provider.
    """
    _CHECKS.get(request.path, check_contents)(request.body or {})
