# SPDX-License-Identifier: Apache-2.0
"""Requests to a host of tuning, through the `openai` package, which knows how to reach all of them.

Rules: a key goes to its own host alone, and stands in no error (see `models.endpoint`). One call is one request:
whether it is made again is for whoever knows whether it was done.
"""

from __future__ import annotations

from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

from schema_guard.errors import missing_extra
from schema_guard.ext.tuning.jobs.remote import HostError
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.models.endpoint import Endpoint

__all__ = ["Wire"]

T = TypeVar("T")

_WIDTH: Final = 400
# Of a 429: what no waiting fixes.
_SPENT: Final = ("insufficient_quota", "billing_hard_limit_reached")
_PASSING: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class Wire:
    """The connection to a host.

    Attributes:
        label: The host, as people write it.
        client: The client of the `openai` package; calls of it go through `call`.
    """

    def __init__(self, label: str, endpoint: Endpoint) -> None:
        """Open no connection yet.

        Raises:
            MissingExtra: The `openai` package is not installed.
        """
        try:
            self._sdk = import_module("openai")
        except ImportError as error:
            raise missing_extra(f"tuning at {label}", "openai", "openai") from error
        self.label = label
        self._endpoint = endpoint
        self.client: Any = self._sdk.OpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.key,
            timeout=endpoint.timeout_s,
            max_retries=0,
            http_client=self._sdk.DefaultHttpxClient(**endpoint.http_arguments(is_async=False)),
        )

    def call(self, call: Callable[[], T]) -> T:
        """Give what a call of the client gives.

        Raises:
            HostError: No answer came, or one that refuses.
        """
        try:
            # The key goes before a message is cut, which could leave a part of it.
            with self._endpoint.keyless():
                return call()
        except self._sdk.APIStatusError as error:
            raise self._refused(error) from error
        except self._sdk.APIError as error:
            raise HostError(
                f"{self.label} gave no answer: {clip(str(error), _WIDTH)}", status=None, is_passing=True
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _refused(self, error: Any) -> HostError:
        status, body = error.status_code, error.body
        code = body.get("code") if isinstance(body, dict) else None
        passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or (status in _PASSING and code not in _SPENT)
        return HostError(
            f"{self.label} answers with status {status}: {clip(_words(body) or str(error), _WIDTH)}",
            status=status,
            is_passing=passing,
            retry_after_s=_seconds(error.response.headers.get("retry-after")),
        )


def _words(body: Any) -> str | None:
    """Give the message of an error's body, in whichever form it came."""
    while isinstance(body, dict):
        body = next((body[name] for name in ("error", "message", "detail") if body.get(name)), None)
    return body if isinstance(body, str) else None


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None
