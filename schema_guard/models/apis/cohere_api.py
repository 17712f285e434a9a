# SPDX-License-Identifier: Apache-2.0
"""A model behind Cohere's chat, through the `cohere` package. Its replies do not name the model."""

from __future__ import annotations

import contextlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from schema_guard.errors import missing_extra
from schema_guard.models.apis.over_http import OverHttpModel, SdkOverHttp
from schema_guard.models.interface import messages

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from schema_guard.models.endpoint import Endpoint
    from schema_guard.models.interface import PromptLike

__all__ = ["CohereModel"]


class CohereModel(OverHttpModel):
    """A model behind the second version of Cohere's API."""

    ours = ("messages", "model", "stream")

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        provider: str = "cohere",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a model; see `HostedModel`."""
        super().__init__(name, endpoint, provider=provider, options=options)

    def arguments(self, prompt: PromptLike, options: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
        """Give the arguments of `chat` and `chat_stream`."""
        # Given with each request because the client has no such argument before version 7.
        retries = {"max_retries": self.endpoint.max_retries}
        return {"model": self.name, "messages": messages(prompt), "request_options": retries, **options}

    def ask(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Send a request and give its reply, or an awaitable of it."""
        return client.sdk.chat(**arguments)

    def chunks(self, client: Any, arguments: dict[str, Any]) -> Generator[Any, None, None]:
        """Give the SDK's events."""
        with contextlib.closing(client.sdk.chat_stream(**arguments)) as events:
            yield from events

    async def achunks(self, client: Any, arguments: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Give the SDK's events without blocking the event loop."""
        async with contextlib.aclosing(client.sdk.chat_stream(**arguments)) as events:
            async for event in events:
                yield event

    def connected(self, *, is_async: bool) -> Any:
        """Give a client whose key is the one given, on an HTTP client of ours."""
        sdk, endpoint = self.sdk(), self.endpoint
        http = import_module("cohere.base_client").httpx  # the library that this version came with
        http_client = (http.AsyncClient if is_async else http.Client)(
            **endpoint.http_arguments(is_async=is_async), follow_redirects=True, timeout=endpoint.timeout_s
        )
        client = (sdk.AsyncClientV2 if is_async else sdk.ClientV2)(
            api_key=endpoint.key,
            base_url=endpoint.base_url,
            timeout=endpoint.timeout_s,
            httpx_client=http_client,
            log_warning_experimental_features=False,
        )
        return SdkOverHttp(client, http_client, is_async)

    def sdk(self) -> Any:
        """Import the package: a second that others need not pay."""
        try:
            return import_module("cohere")
        except ImportError as error:
            raise missing_extra(f"model {self.name!r}", "cohere", "cohere") from error
