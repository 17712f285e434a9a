"""The worker of prefix.py for genlm-control. It runs in its own environment, because genlm-control takes 1.8 GB.

The process reads lines of JSON, `{"schema": ..., "texts": [...], "width": 16}`, and answers each with one line. The
answer has the number of characters at which each text was stopped, null if it was not, or the reason why the schema was
refused.
"""

import asyncio
import json
import sys
from time import process_time
from typing import Any

from genlm.control import JsonSchema

# Limit of one text. A text that takes longer counts as not stopped.
MOST_S = 20.0


async def stopped(checker: Any, text: str, width: int) -> int | None:
    """Return the number of characters at which a text was stopped. None if it was not, or if it took too long."""
    started = process_time()
    for end in [*range(width, len(text), width), len(text)]:
        if await checker.prefix(text[:end].encode()) == float("-inf"):
            return end
        if process_time() - started > MOST_S:
            return None
    return None


async def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one line."""
    try:
        checker = JsonSchema(asked["schema"])
    except Exception as error:  # noqa: BLE001 - it refuses a schema in ways of its own
        return {"refused": f"{type(error).__name__}: {error}"[:200]}
    came: list[int | None] = []
    started = process_time()
    for text in asked["texts"]:
        try:
            came.append(await stopped(checker, text, asked["width"]))
        except Exception:  # noqa: BLE001 - what it cannot read it does not stop
            came.append(None)
    return {"came": came, "seconds": process_time() - started}


for line in sys.stdin:
    print(json.dumps(asyncio.run(answer(json.loads(line)))), flush=True)
