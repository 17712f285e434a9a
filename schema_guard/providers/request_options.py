# SPDX-License-Identifier: Apache-2.0
"""What a row of `PROVIDER_OPTIONS` says, and the parts of a schema that rows write.

Rules: every call of a row's functions gives a new dict; nothing in it is shared with the schema or with another
call; a row says what the provider takes, not what is good for it.
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
    """Return arguments of OpenAI's form in which the model may choose whether it calls a tool."""
    choice = options.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, Mapping) else choice
    return dict(options) if kind in (None, "auto", "none") else {**options, "tool_choice": "auto"}


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """What a provider or engine takes.

    Attributes:
        limit: Name of the argument for the most tokens of output; `config.NAME` stands in the argument `config`. `""` for
            a model that writes no text.
        formats: For each strategy that has arguments, the function that makes them from a schema.
        refuses_force: Tells by the arguments of a request and the model's name, None where nobody knows it, whether a
            tool that is forced would be refused; None where that never is.
        unforced: Gives the arguments of a request with the choice left to the model, where one forces a tool.
        enforces: The strategies whose schema is more than a hint: it has to be in a form that is taken.
    """

    limit: str
    formats: Mapping[str, Arguments]
    enforces: frozenset[str] = frozenset({"strict_schema"})
    refuses_force: Callable[[Mapping[str, Any], str | None], bool] | None = None
    unforced: Callable[[Mapping[str, Any]], dict[str, Any]] = left_to_choose


def switched(options: Mapping[str, Any], name: str) -> str:
    """Return the `type` of an argument that switches something on or off; `""` without one.

    It stands among the arguments, or in `extra_body` where the package has no name for it.
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
    """Return the name by which a schema is sent."""
    # OpenAI takes [A-Za-z0-9_-]{1,64}: "urn:invoice:2" goes as "urn_invoice_2".
    return re.sub(r"[^A-Za-z0-9_-]+", "_", schema.name).strip("_")[:64] or "reply"


def document_of(schema: Schema[Any]) -> dict[str, Any]:
    """Return a copy of a schema's document as an object: providers take no boolean schema."""
    if isinstance(schema.document, bool):
        return {} if schema.document else {"not": {}}
    document: dict[str, Any] = copy.deepcopy(schema.document)
    return document
