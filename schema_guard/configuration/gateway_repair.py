# SPDX-License-Identifier: Apache-2.0
"""Gateways that repair replies before they come, as they are seen in a request.

Rules: what repairs is a part of the settings, so that calls through it are a configuration of their own. Whether a reply
was repaired no gateway tells: of none of these calls it is known what the model wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schema_guard.configuration.recorded_settings import parsed

__all__ = ["GATEWAY_REPAIRED", "PLUGINS", "in_words", "repairers", "repairers_of"]

GATEWAY_REPAIRED = "gateway_repaired"
"""The key of the settings: what repairs replies, a list of names."""

# Of OpenRouter and LLM Gateway (the first), and of orq.ai (the second), read in their documentation on 2026-11-26.
PLUGINS = ("response-healing", "response_healing")
"""What is named in the `plugins` of a request to have its reply repaired."""


def repairers(options: Any) -> tuple[str, ...]:
    """Give what the arguments of a request name that repairs its reply; empty for nothing, and for what is no mapping.

    >>> repairers({"extra_body": {"plugins": [{"id": "response-healing"}]}})
    ('response-healing',)
    >>> repairers({"plugins": [{"id": "response-healing", "enabled": False}]})
    ()
    """
    if not isinstance(options, Mapping):
        return ()
    found: list[str] = []
    for holder in (options, options.get("extra_body")):
        plugins = holder.get("plugins") if isinstance(holder, Mapping) else None
        for plugin in plugins if isinstance(plugins, list | tuple) else ():
            name = plugin.get("id") if isinstance(plugin, Mapping) else plugin
            is_off = isinstance(plugin, Mapping) and plugin.get("enabled") is False
            if isinstance(name, str) and name in PLUGINS and not is_off:
                found.append(name)
    return tuple(dict.fromkeys(found))


def repairers_of(settings: str | None) -> tuple[str, ...]:
    """Return what a configuration's settings say of it; empty for nothing, and for settings that are no JSON object."""
    found = parsed(settings).get(GATEWAY_REPAIRED)
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list) else ()


def in_words(names: tuple[str, ...]) -> str:
    """Return what it does to rates."""
    return (
        f"replies may be repaired by {', '.join(names)} before they come: clean, valid first time and failed are those of model "
        "and gateway together, and the model's own are not known"
    )
