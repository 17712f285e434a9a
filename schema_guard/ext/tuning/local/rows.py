# SPDX-License-Identifier: Apache-2.0
"""The rows of a training set, in whichever host's spelling, as a task and its answer."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.export.values import MANIFEST
from schema_guard.ext.tuning.jobs.state import check_format
from schema_guard.text import clip

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SftRow", "manifest_of", "read_rows"]

# What a row of preferences has, in the spellings of the hosts that tune on them.
_PREFERENCES = frozenset({"chosen", "rejected", "preferred_output", "non_preferred_output"})


class SftRow(NamedTuple):
    """A task and the answer to it.

    Attributes:
        prompt: The messages before the answer, each with `role` and `content`, both texts.
        answer: The text of the answer.
    """

    prompt: list[dict[str, str]]
    answer: str


def manifest_of(directory: Path) -> dict[str, Any]:
    """Give the manifest of a training set.

    Raises:
        InvalidArgument: There is none, or it is of preferences.
    """
    path = directory / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"{path}: cannot be read: {error}: expected the manifest of a training set, "
            "which 'schema-guard tune prepare' writes"
        ) from error
    if not isinstance(manifest, dict):
        raise InvalidArgument(f"{path}: expected an object, got {type(manifest).__name__}")
    check_format(manifest, path)
    files = manifest.get("files", {})
    if not isinstance(files, dict) or not all(isinstance(file, dict) for file in files.values()):
        raise InvalidArgument(
            f"{path}: at /files: expected an object with the files, got {clip(repr(files))}"
        )
    if manifest.get("form", "sft") != "sft":
        raise InvalidArgument(
            f"{path}: a training set of form {manifest['form']!r}: the local backend learns answers, not "
            "preferences: export it with --method sft"
        )
    return manifest


def read_rows(directory: Path, part: str, manifest: dict[str, Any]) -> list[SftRow]:
    """Give the rows of `PART.jsonl`; none where there is no such file.

    Args:
        directory: Of the training set.
        part: `train` or `validation`.
        manifest: That of the set. The SHA-256 that it has of the file, if it has one, must be the file's.

    Raises:
        InvalidArgument: The file is not the manifest's, or a line is no row; the message names it.
    """
    path = directory / f"{part}.jsonl"
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    expected = manifest.get("files", {}).get(part, {}).get("sha256")
    if expected and hashlib.sha256(text).hexdigest() != expected:
        raise InvalidArgument(
            f"{path}: is not the file that {MANIFEST} was written with (another SHA-256): export anew"
        )
    lines = enumerate(text.splitlines(), start=1)
    return [_row(line, f"{path}, line {number}") for number, line in lines if line.strip()]


def _row(line: bytes, where: str) -> SftRow:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{where}: no JSON: {error}") from error
    if not isinstance(row, dict):
        raise InvalidArgument(f"{where}: expected an object, got {type(row).__name__}")
    if _PREFERENCES & row.keys():
        raise InvalidArgument(
            f"{where}: a row of preferences: the local backend learns answers: export with --method sft"
        )
    messages = _messages(row, where)
    if len(messages) < 2 or messages[-1]["role"] != "assistant" or not messages[-1]["content"]:
        raise InvalidArgument(f"{where}: expected a task and, as its last message, the assistant's answer")
    return SftRow(messages[:-1], messages[-1]["content"])


def _messages(row: dict[str, Any], where: str) -> list[dict[str, str]]:
    """Give the messages of a row: `messages`, with `system` apart or not, or `prompt` and `completion`."""
    if "prompt" in row and "completion" in row:
        messages = [*_turns(row["prompt"], "user"), *_turns(row["completion"], "assistant")]
    elif "messages" in row:
        system = _turns(row["system"], "system") if row.get("system") else []
        messages = [*system, *_turns(row["messages"], "user")]
    else:
        raise InvalidArgument(
            f"{where}: expected the key 'messages', or 'prompt' and 'completion', got {sorted(row)[:5]}"
        )
    return [
        {"role": _text(message.get("role"), where), "content": _content(message, where)}
        for message in messages
    ]


def _turns(content: Any, role: str) -> list[dict[str, Any]]:
    """Give what stands in a row as a list of messages: a text is one, and so are Bedrock's parts without a role."""
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    parts = content if isinstance(content, list) else [None]
    if parts and all(isinstance(part, dict) and "role" not in part and "text" in part for part in parts):
        return [{"role": role, "content": parts}]
    return [part if isinstance(part, dict) else {} for part in parts]


def _content(message: dict[str, Any], where: str) -> str:
    content = message.get("content")
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) else None for part in content]
        return "".join(_text(text, where) for text in texts)
    return _text(content, where)


def _text(text: Any, where: str) -> str:
    if not isinstance(text, str):
        raise InvalidArgument(
            f"{where}: expected messages with a text as 'role' and as 'content', got {type(text).__name__}"
        )
    return text
