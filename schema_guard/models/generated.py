# SPDX-License-Identifier: Apache-2.0
"""Models whose package has the shape that `openai` and `anthropic` share, for both are generated alike.

One method makes a request, and gives its reply, an awaitable of it, or a stream that is closed as a context manager; a
client is a class of the package's name, and one with Async before it.
"""

from __future__ import annotations

from abc import abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any

from schema_guard.errors import missing_extra
from schema_guard.models.hosted import HostedModel

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
    def create(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Make a request."""

    def ask(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Send a request and give its reply, or an awaitable of it."""
        return self.create(client, arguments)

    def chunks(self, client: Any, arguments: dict[str, Any]) -> Generator[Any, None, None]:
        """Give what the SDK streams."""
        with self.create(client, arguments) as chunks:
            yield from chunks

    async def achunks(self, client: Any, arguments: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Give what the SDK streams without blocking the event loop."""
        async with await self.create(client, arguments) as chunks:
            async for chunk in chunks:
                yield chunk

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
