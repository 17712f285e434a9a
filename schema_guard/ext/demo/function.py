# SPDX-License-Identifier: Apache-2.0
"""The function of the demo, as a user would write it. The demo prints and runs the same code."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from schema_guard.decorator import guard
from schema_guard.ext.playbook.inputs import read_texts

if TYPE_CHECKING:
    from schema_guard.guarded import Guarded
    from schema_guard.models import Model
    from schema_guard.records import Store

# Shown from here.
EVENT = {
    "title": "Event",
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 30},
        "date": {"type": "string", "format": "date"},
        "minutes": {"type": "integer", "minimum": 5, "maximum": 480},
    },
    "required": ["title", "date", "minutes"],
    "additionalProperties": False,
}
SHOWN = [
    ("Call, 12 January 2026, 15 min.", {"title": "Call", "date": "2026-01-12", "minutes": 15}),
    ("Standup, 2026/07/01, a quarter of an hour", {"title": "Standup", "date": "2026-07-01", "minutes": 15}),
]
# To here.
BEFORE = ({"role": "system", "content": ""},)


def notice_reader(model: Model, store: Store) -> Guarded[..., Any, Any]:
    """Return the function, guarded, on a model and with a store."""

    @guard(EVENT, strategy="few_shot", examples=SHOWN, max_attempts=2, name="read_notice", store=store)
    def read_notice(messages: list[dict[str, str]]) -> Any:
        return model(messages, options={"max_tokens": 128})

    reader: Guarded[..., Any, Any] = read_notice
    return reader


def code_of(reader: Guarded[..., Any, Any]) -> str:
    """Return the source of the function, and of the values that it uses."""
    module = inspect.getsource(inspect.getmodule(notice_reader))  # type: ignore[arg-type]
    values = module.partition("# Shown from here.\n")[2].partition("# To here.\n")[0]
    return f"{values}\n\n{dedent(inspect.getsource(inspect.unwrap(reader)))}"


def messages_of(notice: str) -> list[dict[str, str]]:
    """Return the messages that the function is called with."""
    return [*BEFORE, {"role": "user", "content": notice}]


@cache
def notices() -> tuple[str, ...]:
    """Return the texts for the function, all different."""
    return tuple(read_texts(Path(__file__).with_name("notices.jsonl")))
