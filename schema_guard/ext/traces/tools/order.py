# SPDX-License-Identifier: Apache-2.0
"""The tools whose exports can be imported, and how to recognize the tool of a file."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.ext.traces.tools.langfuse import LANGFUSE
from schema_guard.ext.traces.tools.mlflow import MLFLOW
from schema_guard.ext.traces.tools.openai_evals import OPENAI_EVALS
from schema_guard.ext.traces.tools.phoenix import PHOENIX
from schema_guard.ext.traces.tools.plain_rows import PLAIN, plain_rows
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.ext.traces.files import Row
    from schema_guard.ext.traces.stored_reply import Tool

_BEFORE_PLAIN = (MLFLOW, PHOENIX, OPENAI_EVALS, LANGFUSE)
TOOLS = (*(tool.name for tool in _BEFORE_PLAIN), PLAIN)
_MOST_KEYS = 8


def tools(columns: Mapping[str, str]) -> tuple[Tool, ...]:
    """Return all tools. Plain rows are the last one, because they fit every row with a reply."""
    return (*_BEFORE_PLAIN, plain_rows(columns))


def tool_of(row: Row, known: Sequence[Tool], name: str | None) -> Tool:
    """Return the tool that wrote a row.

    Args:
        row: The first row of a file.
        known: The tools, as `tools` returns them.
        name: Name of the tool. Default: the first one whose format the row has.

    Raises:
        InvalidArgument: No tool writes such rows, or the named one does not.
    """
    for tool in known:
        if name in (None, tool.name) and tool.fits(row.value):
            return tool
    keys = ", ".join(clip(key, 30) for key in islice(row.value, _MOST_KEYS))
    if name is not None:
        raise InvalidArgument(
            f"{clip(row.place)}: expected a row of {name}, got a row with the keys {keys}. To detect the tool, use --from auto"
        )
    raise InvalidArgument(
        f"{clip(row.place)}: the keys {keys} match no known tool. Name the tool with --from TOOL. For "
        "your own rows, name the path of the reply with --from jsonl --field reply=PATH"
    )
