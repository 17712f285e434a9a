# SPDX-License-Identifier: Apache-2.0
"""A decision model of any provider that litellm knows, through `litellm.decisions`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, MissingExtra, missing_extra
from schema_guard.ext.decisions.model import DecisionModel
from schema_guard.models.endpoint import Endpoint
from schema_guard.models.interface import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.models.interface import PromptLike

_OLDEST = "1.110"


def connected(
    name: str, key: str | None, max_retries: int, timeout_s: float, options: Mapping[str, Any] | None
) -> LiteLLMDecisionModel:
    """Return a decision model by its name in litellm, such as `typesafe/jev`."""
    endpoint = Endpoint("", key, timeout_s, max_retries)
    return LiteLLMDecisionModel(name, endpoint, provider="litellm-decisions", options=options)


class LiteLLMDecisionModel(DecisionModel):
    """A decision model that litellm calls. litellm knows the provider's address and the variable of its key."""

    package = "litellm"

    def sdk(self) -> Any:
        """Import litellm.

        Raises:
            MissingExtra: It is not installed, or too old.
        """
        try:
            sdk = import_module(self.package)
        except ImportError as error:
            raise missing_extra(f"model {self.name!r}", self.package, self.package) from error
        if not hasattr(sdk, "adecisions"):
            needed = f"litellm>={_OLDEST}"
            raise MissingExtra(f"model {self.name!r} needs {needed}. Run pip install '{needed}'")
        return sdk

    def checked(self, options: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return options as a new dict.

        Raises:
            InvalidArgument: One of them is the key, which records would store, or is set by the model.
        """
        if options and "api_key" in options:
            raise InvalidArgument(
                "options['api_key']: schema_guard records the options, so it would also record the key. Pass the key as key="
            )
        return super().checked(options)

    def arguments(self, prompt: PromptLike, options: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
        """Return the arguments of `litellm.decisions`.

        Raises:
            InvalidArgument: The prompt has other messages than the user's, which litellm doesn't accept.
        """
        if not isinstance(prompt, str) and any(one.get("role") != "user" for one in messages(prompt)):
            raise InvalidArgument(
                f"model {self.name!r}: litellm.decisions accepts only messages with the role 'user'. Pass the prompt as one string"
            )
        endpoint = self.endpoint
        more = {
            "api_key": endpoint.api_key,
            "timeout": endpoint.timeout_s,
            "num_retries": endpoint.max_retries or None,
        }
        return {**more, **super().arguments(prompt, options, is_stream=is_stream)}

    def connected(self, *, is_async: bool) -> Any:
        """Return the function that sends requests. litellm keeps its own connections."""
        sdk = self.sdk()
        return sdk.adecisions if is_async else sdk.decisions

    def ask(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Send a request and return its reply, or an awaitable of it."""
        return client(**arguments)

    def disconnect(self, client: Any) -> None:
        """Do nothing, because the connections belong to litellm."""

    async def adisconnect(self, client: Any) -> None:
        """Do nothing, as above."""
