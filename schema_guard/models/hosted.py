# SPDX-License-Identifier: Apache-2.0
"""The common part of models behind a provider's SDK: clients, closing them, and the arguments of a request.

Rules:
1. One call is one request. The SDK's own retries are off by default, because they hide failed attempts from the
   records and multiply those of the guard (three attempts of three requests are nine).
2. An asynchronous connection belongs to the event loop that opened it, so each loop has its own client.
3. Exceptions contain no key (see `endpoint`).
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.locks import fork_safe_lock
from schema_guard.models.interface import Closing
from schema_guard.providers.options import capabilities, unforced
from schema_guard.providers.request_options import joined_options

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from schema_guard.extensions import ServerRules
    from schema_guard.models.endpoint import Endpoint
    from schema_guard.models.interface import PromptLike


class HostedModel(Closing, ABC):
    """A model behind a provider's SDK. See `Model`.

    `close` releases everything except the asynchronous connections, which only `aclose` in their own event loop can
    close. Calls from several threads and event loops at once are safe.

    Attributes:
        endpoint: Address of the server and settings of requests.
        options: The provider's own arguments of every call, as given. They are a part of the configuration.
        defaults: These options, joined with the default arguments of every request.
        rules: The rules of the server from a probe. None without them.
        tuned: Whether the model is known to be tuned for its task. Guards then treat it as tuned.
        package: Name of the SDK, and of the extra.
        client_class: Name of the class of its synchronous client.
        own_defaults: Arguments of every request, which `defaults` and `options` override.
    """

    rules: ServerRules | None = None
    tuned: bool = False
    own_defaults: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        provider: str = "openai",
        defaults: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """Make a model. The first call opens the connection.

        Args:
            name: Name of the model at the server.
            endpoint: Address of the server and settings of requests.
            provider: Provider whose arguments it accepts.
            defaults: Arguments of every request, which `options` override.
            options: Arguments of every request that are a part of the configuration.
            on_close: Called once, when the model is closed.

        Raises:
            InvalidArgument: The provider is unknown, or schema_guard sets one of the options.
            MissingExtra: The SDK is not installed.
        """
        self.name = name
        self.sdk()
        self.provider = provider
        self.capabilities = capabilities(provider)
        self.endpoint = endpoint
        self.options = self.checked(options)
        self.defaults = joined_options({**self.own_defaults, **(defaults or {})}, self.options)
        self._on_close = on_close
        self._lock = fork_safe_lock()
        self._closed = False
        self._client: Any = None
        self._async_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = (
            weakref.WeakKeyDictionary()
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} provider={self.provider!r}>"

    # The parts that differ by SDK. The packages of OpenAI and Anthropic have one form, because both are generated.

    package: str
    client_class: str

    @abstractmethod
    def arguments(self, prompt: PromptLike, options: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
        """Return the arguments of a request: the prompt with the options, which already include the defaults."""

    @abstractmethod
    def resource(self, client: Any) -> Any:
        """Return the part of a client whose `create` makes a request."""

    def sdk(self) -> Any:
        """Import the SDK. The import takes half a second, so it happens only when a model is made."""
        try:
            return import_module(self.package)
        except ImportError as error:
            raise missing_extra(f"model {self.name!r}", self.package, self.package) from error

    def connected(self, *, is_async: bool) -> Any:
        """Return a new client with the key of the endpoint, not one from the environment."""
        sdk, endpoint, prefix = self.sdk(), self.endpoint, "Async" if is_async else ""
        http = getattr(sdk, f"Default{prefix}HttpxClient")
        return getattr(sdk, f"{prefix}{self.client_class}")(
            base_url=endpoint.base_url,
            api_key=endpoint.key,
            timeout=endpoint.timeout_s,
            max_retries=endpoint.max_retries,
            http_client=http(**endpoint.http_arguments(is_async=is_async)),
        )

    def ask(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Send a request and return its reply, or an awaitable of it."""
        return self.resource(client).create(**arguments)

    def chunks(self, client: Any, arguments: dict[str, Any]) -> Generator[Any, None, None]:
        """Yield the chunks of a reply. Closing it closes the connection."""
        with self.resource(client).create(**arguments) as chunks:
            yield from chunks

    async def achunks(self, client: Any, arguments: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Yield the chunks of a reply without blocking the event loop."""
        async with await self.resource(client).create(**arguments) as chunks:
            async for chunk in chunks:
                yield chunk

    def disconnect(self, client: Any) -> None:
        """Close a synchronous client."""
        client.close()

    async def adisconnect(self, client: Any) -> None:
        """Close an asynchronous client."""
        await client.close()

    ours: tuple[str, ...]
    """Arguments that the model sets itself."""

    # The parts that are the same for all SDKs.

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Send one request, and return the reply object of the SDK."""
        arguments = self.request_arguments(prompt, options)
        with self.endpoint.keyless():
            return self.ask(self.client(), arguments)

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Send one request without blocking the event loop, and return the reply object of the SDK."""
        arguments = self.request_arguments(prompt, options)
        with self.endpoint.keyless():
            return await self.ask(self.async_client(), arguments)

    def stream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> Generator[Any, None, None]:
        """Yield the chunks of the SDK. Closing the generator closes the connection."""
        arguments = self.request_arguments(prompt, options, is_stream=True)
        with (
            self.endpoint.keyless(),
            contextlib.closing(self.chunks(self.client(), arguments)) as chunks,
        ):
            yield from chunks

    async def astream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Any, None]:
        """Yield the chunks of the SDK without blocking the event loop."""
        arguments = self.request_arguments(prompt, options, is_stream=True)
        with self.endpoint.keyless():
            async with contextlib.aclosing(self.achunks(self.async_client(), arguments)) as chunks:
                async for chunk in chunks:
                    yield chunk

    def close(self) -> None:
        """Close the synchronous connections, and call `on_close`. Closing twice is no error."""
        with self._lock:
            already, self._closed = self._closed, True
            client, self._client = self._client, None
        if client is not None:
            self.disconnect(client)
        if not already and self._on_close is not None:
            self._on_close()

    async def aclose(self) -> None:
        """Close everything, including the asynchronous connections of the running event loop."""
        with self._lock:
            client = self._async_clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await self.adisconnect(client)
        self.close()

    def request_arguments(
        self, prompt: PromptLike, options: Mapping[str, Any] | None, *, is_stream: bool = False
    ) -> dict[str, Any]:
        """Return the arguments of a request. An option with the value None removes a default."""
        settings = unforced(
            self.provider, joined_options(self.defaults, self.checked(options)), model=self.name
        )
        arguments = self.arguments(prompt, settings, is_stream=is_stream)
        return {key: value for key, value in arguments.items() if value is not None}

    def checked(self, options: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return options as a new dict.

        Raises:
            InvalidArgument: schema_guard sets one of the options.
        """
        arguments = dict(options or {})
        for name in self.ours:
            if name in arguments:
                raise InvalidArgument(
                    f"options[{name!r}]: schema_guard sets this option from the prompt. Remove it"
                )
        return arguments

    def async_client(self) -> Any:
        """Return the client of the running event loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._check_open()
            client = self._async_clients.get(loop)
            if client is None:
                client = self._async_clients[loop] = self.connected(is_async=True)
            return client

    def client(self) -> Any:
        """Return the synchronous client."""
        with self._lock:
            self._check_open()
            if self._client is None:
                self._client = self.connected(is_async=False)
            return self._client

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidArgument(f"model {self.name!r} is closed. Call connect() again")
