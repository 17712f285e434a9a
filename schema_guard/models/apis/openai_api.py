# SPDX-License-Identifier: Apache-2.0
"""A model behind the API of OpenAI, theirs or a compatible server's, through the `openai` package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.models.hosted import HostedModel
from schema_guard.models.interface import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.models.interface import PromptLike


class OpenAIModel(HostedModel):
    """A model behind OpenAI's Chat Completions or Responses API; provider `openai-responses` selects the latter."""

    ours = ("input", "messages", "stream")
    package, client_class = "openai", "OpenAI"

    @property
    def _is_responses(self) -> bool:
        return self.provider == "openai-responses"

    async def areply(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Ask once and give the JSON that came, as dicts; or the text, where it is said to be none.

        The request has the bytes that `acall` sends. Only the SDK's classes for the reply are left out.
        """
        arguments = self.request_arguments(prompt, options)
        with self.endpoint.keyless():
            raw = await self.resource(self.async_client()).with_raw_response.create(**arguments)
        kind, *_ = raw.headers.get("content-type", "").split(";")
        return raw.http_response.json() if kind.endswith("json") else raw.http_response.text

    def arguments(self, prompt: PromptLike, options: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
        """Return the arguments of `create`."""
        arguments: dict[str, Any] = {"model": self.name}
        if self._is_responses:
            arguments["input"] = prompt if isinstance(prompt, str) else messages(prompt)
        else:
            arguments["messages"] = messages(prompt)
            # Mistral refuses the field, and sends the tokens anyway.
            if is_stream and self.provider != "mistral":
                # Without it, a stream doesn't say how many tokens it had.
                arguments["stream_options"] = {"include_usage": True}
        if is_stream:
            arguments["stream"] = True
        return {**arguments, **options}

    def resource(self, client: Any) -> Any:
        """Return the part of a client whose `create` makes a request."""
        return client.responses if self._is_responses else client.chat.completions
