# SPDX-License-Identifier: Apache-2.0
"""The address of a server, and the key that is sent only to it.

Rules:
1. A key belongs to one origin: scheme, host, and port. A request to another origin has only the headers that HTTP
   needs. No request follows a redirect to another origin, because its body contains a prompt.
2. SDKs put the environment of their own provider into requests to any server. The headers of another provider are
   deleted.
3. An exception that passes through here contains no key in its message, its attributes, its response, or its pickle.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from schema_guard.models.error_keys import remove_key

# Ten minutes, the default of the SDKs, for replies of slow models.
TIMEOUT_S = 600.0
OPENAI_URL = "https://api.openai.com/v1"
# SDKs require a key, even for servers without keys.
NO_KEY = "none"

_PORTS = {"http": 80, "https": 443}
# Headers that a request to another host keeps. All others can be credentials.
_PLAIN_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding", "user-agent"}
)  # fmt: skip
# Headers that an SDK adds from its provider's environment, by the variable.
_ADDED = {"OPENAI_ORG_ID": "openai-organization", "OPENAI_PROJECT_ID": "openai-project"}
_ADDED_LINES = {"openai": "OPENAI_CUSTOM_HEADERS", "anthropic": "ANTHROPIC_CUSTOM_HEADERS"}
# Longest chain of exceptions that is searched. A longer one is somebody's mistake.
_DEEPEST = 8
# Extension of a request that holds its first origin. The requests of its redirects inherit extensions.
_FIRST_ORIGIN = "schema_guard.origin"


class CrossOriginRedirect(ConnectionError):
    """A server redirected a request to another origin."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a server, and the settings of requests to it.

    Attributes:
        base_url: Address up to and including `/v1`, or the base URL that the provider's SDK accepts.
        api_key: Key, sent only to this address. None for servers without keys. The environment is not read.
        timeout_s: Seconds without a byte after which a request fails.
        max_retries: Retries by the SDK, which records don't show.
        direct: Whether to ignore proxies that the environment names.
        foreign: Headers to delete if they have this value, which an SDK adds for another provider.
    """

    base_url: str = OPENAI_URL
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = TIMEOUT_S
    max_retries: int = 0
    direct: bool = False
    foreign: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> str:
        """The key to send, or a placeholder without one."""
        return self.api_key or NO_KEY

    def clean(self, request: Any) -> None:
        """Delete the headers that the server of a request must not see. An HTTP client calls this before each request.

        Raises:
            CrossOriginRedirect: The request follows a redirect to another origin.
        """
        headers: MutableMapping[str, str] = request.headers
        place = origin(str(request.url))
        first = request.extensions.setdefault(_FIRST_ORIGIN, place)
        if place != first:
            raise CrossOriginRedirect(
                f"{_url(first)} redirects to {_url(place)}, but schema_guard sends prompts only to the server that you named. If you trust "
                "the new server, connect to its URL"
            )
        if place != origin(self.base_url):
            for name in [name for name in headers if name.lower() not in _PLAIN_HEADERS]:
                del headers[name]
            return
        for name, value in self.foreign.items():
            if headers.get(name) == value:
                del headers[name]

    async def aclean(self, request: Any) -> None:
        """Do the same as `clean` for an asynchronous client."""
        self.clean(request)

    def http_arguments(self, *, is_async: bool) -> dict[str, Any]:
        """Return the arguments of an HTTP client."""
        return {
            "event_hooks": {"request": [self.aclean if is_async else self.clean]},
            "trust_env": not self.direct,
        }

    @contextlib.contextmanager
    def keyless(self) -> Iterator[None]:
        """Remove the key from exceptions of the block (see `error_keys`).

        Raises:
            CrossOriginRedirect: A redirect was refused. It replaces the SDK's error, which does not name the redirect.
        """
        try:
            yield
        except Exception as error:
            remove_key(error, self.api_key)
            redirect = _redirect_of(error)
            if redirect is None:
                raise
            raise redirect from None


def foreign_headers(own: str) -> dict[str, str]:
    """Return the headers that SDKs add from the environment of other providers than *own*.

    Args:
        own: The provider whose environment applies: `openai`, `anthropic`, or any other word for none.
    """
    headers = (
        {} if own == "openai" else {name: os.environ.get(variable, "") for variable, name in _ADDED.items()}
    )
    for provider, variable in _ADDED_LINES.items():
        if provider != own:
            lines = [line.partition(":") for line in os.environ.get(variable, "").split("\n")]
            headers |= {name.strip().lower(): value.strip() for name, colon, value in lines if colon}
    return {name: value for name, value in headers.items() if value}


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host, and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _url(place: tuple[str, str | None, int | None]) -> str:
    scheme, host, port = place
    return f"{scheme}://{host}" if port == _PORTS.get(scheme) else f"{scheme}://{host}:{port}"


def _redirect_of(error: BaseException | None) -> CrossOriginRedirect | None:
    """Return the refused redirect in a chain of exceptions."""
    for _ in range(_DEEPEST):
        if error is None or isinstance(error, CrossOriginRedirect):
            return error
        error = error.__cause__ or error.__context__
    return None
