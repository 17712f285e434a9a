# SPDX-License-Identifier: Apache-2.0
"""A model behind Mistral's chat, through the `mistralai` package.

The package bounds what it repeats by time and not by number, so it repeats nothing here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.models.apis.over_http import OverHttpModel, SdkOverHttp
from schema_guard.models.interface import messages

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from schema_guard.models.endpoint import Endpoint
    from schema_guard.models.interface import PromptLike

__all__ = ["MistralModel"]


class MistralModel(OverHttpModel):
    """A model behind Mistral's API."""

    ours = ("messages", "model", "stream")

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        provider: str = "mistral",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a model; see `HostedModel`."""
        if endpoint.max_retries:
            raise InvalidArgument(
                f"max_retries={endpoint.max_retries}: the package mistralai counts no retries: expected 0; a guard's "
                "max_attempts asks again"
            )
        super().__init__(name, endpoint, provider=provider, options=options)

    def arguments(self, prompt: PromptLike, options: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
        """Give the arguments of `chat.complete` and `chat.stream`."""
        return {"model": self.name, "messages": messages(prompt), **options}

    def ask(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Send a request and give its reply, or an awaitable of it."""
        chat = client.sdk.chat
        return (chat.complete_async if client.is_async else chat.complete)(**arguments)

    def chunks(self, client: Any, arguments: dict[str, Any]) -> Generator[Any, None, None]:
        """Give the SDK's events."""
        with client.sdk.chat.stream(**arguments) as events:
            yield from events

    async def achunks(self, client: Any, arguments: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Give the SDK's events without blocking the event loop."""
        async with await client.sdk.chat.stream_async(**arguments) as events:
            async for event in events:
                yield event

    def connected(self, *, is_async: bool) -> Any:
        """Give a client whose key is the one given, on an HTTP client of ours."""
        sdk, endpoint = self.sdk(), self.endpoint
        http = import_module("mistralai.client.sdk").httpx  # the library that this version came with
        arguments = {**endpoint.http_arguments(is_async=is_async), "follow_redirects": True}
        http_client = (http.AsyncClient if is_async else http.Client)(**arguments)
        # The package wants both kinds; the other one is never asked.
        other = (http.Client if is_async else http.AsyncClient)(transport=http.MockTransport(_unasked))
        client = sdk.Mistral(
            api_key=endpoint.key,
            server_url=endpoint.base_url,
            timeout_ms=round(endpoint.timeout_s * 1000),
            client=other if is_async else http_client,
            async_client=http_client if is_async else other,
        )
        return SdkOverHttp(client, http_client, is_async)

    def sdk(self) -> Any:
        """Import the package: a second that others need not pay."""
        try:
            return import_module("mistralai.client")
        except ImportError as error:
            raise missing_extra(f"model {self.name!r}", "mistralai", "mistral") from error


def _unasked(_: Any) -> Any:
    raise AssertionError("a client of the other kind was asked")
