"""One request in each provider's own package, in every way in which it can be asked: whole, async, and as streams of both."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.public.ext.sdks.case import MODEL, turns
from tests.public.ext.sdks.table import installed

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.testing import Server


class WireApi(NamedTuple):
    """A package and one of its ways to ask.

    Attributes:
        package: The name that it is installed by.
        since: The first major version that is tried.
        module: The name that it is imported by.
        connect: Makes its client, sync or not, for a server: its module, the server, seconds to wait.
        ask: Asks a client: a prompt, options of the request; gives what the SDK gives.
        strict: The options that ask for a schema.
        tool: The options that force a tool.
    """

    package: str
    since: int
    module: str
    connect: Callable[[Any, Server, float, bool], Any]
    ask: Callable[..., Any]
    strict: Callable[[dict[str, Any]], dict[str, Any]]
    tool: Callable[[dict[str, Any]], dict[str, Any]]


def _openai(sdk: Any, server: Server, timeout_s: float, is_async: bool) -> Any:
    made = sdk.AsyncOpenAI if is_async else sdk.OpenAI
    return made(api_key="k", base_url=server.openai_url, max_retries=0, timeout=timeout_s)


def _anthropic(sdk: Any, server: Server, timeout_s: float, is_async: bool) -> Any:
    made = sdk.AsyncAnthropic if is_async else sdk.Anthropic
    return made(api_key="k", base_url=server.anthropic_url, max_retries=0, timeout=timeout_s)


def _google(sdk: Any, server: Server, timeout_s: float, is_async: bool) -> Any:
    options = {"base_url": server.google_url, "timeout": round(timeout_s * 1000)}
    client = sdk.Client(api_key="k", http_options=options)
    return client.aio if is_async else client


def _ask_chat(client: Any, prompt: str, *, stream: bool, **options: Any) -> Any:
    return client.chat.completions.create(model=MODEL, messages=turns(prompt), stream=stream, **options)


def _ask_responses(client: Any, prompt: str, *, stream: bool, **options: Any) -> Any:
    return client.responses.create(model=MODEL, input=prompt, stream=stream, **options)


def _ask_messages(client: Any, prompt: str, *, stream: bool, **options: Any) -> Any:
    return client.messages.create(
        model=MODEL, max_tokens=99, messages=turns(prompt), stream=stream, **options
    )


def _ask_contents(client: Any, prompt: str, *, stream: bool, **config: Any) -> Any:
    ask = client.models.generate_content_stream if stream else client.models.generate_content
    return ask(model=MODEL, contents=prompt, config=config or None)


def _strict_chat(schema: dict[str, Any]) -> dict[str, Any]:
    described = {"name": "reply", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _strict_responses(schema: dict[str, Any]) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_schema", "name": "reply", "schema": schema, "strict": True}}}


def _strict_messages(schema: dict[str, Any]) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def _strict_contents(schema: dict[str, Any]) -> dict[str, Any]:
    return {"response_mime_type": "application/json", "response_json_schema": schema}


def _tool_chat(schema: dict[str, Any]) -> dict[str, Any]:
    function = {"name": "give", "parameters": schema}
    choice = {"type": "function", "function": {"name": "give"}}
    return {"tools": [{"type": "function", "function": function}], "tool_choice": choice}


def _tool_responses(schema: dict[str, Any]) -> dict[str, Any]:
    tool = {"type": "function", "name": "give", "parameters": schema, "strict": False}
    return {"tools": [tool], "tool_choice": {"type": "function", "name": "give"}}


def _tool_messages(schema: dict[str, Any]) -> dict[str, Any]:
    tool = {"name": "give", "input_schema": schema, "eager_input_streaming": True}
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": "give"}}


def _tool_contents(schema: dict[str, Any]) -> dict[str, Any]:
    declared = {"name": "give", "parameters_json_schema": schema}
    calling = {"mode": "ANY", "allowed_function_names": ["give"]}
    return {
        "tools": [{"function_declarations": [declared]}],
        "tool_config": {"function_calling_config": calling},
    }


APIS = {
    "chat": WireApi("openai", 3, "openai", _openai, _ask_chat, _strict_chat, _tool_chat),
    "responses": WireApi("openai", 3, "openai", _openai, _ask_responses, _strict_responses, _tool_responses),
    "messages": WireApi(
        "anthropic", 2, "anthropic", _anthropic, _ask_messages, _strict_messages, _tool_messages
    ),
    "contents": WireApi(
        "google-genai", 3, "google.genai", _google, _ask_contents, _strict_contents, _tool_contents
    ),
}


def row_of(name: str) -> WireApi:
    """Give an API of `APIS` to a test, which is skipped where its package is not installed, or is too old."""
    import pytest

    api = APIS[name]
    result = installed(api.package)
    if result is None or int(result.partition(".")[0]) < api.since:
        pytest.skip(f"{api.package} >= {api.since} is not installed here")
    return api


def connected(api: WireApi, server: Server, *, timeout_s: float = 10.0, is_async: bool = False) -> Any:
    """Give a client for a server, that asks once."""
    return api.connect(import_module(api.module), server, timeout_s, is_async)


def function_of(api: WireApi, server: Server, way: str, *, timeout_s: float = 10.0, **options: Any) -> Any:
    """Return a function of a prompt that calls the package as its documentation does, in one of `HOWS`."""
    stream = "streamed" in way
    is_async = "async" in way
    client = connected(api, server, timeout_s=timeout_s, is_async=is_async)

    def ask(prompt: str) -> Any:
        return api.ask(client, prompt, stream=stream, **options)

    async def aask(prompt: str) -> Any:
        return await api.ask(client, prompt, stream=stream, **options)

    return aask if is_async else ask
