# SPDX-License-Identifier: Apache-2.0
"""A model behind Anthropic's Messages API, which uses the `anthropic` package.

The system prompt is an argument of the API, not a message. Each request must have an output limit.
"""

from __future__ import annotations

from inspect import signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from schema_guard.models.hosted import HostedModel
from schema_guard.models.interface import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.models.interface import PromptLike

# The API has no default limit. The longest replies of the built-in suite have a tenth of these tokens. An unused limit
# costs nothing.
OUTPUT_TOKENS = 8192

_SYSTEMS = ("system", "developer")


class AnthropicModel(HostedModel):
    """A model behind Anthropic's Messages API."""

    ours = ("messages", "stream")
    package, client_class = "anthropic", "Anthropic"
    own_defaults: Mapping[str, Any] = MappingProxyType({"max_tokens": OUTPUT_TOKENS})

    def arguments(self, prompt: PromptLike, options: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
        """Return the arguments of `create`."""
        turns = messages(prompt)
        systems = [turn["content"] for turn in turns if turn.get("role") in _SYSTEMS]
        arguments = {
            "model": self.name,
            "messages": [turn for turn in turns if turn.get("role") not in _SYSTEMS],
            **options,
            "system": _system([options["system"], *systems] if options.get("system") else systems),
        }
        if is_stream:
            arguments["stream"] = True
        # Newer versions of the package have no argument `temperature`, which older models accept.
        known = signature(self.sdk().resources.Messages.create).parameters
        others = {name: arguments.pop(name) for name in list(arguments) if name not in known}
        named = {name: value for name, value in others.items() if value is not None}
        if named:
            arguments["extra_body"] = {**named, **(arguments.get("extra_body") or {})}
        return arguments

    def resource(self, client: Any) -> Any:
        """Return the part of a client whose `create` makes a request."""
        return client.messages


def _system(parts: list[Any]) -> Any:
    """Return the system prompts as one argument: a text, or blocks. None without any."""
    if not parts:
        return None
    if all(isinstance(part, str) for part in parts):
        return "\n\n".join(parts)
    blocks = [[{"type": "text", "text": part}] if isinstance(part, str) else list(part) for part in parts]
    return [block for listed in blocks for block in listed]
