# SPDX-License-Identifier: Apache-2.0
"""Models whose package has the shape that `openai` and `anthropic` share, for both are generated alike.

One method makes a request, and gives its reply, an awaitable of it, or a stream that is closed as a context manager; a
client is a class of the package's name, and one with Async before it.
"""

from __future__ import annotations

from abc import abstractmethod
from importlib import import_module
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from schema_guard.errors import missing_extra
from schema_guard.models.hosted import HostedModel
from schema_guard.received.retries import note, retries_of_response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

__all__ = ["GeneratedModel"]


class GeneratedModel(HostedModel):
    """A model that is asked through such a package.

    Attributes:
        package: Its name, which is that of the extra too.
        client_class: Name of its client's class.
    """

    package: str
    client_class: str

    @abstractmethod
    def resource(self, client: Any) -> Any:
        """Give the part of a client whose `create` makes a request."""

    def accepted_arguments(self, client: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        """Give arguments as this version of the package takes them."""
        return arguments

    def create(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Make a request."""
        return self.resource(client).create(**self.accepted_arguments(client, arguments))

    def ask(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Send a request and give its reply, or an awaitable of it; with it how often the package had repeated it."""
        if not self.endpoint.max_retries:
            return self.create(client, arguments)
        raw = self.resource(client).with_raw_response.create(**self.accepted_arguments(client, arguments))
        return _parsed_later(raw) if isawaitable(raw) else note(raw.parse(), raw.retries_taken)

    def chunks(self, client: Any, arguments: dict[str, Any]) -> Generator[Any, None, None]:
        """Give what the SDK streams; the first chunk tells how often the request was repeated, where it may be."""
        with self.create(client, arguments) as chunks:
            retries = retries_of_response(chunks.response) if self.endpoint.max_retries else None
            for chunk in chunks:
                yield note(chunk, retries)
                retries = None

    async def achunks(self, client: Any, arguments: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Give what the SDK streams without blocking the event loop."""
        async with await self.create(client, arguments) as chunks:
            retries = retries_of_response(chunks.response) if self.endpoint.max_retries else None
            async for chunk in chunks:
                yield note(chunk, retries)
                retries = None

    def connected(self, *, is_async: bool) -> Any:
        """Give a client whose key is the one given, and that reads no other from its environment."""
        sdk, endpoint, prefix = self.sdk(), self.endpoint, "Async" if is_async else ""
        http = getattr(sdk, f"Default{prefix}HttpxClient")
        return getattr(sdk, f"{prefix}{self.client_class}")(
            base_url=endpoint.base_url,
            api_key=endpoint.key,
            timeout=endpoint.timeout_s,
            max_retries=endpoint.max_retries,
            http_client=http(**endpoint.http_arguments(is_async=is_async)),
        )

    def disconnect(self, client: Any) -> None:
        """Close a client."""
        client.close()

    async def adisconnect(self, client: Any) -> None:
        """Close an asynchronous client."""
        await client.close()

    def sdk(self) -> Any:
        """Import the package: half a second that others need not pay."""
        try:
            return import_module(self.package)
        except ImportError as error:
            raise missing_extra(f"model {self.name!r}", self.package, self.package) from error


async def _parsed_later(answered: Any) -> Any:
    raw = await answered
    parsed = raw.parse()
    # One of the two packages has an asynchronous `parse` here.
    return note(await parsed if isawaitable(parsed) else parsed, raw.retries_taken)
