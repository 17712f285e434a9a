# SPDX-License-Identifier: Apache-2.0
"""A model behind the API of OpenAI or of a compatible server, which uses the `openai` package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.models.hosted import HostedModel
from schema_guard.models.interface import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.models.interface import PromptLike


class OpenAIModel(HostedModel):
    """A model behind OpenAI's Chat Completions API, or its Responses API for provider `openai-responses`."""

    ours = ("input", "messages", "stream")
    package, client_class = "openai", "OpenAI"

    @property
    def _is_responses(self) -> bool:
        return self.provider == "openai-responses"

    async def areply(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Send one request, and return the JSON of the reply as dicts, or its text if its content type is not JSON.

        The request has the same bytes as that of `acall`. Only the SDK's classes for the reply are skipped.
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
            # Mistral rejects the field, and always sends the tokens.
            if is_stream and self.provider != "mistral":
                # Without it, a stream doesn't report its tokens.
                arguments["stream_options"] = {"include_usage": True}
        if is_stream:
            arguments["stream"] = True
        return {**arguments, **options}

    def resource(self, client: Any) -> Any:
        """Return the part of a client whose `create` makes a request."""
        return client.responses if self._is_responses else client.chat.completions
