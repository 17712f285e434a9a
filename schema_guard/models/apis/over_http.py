# SPDX-License-Identifier: Apache-2.0
"""Models whose package is given an HTTP client, and does not close it."""

from __future__ import annotations

from typing import Any, NamedTuple

from schema_guard.models.hosted import HostedModel

__all__ = ["OverHttpModel", "SdkOverHttp"]


class SdkOverHttp(NamedTuple):
    """A package's client over an HTTP client of ours.

    Attributes:
        sdk: The package's client.
        http: The HTTP client that it was given.
        is_async: Whether that is an asynchronous one.
    """

    sdk: Any
    http: Any
    is_async: bool


class OverHttpModel(HostedModel):
    """A model whose `connected` gives an `SdkOverHttp`."""

    def disconnect(self, client: SdkOverHttp) -> None:
        """Close the HTTP client."""
        client.http.close()

    async def adisconnect(self, client: SdkOverHttp) -> None:
        """Close the asynchronous HTTP client."""
        await client.http.aclose()
