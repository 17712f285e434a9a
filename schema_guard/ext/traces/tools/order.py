# SPDX-License-Identifier: Apache-2.0
"""Which tool a file is from: told by its rows, unless its user says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.ext.traces.tools.langfuse import Langfuse
from schema_guard.ext.traces.tools.mlflow import MLflow
from schema_guard.ext.traces.tools.openai_evals import OpenAIEvals
from schema_guard.ext.traces.tools.phoenix import Phoenix
from schema_guard.ext.traces.tools.plain_rows import Plain
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.ext.traces.stored_reply import Tool

__all__ = ["TOOLS", "tool_of", "tools"]

# `Plain` fits all rows with a reply, so it is the last one.
_BEFORE_PLAIN = (MLflow, Phoenix, OpenAIEvals, Langfuse)
TOOLS = (*(kind.name for kind in _BEFORE_PLAIN), Plain.name)
_MOST_KEYS = 8


def tools(columns: Mapping[str, str] | None = None) -> dict[str, Tool]:
    """Give all tools by their names, those first whose rows nobody else has.

    Raises:
        InvalidArgument: A column is of no field.
    """
    known: list[Tool] = [kind() for kind in _BEFORE_PLAIN]
    return {tool.name: tool for tool in (*known, Plain(columns))}


def tool_of(row: Mapping[str, Any], known: Mapping[str, Tool], place: str) -> Tool:
    """Give the tool that a row is of.

    Raises:
        InvalidArgument: It is of none.
    """
    for tool in known.values():
        if tool.fits(row):
            return tool
    keys = ", ".join(clip(key, 30) for key in list(row)[:_MOST_KEYS])
    near = did_you_mean("reply", list(row))
    raise InvalidArgument(
        f"{clip(place)}: no tool is recognized by these keys: {keys}. Name the tool with --from TOOL, or for your "
        f"own rows the place of the reply with --from jsonl --field reply=PLACE{near}"
    )
