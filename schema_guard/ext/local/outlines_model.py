# SPDX-License-Identifier: Apache-2.0
"""A model of `outlines`, whatever stands behind it: one in this process, or one behind an API.

Rules:
1. It comes with its client, its keys and its retries, which are its owner's: nothing of it is closed here.
2. What outlines gives is a text: tokens and why the model stopped are unknown, so a reply that was cut off is one that
   is not finished.
3. What it lacks is told when a function is decorated, in `lacks`, and by the method itself.
"""

from __future__ import annotations

import contextlib
from asyncio import to_thread
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument
from schema_guard.locks import fork_safe_lock
from schema_guard.models.interface import Closing, messages
from schema_guard.providers.options import PROVIDER_OPTIONS, capabilities
from schema_guard.providers.request_options import joined_options
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from schema_guard.models.interface import PromptLike

# Libraries of models in this process stop after 16 or 20 tokens where nothing is said.
OUTPUT_TOKENS = 1024

# A model in this process is steered, token by token; one behind an API is asked.
_STEERED: Final = ("Transformers", "TransformersMultiModal", "LlamaCpp", "MLXLM")
# By what name a model takes the most tokens of output, where that is not its provider's.
_LIMITS: Final = {"LlamaCpp": "max_tokens", "MLXLM": "max_tokens", "Gemini": "max_output_tokens"}
# Those that outlines has no streams of.
_WHOLE: Final = ("Transformers", "TransformersMultiModal", "Dottxt", "AsyncDottxt", "VLLMOffline")
# Compiled schemas that are kept.
_CACHED_GENERATORS = 8


