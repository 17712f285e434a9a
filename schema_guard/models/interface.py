# SPDX-License-Identifier: Apache-2.0
"""The interface of every model, and the optional parts of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

from schema_guard.errors import InvalidArgument
from schema_guard.providers.messages import RawMessage
from schema_guard.providers.openai_responses import RESPONSES
from schema_guard.text import clip
from schema_guard.values import Message

PromptLike: TypeAlias = str | Sequence[Mapping[str, Any] | Message]


@runtime_checkable
class Model(Protocol):
    """A language model.

    Replies and chunks are objects of the provider. schema_guard recognizes these objects by their form.

    Attributes:
        name: Name of the model at the provider and in records.
        provider: Provider that defines the arguments in `options`. `schema_guard.providers.options.PROVIDER_OPTIONS`
            has all providers as keys.
        capabilities: Names of the strategies that the model supports.
    """

    name: str
    provider: str
    capabilities: frozenset[str]

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Send one request, and return the provider's reply object.

        Args:
            prompt: A text, sent as one user message, or messages with `role` and `content`.
            options: The provider's own arguments, passed on unchanged. None as a value removes a default of the model.

        Raises:
            InvalidArgument: The prompt or the options cannot be sent, or the model is closed.
        """
        ...

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Send one request without blocking the event loop."""
        ...

    def stream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield the provider's chunks. Reading the first chunk sends the request."""
        ...

    def astream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> AsyncIterator[Any]:
        """Yield the provider's chunks, without blocking the event loop."""
        ...

    def close(self) -> None:
        """Release the resources of the model. You can call this method more than once."""
        ...

    async def aclose(self) -> None:
        """Release the resources of the model, including the connections of this event loop."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exception: object) -> None: ...


class ModelDetails(NamedTuple):
    """The optional members of a model beside those of `Model`.

    Attributes:
        areply: Method that sends one request like `acall`, and returns the JSON of the reply. Default: `acall`.
        defaults: Arguments of every request, which `options` override. Default: none.
        is_timed: Whether its durations mean anything. False for scripted replies. Default: True.
        lacks: The methods of `Model` that it doesn't have, each with the alternative. Default: none.
    """

    areply: Callable[..., Awaitable[Any]]
    defaults: Mapping[str, Any]
    is_timed: bool
    lacks: Mapping[str, str]


def details_of(model: Model) -> ModelDetails:
    """Return the optional members of a model, with the defaults for missing ones."""
    return ModelDetails(
        areply=getattr(model, "areply", model.acall),
        defaults=getattr(model, "defaults", {}),
        is_timed=getattr(model, "is_timed", True),
        lacks=getattr(model, "lacks", {}),
    )


# The streaming methods of a model, by the methods that return a whole reply.
_STREAMING = {"__call__": "stream", "acall": "astream"}


def streaming_method(model: Any, function: Any, models: Sequence[Any]) -> Any:
    """Return the method of a model that streams the replies which the model, or a method of it, returns whole.

    Args:
        model: The model.
        function: The model, or a method of it.
        models: The models that are called like it. Each of them must have the method.

    Returns:
        The method, or None if a model doesn't have it, or if *function* doesn't return whole replies.
    """
    name = _STREAMING.get("__call__" if function is model else function.__name__)
    if name is None or not all(
        callable(getattr(one, name, None)) and name not in details_of(one).lacks for one in models
    ):
        return None
    return getattr(model, name)


class Closing:
    """The context managers of a model, which call its `close` and `aclose`."""

    def close(self) -> None:
        """Release the resources of the model."""

    async def aclose(self) -> None:
        """Release the resources of the model."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()


def messages(prompt: PromptLike) -> list[dict[str, Any]]:
    """Return a prompt as new messages for a provider. Items of the Responses API and objects of SDKs are messages too.

    Raises:
        InvalidArgument: The prompt is neither a text nor a list of messages.
    """
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    if not isinstance(prompt, (list, tuple)) or not prompt:
        raise InvalidArgument(
            f"prompt={clip(repr(prompt))}: expected a str, or a list of at least one message"
        )
    return [_message(index, member) for index, member in enumerate(prompt)]


def _message(index: int, member: object) -> dict[str, Any]:
    element = member.element if isinstance(member, RawMessage) else member
    if isinstance(element, Message):
        return element.as_dict()
    read = RESPONSES.read(element)
    if read is None:
        raise InvalidArgument(
            f"prompt[{index}]={clip(repr(member))}: expected a message, which is a dict with 'role' and 'content'"
        )
    if isinstance(element, Mapping):
        return dict(element)
    dump = getattr(element, "model_dump", None)
    # An SDK's object, such as the message of an earlier reply. Providers reject its empty fields in a request.
    return dict(dump(mode="json", exclude_none=True)) if callable(dump) else read.as_dict()
