# SPDX-License-Identifier: Apache-2.0
"""Replies that the local model really gave, for a demo without it: `replies.jsonl`, written by a benchmark's script.

Its first line says of which model and of what day they are; each line after it is a reply and the hash of the prompt
that it is to. A prompt that reads otherwise than on that day has no reply, and that is an error.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.models.interface import messages
from schema_guard.models.scripted import ScriptedModel, prompt_text
from schema_guard.text import hex_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.values import Attempt

FILE = Path(__file__).with_name("replies.jsonl")


class RecordedModel(NamedTuple):
    """A model that gives recorded replies.

    Attributes:
        model: Its name says that they are recorded.
        day: On which they were, ISO 8601.
    """

    model: ScriptedModel
    day: str


def recorded_model() -> RecordedModel:
    """Return the model whose replies were recorded."""
    about, *lines = map(json.loads, FILE.read_text(encoding="utf-8").splitlines())
    replies = [(partial(_is_of, line.pop("prompt")), line) for line in lines]
    return RecordedModel(
        ScriptedModel(replies, name=f"{about['model']}, recorded {about['day']}"), about["day"]
    )


def write_replies(model: str, day: str, attempts: Iterable[Attempt]) -> None:
    """Write the file anew.

    Args:
        model: Name of the model that was asked.
        day: On which it was, ISO 8601.
        attempts: What it replied to what.
    """
    lines: list[dict[str, Any]] = [{"model": model, "day": day}]
    lines += [_line(attempt) for attempt in attempts]
    FILE.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def _line(attempt: Attempt) -> dict[str, Any]:
    usage = attempt.usage
    return {
        "prompt": hex_digest(prompt_text(messages(attempt.prompt or "")), 16),
        "reply": attempt.reply,
        "finish_reason": attempt.finish_reason,
        "usage": {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens},
    }


def _is_of(digest: str, prompt: str) -> bool:
    return hex_digest(prompt, 16) == digest