class OutlinesModel(Closing):
    """A model of outlines; see `Model`.

    Calls from several threads at once are safe; a model in this process answers them one after the other.

    Attributes:
        options: Arguments of every call, as they were given; a part of the configuration.
        defaults: These, and what is sent where nothing is said.
        lacks: The methods of `Model` that outlines has not for it, each with what there is instead.
    """

    def __init__(
        self, model: Any, *, provider: str | None = None, options: Mapping[str, Any] | None = None
    ) -> None:
        """Make a model of one of outlines.

        Args:
            model: That of outlines.
            provider: `outlines` for a model in this process, `outlines-api` for one behind an API. Default: the
                one of the two that fits.
            options: Arguments of every call, as outlines' own call has them beside the prompt.

        Raises:
            InvalidArgument: It does not take the provider.
        """
        kind = type(model).__name__
        self._kind = kind
        self._is_steered = kind in _STEERED
        self.provider = "outlines" if self._is_steered else "outlines-api"
        if provider not in (None, self.provider):
            raise InvalidArgument(
                f"provider={clip(repr(provider))}: expected {self.provider!r} for an outlines model of type {kind}"
            )
        self.capabilities = capabilities(self.provider)
        self.name = _name_of(model)
        self.options = dict(options or {})
        limit = PROVIDER_OPTIONS[self.provider].limit
        is_limited = not self._is_steered or _has_limit(model)
        self.defaults = joined_options({} if is_limited else {limit: OUTPUT_TOKENS}, self.options)
        self.lacks = _lacks(kind)
        self._model: Any = model
        self._limit = limit, _LIMITS.get(kind, limit)
        self._lock = fork_safe_lock()
        # Its tokenizer is read anew for each, half a second.
        self._generator_of = lru_cache(_CACHED_GENERATORS)(self._generator_of_text)

    def __repr__(self) -> str:
        return f"<OutlinesModel {self.name!r} provider={self.provider!r}>"

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Ask once and give the text."""
        self._require("__call__")
        output, arguments = self._arguments(options)
        # One in this process has one state, for its tokenizer and for its engine.
        with self._lock if self._is_steered else contextlib.nullcontext():
            return _text(self._generator(*output, is_shared=self._is_steered)(_chat(prompt), **arguments))

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Ask once without blocking the event loop."""
        self._require("acall")
        output, arguments = self._arguments(options)
        return _text(await self._generator(*output)(_chat(prompt), **arguments))

    async def areply(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Ask once: as `acall` does, or in a thread where outlines has no such call."""
        if "acall" not in self.lacks:
            return await self.acall(prompt, options=options)
        return await to_thread(self, prompt, options=options)

    def stream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> Generator[Any, None, None]:
        """Yield pieces of the text as they come."""
        self._require("stream")
        output, arguments = self._arguments(options)
        chunks = self._generator(*output).stream(_chat(prompt), **arguments)
        with contextlib.closing(chunks):
            yield from chunks

    async def astream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Any, None]:
        """Yield pieces of the text as they come, without blocking the event loop."""
        self._require("astream")
        output, arguments = self._arguments(options)
        async with contextlib.aclosing(self._generator(*output).stream(_chat(prompt), **arguments)) as chunks:
            async for chunk in chunks:
                yield chunk

    def close(self) -> None:
        """Forget the model, which stays its owner's; closing twice is no error."""
        self._model = None
        self._generator_of.cache_clear()

    def _require(self, method: str) -> None:
        """Refuse a call that cannot be made.

        Raises:
            InvalidArgument: The model is closed, or lacks the method.
        """
        if self._model is None:
            raise InvalidArgument(f"model {self.name!r} is closed. Call connect() again")
        if method in self.lacks:
            raise InvalidArgument(f"model {self.name!r}: {self.lacks[method]}")

    def _arguments(self, options: Mapping[str, Any] | None) -> tuple[tuple[Any, Any], dict[str, Any]]:
        """Return the output type with its engine, and the other arguments of a call."""
        arguments = joined_options(self.defaults, options or {})
        limit, own = self._limit
        if limit in arguments:
            arguments[own] = arguments.pop(limit)
        output = arguments.pop("output_type", None), arguments.pop("backend", None)
        return output, {name: value for name, value in arguments.items() if value is not None}

    def _generator(self, output_type: Any, backend: str | None, *, is_shared: bool = False) -> Any:
        """Return what asks; of a shared one, a call at a time."""
        text = getattr(output_type, "schema", None)
        if is_shared and isinstance(text, str):
            return self._generator_of(text, backend)
        return self._make_generator(output_type, backend)

    def _generator_of_text(self, text: str, backend: str | None) -> Any:
        from outlines.types import JsonSchema  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return self._make_generator(JsonSchema(text), backend)

    def _make_generator(self, output_type: Any, backend: str | None) -> Any:
        from outlines import generator  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return generator.Generator(self._model, output_type, backend=backend)


def _lacks(kind: str) -> dict[str, str]:
    """Return what outlines has not for a kind of its models."""
    if kind.startswith("Async"):
        instead = f"outlines.{kind} is only asynchronous. Guard the model's acall"
        lacking = {"__call__": instead, "stream": instead.replace("acall", "astream")}
    else:
        instead = f"outlines has no asynchronous call of {kind}. Guard the model itself"
        lacking = {"acall": instead, "astream": instead}
    if kind in _WHOLE:
        method = "the model's acall" if kind.startswith("Async") else "the model itself"
        whole = f"outlines has no stream of {kind}. Guard {method}"
        lacking |= {"stream": whole, "astream": whole}
    return lacking


def _has_limit(model: Any) -> bool:
    """Return whether a model of Transformers has a limit of its own already."""
    settings = getattr(getattr(model, "model", None), "generation_config", None)
    return getattr(settings, "max_new_tokens", None) is not None


def _name_of(model: Any) -> str:
    """Return the name that a model of outlines has; of a path, its last part."""
    inner = getattr(model, "model", None)
    names = (
        getattr(model, "model_name", None),
        getattr(inner, "name_or_path", None),
        getattr(inner, "model_path", None),
    )
    name = next(
        (candidate for candidate in names if isinstance(candidate, str) and candidate.strip("/")),
        type(model).__name__,
    )
    return name.rstrip("/").rpartition("/")[2] if name.startswith(("/", ".", "~")) else name


def _chat(prompt: PromptLike) -> Any:
    """Return a prompt as outlines takes it: a text, or a chat."""
    if isinstance(prompt, str):
        return prompt
    from outlines.inputs import Chat  # type: ignore[import-not-found,import-untyped,unused-ignore]

    return Chat([{**turn, "content": _content(turn.get("content"))} for turn in messages(prompt)])


def _content(content: Any) -> Any:
    """Return a content of texts alone as a text; outlines takes no parts of OpenAI's."""
    parts = content if isinstance(content, list) else []
    texts = [str(part["text"]) for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(texts) if parts and len(texts) == len(parts) else content


def _text(reply: Any) -> Any:
    """Return a reply; of a message without content, the text that it has not."""
    return "" if reply is None else reply
