# SPDX-License-Identifier: Apache-2.0
"""A model behind Gemini's generateContent API, which uses the `google-genai` package.

Messages are contents with parts, and the model's role is `model`. The system prompt is a part of `config`, as are all
options of a call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.models.hosted import HostedModel
from schema_guard.models.interface import messages
from schema_guard.providers.messages import RawMessage
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from schema_guard.models.interface import PromptLike

_SYSTEMS = ("system", "developer")
_ROLES = {"user": "user", "assistant": "model", "model": "model"}


class GoogleModel(HostedModel):
    """A model behind the API of Gemini."""

    ours = ("contents", "model")

    def checked(self, options: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return options in the form of `generate_content`, which has all of them in `config`.

        Raises:
            InvalidArgument: schema_guard sets one of the options, or an option is not in `config`.
        """
        arguments = super().checked(options)
        for name in arguments:
            if name != "config":
                raise InvalidArgument(
                    f"options[{name!r}]: expected only 'config', which contains all other options. Use "
                    f"options={{'config': {{{name!r}: ...}}}}"
                )
        config = arguments.get("config")
        if config is not None and not isinstance(config, Mapping):
            raise InvalidArgument(f"options['config']={clip(repr(config))}: expected a dict")
        return arguments

    def arguments(self, prompt: PromptLike, options: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
        """Return the arguments of `generate_content`."""
        contents, systems = _contents(prompt)
        config = {key: value for key, value in (options.get("config") or {}).items() if value is not None}
        instruction = config.get("system_instruction")
        if systems:
            config["system_instruction"] = "\n\n".join(
                ([instruction] if isinstance(instruction, str) else []) + systems
            )
        return {"model": self.name, "contents": contents, "config": config or None}

    def resource(self, client: Any) -> Any:
        """Return the part of a client that makes requests."""
        return client.models

    def ask(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Send a request, and return its reply or an awaitable of it."""
        return self.resource(client).generate_content(**arguments)

    def chunks(self, client: Any, arguments: dict[str, Any]) -> Generator[Any, None, None]:
        """Yield the SDK's chunks."""
        with contextlib.closing(self.resource(client).generate_content_stream(**arguments)) as chunks:
            yield from chunks

    async def achunks(self, client: Any, arguments: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Yield the SDK's chunks without blocking the event loop."""
        chunks = await self.resource(client).generate_content_stream(**arguments)
        async with contextlib.aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    def connected(self, *, is_async: bool) -> Any:
        """Return a client for the Gemini API, even if the environment selects Vertex AI.

        It gets its own HTTP client, because the SDK can choose aiohttp, which has no hooks.
        """
        sdk, endpoint = self.sdk(), self.endpoint
        http = _http()
        arguments = {**endpoint.http_arguments(is_async=is_async), "follow_redirects": True}
        own = "httpx_async_client" if is_async else "httpx_client"
        http_client = (http.AsyncClient if is_async else http.Client)(**arguments)
        options: dict[str, Any] = {
            "base_url": endpoint.base_url,
            "timeout": round(endpoint.timeout_s * 1000),
            own: http_client,
        }
        if endpoint.max_retries:
            options["retry_options"] = {"attempts": endpoint.max_retries + 1}
        client = sdk.Client(api_key=endpoint.key, vertexai=False, http_options=options)
        return _Connection(client.aio if is_async else client, client, http_client)

    def disconnect(self, client: Any) -> None:
        """Close a client and its HTTP client."""
        client.whole.close()
        client.http.close()

    async def adisconnect(self, client: Any) -> None:
        """Close an asynchronous client."""
        await client.whole.aio.aclose()
        client.whole.close()
        await client.http.aclose()

    def sdk(self) -> Any:
        """Import `google.genai`."""
        try:
            from google import genai  # type: ignore[import-not-found,import-untyped,unused-ignore]  # a second that others need not pay
        except ImportError as error:
            raise missing_extra(f"model {self.name!r}", "google-genai", "google") from error
        return genai


class _Connection:
    """A client with the objects that it doesn't close."""

    def __init__(self, client: Any, whole: Any, http: Any) -> None:
        self.models = client.models
        self.whole = whole
        self.http = http


def _http() -> Any:
    """Return the HTTP library of the installed SDK: `httpx2` since version 3, `httpx` before.

    Both can be installed, and the SDK accepts clients of its own library only.
    """
    sdk = import_module("google.genai._api_client")
    return getattr(sdk, "httpx2", None) or sdk.httpx


def _contents(prompt: PromptLike) -> tuple[list[Any], list[str]]:
    """Return the messages of a prompt as contents, and its system prompts."""
    elements = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(elements, (list, tuple)) or not elements:
        raise InvalidArgument(
            f"prompt={clip(repr(prompt))}: expected a str, or a list of at least one message"
        )
    contents: list[Any] = []
    systems: list[str] = []
    for index, member in enumerate(elements):
        element = member.element if isinstance(member, RawMessage) else member
        if isinstance(element, str):
            contents.append({"role": "user", "parts": [{"text": element}]})
        elif _is_content(element):
            contents.append(element)
        else:
            (turn,) = messages([element])
            text = _text(turn.get("content"), index)
            role = turn.get("role")
            if role in _SYSTEMS:
                systems.append(text)
            elif role in _ROLES:
                contents.append({"role": _ROLES[role], "parts": [{"text": text}]})
            else:
                raise InvalidArgument(
                    f"prompt[{index}]: expected the role 'system', 'user', or 'assistant', or a content with parts, got {clip(repr(role))}"
                )
    return contents, systems


def _is_content(element: object) -> bool:
    """Return whether an element is Gemini's own: a content, a part, or a list of parts."""
    if isinstance(element, Mapping):
        return "content" not in element
    return isinstance(element, list) or not hasattr(element, "content")


def _text(content: object, index: int) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, (list, tuple)) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidArgument(
            f"prompt[{index}]: expected a str, or a Gemini content such as {{'role': ..., 'parts': [...]}}"
        )
    return "\n".join(text for text in texts if text is not None)
