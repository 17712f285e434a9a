# SPDX-License-Identifier: Apache-2.0
"""Replies that the local model really gave, for a demo without it: `replies.jsonl`, written by a benchmark's script.

Its first line says of which model and of what day they are; each line after it is a reply and the hash of the prompt
that it is to. A prompt that reads otherwise than on that day has no reply, and that is an error.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from schema_guard.models.scripted import ScriptedModel
from schema_guard.text import hex_digest

FILE = Path(__file__).with_name("replies.jsonl")


def recorded_model() -> tuple[ScriptedModel, str]:
    """Return the model whose replies were recorded, and the day of the recording, as ISO 8601."""
    about, *lines = map(json.loads, FILE.read_text(encoding="utf-8").splitlines())
    replies = [(partial(_is_of, line.pop("prompt")), line) for line in lines]
    return ScriptedModel(replies, name=f"{about['model']}, recorded {about['day']}"), about["day"]


def _is_of(digest: str, prompt: str) -> bool:
    return hex_digest(prompt, 16) == digest
