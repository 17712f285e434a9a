# SPDX-License-Identifier: Apache-2.0
"""The files of an improved prompt: `prompt.md`, and `examples.jsonl` beside it.

Rules:
1. The text that is read is the text that was written, byte for byte.
2. The file has the digest of text and examples. A prompt that was edited after its proof is used, with a warning.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.recorded_settings import LAYOUTS
from schema_guard.errors import InvalidArgument
from schema_guard.preparing.improved_prompt import ImprovedPrompt
from schema_guard.prompting import Example
from schema_guard.strategies import STRATEGIES
from schema_guard.text import clip, hex_digest, reason_of

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from schema_guard.configuration.recorded_settings import Layout

PROMPT_FILE, EXAMPLES_FILE = "prompt.md", "examples.jsonl"
_BORDER = "---\n"
_KEYS = ("strategy", "layout", "schema", "digest")
_NAME = "params.prompt_file"


def digest_of(
    strategy: str, layout: Layout, schema_fingerprint: str, instructions: str, examples: Sequence[Example]
) -> str:
    """Return 12 hex digits of all that a prompt sends."""
    shown = [[example.task, example.value] for example in examples]
    return hex_digest(json.dumps([strategy, layout, schema_fingerprint, instructions, shown]), 12)


def write_prompt(
    folder: Path,
    *,
    strategy: str,
    layout: Layout,
    schema_fingerprint: str,
    instructions: str,
    examples: Sequence[Example],
) -> Path:
    """Write a prompt and its examples into a folder, and return the path of `prompt.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = digest_of(strategy, layout, schema_fingerprint, instructions, examples)
    head = dict(zip(_KEYS, (strategy, layout, schema_fingerprint, digest), strict=True))
    lines = "".join(f"{key}: {value}\n" for key, value in head.items())
    path = folder / PROMPT_FILE
    path.write_text(f"{_BORDER}{lines}{_BORDER}{instructions}\n", encoding="utf-8", newline="\n")
    rows = [
        json.dumps({"input": example.task, "output": example.value}, ensure_ascii=False)
        for example in examples
    ]
    (folder / EXAMPLES_FILE).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8", newline="\n")
    return path


def read_prompt(path: str | os.PathLike[str]) -> ImprovedPrompt:
    """Read a prompt and its examples.

    Raises:
        InvalidArgument: The file can't be read, or `schema-guard improve` did not write it.
    """
    where = f"{_NAME}={clip(repr(path))}"
    try:
        file = Path(path)
        text = file.read_bytes().decode()
        examples_file = file.with_name(EXAMPLES_FILE)
        rows = examples_file.read_bytes().decode() if examples_file.exists() else ""
    except (OSError, TypeError, ValueError) as error:
        raise InvalidArgument(
            f"{where}: expected a prompt.md that `schema-guard improve` wrote, but reading it failed: {reason_of(error)}"
        ) from error
    head, border, body = text.removeprefix(_BORDER).partition(f"\n{_BORDER}")
    fields = dict(line.partition(": ")[::2] for line in head.split("\n"))
    is_whole = text.startswith(_BORDER) and border and set(fields) == set(_KEYS)
    if not is_whole or fields["strategy"] not in STRATEGIES or fields["layout"] not in LAYOUTS:
        raise InvalidArgument(
            f"{where}: expected a prompt.md that `schema-guard improve` wrote, with the keys {', '.join(_KEYS)} between two '---' lines at the start. Got {clip(repr(text))}"
        )
    layout: Layout = next(one for one in LAYOUTS if one == fields["layout"])
    strategy, fingerprint = fields["strategy"], fields["schema"]
    instructions = body.removesuffix("\n")
    examples = tuple(_examples(rows, where))
    digest = digest_of(strategy, layout, fingerprint, instructions, examples)
    if digest != fields["digest"]:
        logging.getLogger("schema_guard").warning(
            "guard: %s or its examples were edited after `schema-guard improve` measured them",
            clip(str(path)),
        )
    return ImprovedPrompt(str(path), strategy, layout, fingerprint, instructions, examples, digest)


def _examples(text: str, where: str) -> list[Example]:
    examples = []
    for number, line in enumerate(filter(None, text.split("\n")), start=1):
        try:
            row: Any = json.loads(line)
            examples.append(Example(row["output"], row["input"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InvalidArgument(
                f'{where}: {EXAMPLES_FILE}, line {number}: expected {{"input": ..., "output": ...}}, got {clip(line)}'
            ) from error
    return examples
