# SPDX-License-Identifier: Apache-2.0
"""The values of `PROVIDER_OPTIONS`, and the parts of a schema that they write.

Rules: Each call of a row's functions returns a new dict. It shares nothing with the schema or with another call. A row
states what the provider accepts, not what works well.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.schema import Schema

# Arguments that hold others. They are joined part by part.
_BAGS = frozenset(
    {"config", "extra_body", "extra_headers", "extra_query", "inferenceConfig", "output_config", "text"}
)

Arguments: TypeAlias = "Callable[[Schema[Any]], dict[str, Any]]"


def left_to_choose(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments in OpenAI's form, in which the model may choose whether to call a tool."""
    choice = options.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, Mapping) else choice
    return dict(options) if kind in (None, "auto", "none") else {**options, "tool_choice": "auto"}


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """Arguments that a provider or engine accepts.

    Attributes:
        limit: Name of the argument for the output limit in tokens. `config.NAME` means a key of the argument `config`.
            `""` for a model that writes no text.
        formats: For each strategy that has arguments, the function that builds them from a schema.
        refuses_force: Returns whether a forced tool call would be rejected, from the arguments of a request and the
            model's name (None if it is not known). None if forced calls are never rejected.
        unforced: Returns the arguments of a request without a forced tool call.
        enforces: The strategies whose schema is enforced, so it must be in a form that the provider accepts.
    """

    limit: str
    formats: Mapping[str, Arguments]
    enforces: frozenset[str] = frozenset({"strict_schema"})
    refuses_force: Callable[[Mapping[str, Any], str | None], bool] | None = None
    unforced: Callable[[Mapping[str, Any]], dict[str, Any]] = left_to_choose


def switched(options: Mapping[str, Any], name: str) -> str:
    """Return the `type` of an argument that switches a feature on or off. `""` without one.

    The argument may also be in `extra_body`, if the package has no name for it.
    """
    for holder in (options, options.get("extra_body")):
        found = holder.get(name) if isinstance(holder, Mapping) else None
        kind = found.get("type") if isinstance(found, Mapping) else None
        if isinstance(kind, str):
            return kind
    return ""


def joined_options(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return both as a new dict, in which the second wins. Arguments that hold others are joined part by part."""
    both = {**first, **second}
    for name in _BAGS & first.keys() & second.keys():
        if isinstance(first[name], Mapping) and isinstance(second[name], Mapping):
            both[name] = {**first[name], **second[name]}
    return both


def paths_of(options: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the keys of options. For arguments that hold others, return the paths to their keys."""
    paths: list[tuple[str, ...]] = []
    for key, value in options.items():
        paths += [(key, inner) for inner in value] if key in _BAGS else [(key,)]
    return paths


def wire_name(schema: Schema[Any]) -> str:
    """Return the name with which a schema is sent."""
    # OpenAI accepts [A-Za-z0-9_-]{1,64}. "urn:invoice:2" is sent as "urn_invoice_2".
    return re.sub(r"[^A-Za-z0-9_-]+", "_", schema.name).strip("_")[:64] or "reply"


def document_of(schema: Schema[Any]) -> dict[str, Any]:
    """Return a copy of a schema's document as an object, because providers accept no boolean schema."""
    if isinstance(schema.document, bool):
        return {} if schema.document else {"not": {}}
    document: dict[str, Any] = copy.deepcopy(schema.document)
    return document
