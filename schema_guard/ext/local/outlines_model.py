# SPDX-License-Identifier: Apache-2.0
"""A model of `outlines`, either in this process or behind an API.

Rules:
1. The model comes with its client, its keys, and its retries. They belong to its owner, and aren't closed here.
2. outlines returns only a text. Tokens and the finish reason are unknown, so a cut-off reply is an unfinished one.
3. Missing methods are in `lacks`, which is checked when a function is decorated. The methods themselves raise too.
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

# Libraries of models in this process stop after 16 or 20 tokens by default.
OUTPUT_TOKENS = 1024

# A model in this process is steered token by token. A model behind an API receives the format in the request.
_STEERED: Final = ("Transformers", "TransformersMultiModal", "LlamaCpp", "MLXLM")
# Name of the output limit of a model, if it isn't the name of its provider.
_LIMITS: Final = {"LlamaCpp": "max_tokens", "MLXLM": "max_tokens", "Gemini": "max_output_tokens"}
# Models that outlines can't stream.
_WHOLE: Final = ("Transformers", "TransformersMultiModal", "Dottxt", "AsyncDottxt", "VLLMOffline")
# Number of compiled schemas in the cache.
_CACHED_GENERATORS = 8


class OutlinesModel(Closing):
    """A model of outlines; see `Model`.

    Concurrent calls from several threads are safe. A model in this process answers them one after the other.

    Attributes:
        options: Arguments of every call, as passed. They are part of the configuration.
        defaults: These arguments, and the defaults of the others.
        lacks: The methods of `Model` that outlines doesn't have for this model, each with an alternative.
    """

    def __init__(
        self, model: Any, *, provider: str | None = None, options: Mapping[str, Any] | None = None
    ) -> None:
        """Create a model from a model of outlines.

        Args:
            model: The model of outlines.
            provider: `outlines` for a model in this process, `outlines-api` for one behind an API. Default: the one
                that fits.
            options: Arguments of every call, as outlines' own call takes them besides the prompt.

        Raises:
            InvalidArgument: The provider doesn't fit the model.
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
        # Each generator reads the tokenizer again, which takes half a second.
        self._generator_of = lru_cache(_CACHED_GENERATORS)(self._generator_of_text)

    def __repr__(self) -> str:
        return f"<OutlinesModel {self.name!r} provider={self.provider!r}>"

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Call the model once, and return the text."""
        self._require("__call__")
        output, arguments = self._arguments(options)
        # A model in this process has one state, for its tokenizer and for its engine.
        with self._lock if self._is_steered else contextlib.nullcontext():
            return _text(self._generator(*output, is_shared=self._is_steered)(_chat(prompt), **arguments))

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Call the model once without blocking the event loop."""
        self._require("acall")
        output, arguments = self._arguments(options)
        return _text(await self._generator(*output)(_chat(prompt), **arguments))

    async def areply(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Call the model once, as `acall` does. If outlines has no such call, use a thread."""
        if "acall" not in self.lacks:
            return await self.acall(prompt, options=options)
        return await to_thread(self, prompt, options=options)

    def stream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> Generator[Any, None, None]:
        """Yield pieces of the text as they arrive."""
        self._require("stream")
        output, arguments = self._arguments(options)
        chunks = self._generator(*output).stream(_chat(prompt), **arguments)
        with contextlib.closing(chunks):
            yield from chunks

    async def astream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Any, None]:
        """Yield pieces of the text as they arrive, without blocking the event loop."""
        self._require("astream")
        output, arguments = self._arguments(options)
        async with contextlib.aclosing(self._generator(*output).stream(_chat(prompt), **arguments)) as chunks:
            async for chunk in chunks:
                yield chunk

    def close(self) -> None:
        """Release the model, which still belongs to its owner. Closing twice is not an error."""
        self._model = None
        self._generator_of.cache_clear()

    def _require(self, method: str) -> None:
        """Reject a call that can't be made.

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
        """Return the generator of a call. A shared generator allows one call at a time."""
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
    """Return the methods that outlines lacks for a kind of model."""
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
    """Return whether a model of Transformers already has its own limit."""
    settings = getattr(getattr(model, "model", None), "generation_config", None)
    return getattr(settings, "max_new_tokens", None) is not None


def _name_of(model: Any) -> str:
    """Return the name of a model of outlines. Of a path, return the last part."""
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
    """Return a prompt in the form of outlines: a text, or a chat."""
    if isinstance(prompt, str):
        return prompt
    from outlines.inputs import Chat  # type: ignore[import-not-found,import-untyped,unused-ignore]

    return Chat([{**turn, "content": _content(turn.get("content"))} for turn in messages(prompt)])


def _content(content: Any) -> Any:
    """Return content that consists only of texts as one text, because outlines doesn't take parts like OpenAI's."""
    parts = content if isinstance(content, list) else []
    texts = [str(part["text"]) for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(texts) if parts and len(texts) == len(parts) else content


def _text(reply: Any) -> Any:
    """Return a reply, or an empty text for a message without content."""
    return "" if reply is None else reply
