# SPDX-License-Identifier: Apache-2.0
"""A model behind the API of OpenAI, theirs or a compatible server's, through the `openai` package.

Rules:
1. One call is one request: the SDK's own retries are off unless asked for. They would hide failed attempts
   from the records and multiply those of the guard (three attempts of three requests are nine).
2. An asynchronous connection belongs to the event loop that opened it: each loop has a client of its own.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.models.interface import Closing, messages
from schema_guard.targets import capabilities

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping

    from openai import AsyncOpenAI, OpenAI

    from schema_guard.models.interface import PromptLike

# As the SDK has it: ten minutes, for replies of slow models.
TIMEOUT_S = 600.0

_OURS = ("input", "messages", "stream")
# Arguments of the SDK's methods that are no part of a request's body.
_SDK_ONLY = frozenset({"extra_headers", "extra_query", "timeout"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go and how.

    Attributes:
        base_url: Up to and with `/v1`; None is the SDK's own, OpenAI.
        api_key: None leaves it to the SDK, which reads OPENAI_API_KEY.
        timeout_s: Seconds without a byte after which a request is given up.
        max_retries: Requests that the SDK repeats by itself, unseen by the records.
        direct: Whether proxies that the environment names are passed by.
    """

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = TIMEOUT_S
    max_retries: int = 0
    direct: bool = False


class OpenAIModel(Closing):
    """A model behind OpenAI's Chat Completions or Responses API; see `Model`.

    `close` frees everything but the asynchronous connections, which only `aclose` in their own event
    loop can close. Calls from several threads and event loops at once are safe.
    """

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        target: str = "openai",
        defaults: Mapping[str, Any] | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """Make a model; nothing is opened before the first call.

        Args:
            name: As the server knows it.
            endpoint: Where requests go.
            target: Whose arguments it takes; `openai-responses` selects the Responses API.
            defaults: Arguments of every request, where `options` does not say otherwise.
            on_close: Called once, when the model is closed.

        Raises:
            InvalidArgument: The target is unknown.
            MissingExtra: The package `openai` is not installed.
        """
        _sdk(name)
        self.name = name
        self.target = target
        self.capabilities = capabilities(target)
        self.endpoint = endpoint
        self.defaults = dict(defaults or {})
        self._on_close = on_close
        self._lock = threading.Lock()
        self._closed = False
        self._client: OpenAI | None = None
        self._async_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = (
            weakref.WeakKeyDictionary()
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} target={self.target!r}>"

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Ask once and give the reply object of the SDK."""
        arguments = self._arguments(prompt, options)
        return self._api(self._sync_client()).create(**arguments)

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Ask once without blocking the event loop."""
        arguments = self._arguments(prompt, options)
        return await self._api(self._async_client()).create(**arguments)

    async def areply(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Ask once and give the JSON that came, as dicts; or the text, where it is said to be none.

        What `acall` gives, through the SDK's connection with its keys, errors and retries, but without its classes
        for what goes out and what comes in.
        """
        given = options or {}
        if not _SDK_ONLY.isdisjoint(given):
            return await self.acall(prompt, options=options)
        path, body = self.request(prompt, options=given)
        return await self._async_client().post(path.removeprefix("/v1"), body=body, cast_to=object)

    def stream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> Generator[Any, None, None]:
        """Give the chunks of the SDK; closing the generator closes the connection."""
        arguments = self._arguments(prompt, options, stream=True)
        with self._api(self._sync_client()).create(**arguments) as chunks:
            yield from chunks

    async def astream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Any, None]:
        """Give the chunks of the SDK without blocking the event loop."""
        arguments = self._arguments(prompt, options, stream=True)
        async with await self._api(self._async_client()).create(**arguments) as chunks:
            async for chunk in chunks:
                yield chunk

    def close(self) -> None:
        """Close the synchronous connections and what stands behind the model; closing twice is no error."""
        with self._lock:
            already, self._closed = self._closed, True
            client, self._client = self._client, None
        if client is not None:
            client.close()
        if not already and self._on_close is not None:
            self._on_close()

    async def aclose(self) -> None:
        """Close everything, the asynchronous connections of the running event loop included."""
        with self._lock:
            client = self._async_clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()
        self.close()

    def request(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Give the path and the JSON body of the request that a call would send, for a batch file."""
        body = self._arguments(prompt, options)
        # The SDK's way to say what it has no argument for.
        body.update(body.pop("extra_body", None) or {})
        return "/v1/responses" if self.target == "openai-responses" else "/v1/chat/completions", body

    def _arguments(
        self, prompt: PromptLike, options: Mapping[str, Any] | None, *, stream: bool = False
    ) -> dict[str, Any]:
        given = dict(options or {})
        for name in _OURS:
            if name in given:
                raise InvalidArgument(f"options[{name!r}]: expected the model to set it; pass the prompt")
        arguments: dict[str, Any] = {"model": self.name, **self.defaults}
        if self.target == "openai-responses":
            arguments["input"] = prompt if isinstance(prompt, str) else messages(prompt)
        else:
            arguments["messages"] = messages(prompt)
            if stream:
                # Without it a stream never says how many tokens it was.
                arguments["stream_options"] = {"include_usage": True}
        if stream:
            arguments["stream"] = True
        return {key: value for key, value in {**arguments, **given}.items() if value is not None}

    def _api(self, client: Any) -> Any:
        return client.responses if self.target == "openai-responses" else client.chat.completions

    def _sync_client(self) -> OpenAI:
        sdk = _sdk(self.name)
        with self._lock:
            self._check_open()
            if self._client is None:
                self._client = sdk.OpenAI(**self._client_arguments(sdk.DefaultHttpxClient))
            return self._client

    def _async_client(self) -> AsyncOpenAI:
        sdk = _sdk(self.name)
        loop = asyncio.get_running_loop()
        with self._lock:
            self._check_open()
            client: AsyncOpenAI | None = self._async_clients.get(loop)
            if client is None:
                client = sdk.AsyncOpenAI(**self._client_arguments(sdk.DefaultAsyncHttpxClient))
                self._async_clients[loop] = client
            return client

    def _client_arguments(self, http_client: Callable[..., Any]) -> dict[str, Any]:
        endpoint = self.endpoint
        arguments: dict[str, Any] = {
            "base_url": endpoint.base_url,
            "api_key": endpoint.api_key,
            "timeout": endpoint.timeout_s,
            "max_retries": endpoint.max_retries,
        }
        if endpoint.direct:
            arguments["http_client"] = http_client(trust_env=False)
        return arguments

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidArgument(f"model {self.name!r} is closed: connect again")


def _sdk(name: str) -> Any:
    """Import the SDK when a model of it is made: half a second that others need not pay."""
    try:
        import openai  # see above
    except ImportError as error:
        raise missing_extra(f"model {name!r}", "openai", "openai") from error
    return openai
