# SPDX-License-Identifier: Apache-2.0
"""Read the requested format of a request in the terms of the providers' APIs: a schema or a turn of tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from schema_guard.configuration.thinking import THINKING, thinking
from schema_guard.providers.options import PROVIDER_OPTIONS

SAMPLING: Final = ("temperature", "top_p")
# Providers that always enforce a schema.
_STRICT_BY_THEMSELVES: Final = frozenset(
    {"anthropic", "gemini", "vertex_ai", "bedrock", "ollama", "ollama_chat"}
)
_FORCING: Final = frozenset({"required", "any"})


class Requested(NamedTuple):
    """The format that a request asks for.

    Attributes:
        source: The schema that was sent, or a class; None for a turn of tools.
        name: Name under which it was sent.
        mode: Strategy by which it was requested.
        tool: Name of the tool that must be called; None if none is forced.
        tools: All tools that the model may call.
    """

    source: Any
    name: str | None = None
    mode: str = "bare"
    tool: str | None = None
    tools: tuple[Any, ...] = ()


def requested(options: Mapping[str, Any], provider: str | None = None) -> Requested | None:
    """Read the arguments of a request to OpenAI's API, the Responses API, or Anthropic's API.

    Args:
        options: `response_format`, or `text`; `tools` and `tool_choice`.
        provider: Provider whose server receives it; None if unknown.

    Returns:
        The schema of the response format. Without one, the schema of the only tool, if it is forced. With other tools,
        a turn of tools. None without a format or tools.
    """
    tools = _listed(options.get("tools")) + _listed(options.get("functions"))
    request = _of_format(options.get("response_format"), provider) or _of_text(options.get("text"), provider)
    if request is not None:
        return request._replace(tools=tools)
    choice = options.get("tool_choice", options.get("function_call"))
    return forced(tools, choice) or (Requested(None, tools=tools) if tools else None)


def forced(tools: tuple[Any, ...], choice: Any) -> Requested | None:
    """Return the schema of the tool that a request forces; None if it forces none, or one of several."""
    name = _chosen(choice)
    if name is None and len(tools) == 1 and _word(choice) in _FORCING:
        name = _tool(tools[0])[0]
    if name is None:
        return None
    for tool in tools:
        own, schema = _tool(tool)
        if own == name and isinstance(schema, Mapping):
            return Requested(dict(schema), name, "tool_call", name)
    return None


def provider_of(name: object, *, is_responses: bool = False) -> str | None:
    """Return the provider if its arguments are known.

    Args:
        name: The framework's name for it.
        is_responses: Whether the request is for the Responses API.
    """
    if name == "openai" and is_responses:
        return "openai-responses"
    return name if isinstance(name, str) and name in PROVIDER_OPTIONS else None


def options_of(options: Mapping[str, Any], names: Sequence[str] = SAMPLING) -> dict[str, Any]:
    """Return the few settings of a request that change its result, including those for thinking."""
    sampling = {
        name: options[name]
        for name in names
        if isinstance(options.get(name), int | float) and not isinstance(options[name], bool)
    }
    thought = thinking(options, bounded=True)
    return sampling if thought is None else {**sampling, THINKING: thought}


def _of_format(response_format: Any, provider: str | None) -> Requested | None:
    if isinstance(response_format, type):
        return Requested(response_format, response_format.__name__, "strict_schema")
    if not isinstance(response_format, Mapping):
        return None
    if response_format.get("type") == "json_object":
        # The arguments of litellm for Gemini.
        schema = response_format.get("response_schema") or response_format.get("schema")
        return Requested(dict(schema), None, "strict_schema") if isinstance(schema, Mapping) else None
    return _of_json_schema(response_format.get("json_schema"), provider)


def _of_text(text: Any, provider: str | None) -> Requested | None:
    text_format = text.get("format") if isinstance(text, Mapping) else None
    if isinstance(text_format, Mapping) and text_format.get("type") == "json_schema":
        return _of_json_schema(text_format, provider)
    return None


def _of_json_schema(json_schema: Any, provider: str | None) -> Requested | None:
    if not isinstance(json_schema, Mapping) or not isinstance(json_schema.get("schema"), Mapping):
        return None
    name = json_schema.get("name")
    # Only OpenAI's API treats a schema as a hint, unless the request says strict.
    strict = json_schema.get("strict") is True or provider in _STRICT_BY_THEMSELVES
    return Requested(
        dict(json_schema["schema"]),
        name if isinstance(name, str) else None,
        "strict_schema" if strict else "json_mode",
    )


def _listed(tools: Any) -> tuple[Any, ...]:
    return tuple(tools) if isinstance(tools, list | tuple) else ()


def _tool(tool: Any) -> tuple[str | None, Any]:
    """Return a tool's name and schema, in the format of OpenAI's APIs or of Anthropic's."""
    function = tool.get("function", tool) if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping):
        return None, None
    name = function.get("name")
    return (name if isinstance(name, str) else None), function.get("parameters", function.get("input_schema"))


def _chosen(choice: Any) -> str | None:
    """Return the name of the tool that a choice forces."""
    if not isinstance(choice, Mapping):
        return None
    function = choice.get("function", choice)
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else None


def _word(choice: Any) -> str | None:
    word = choice.get("type") if isinstance(choice, Mapping) else choice
    return word if isinstance(word, str) else None
