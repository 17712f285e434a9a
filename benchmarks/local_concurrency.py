"""Make two hundred calls at once of a user's own functions around the real OpenAI client, against the local model.

    python benchmarks/local_concurrency.py [--calls 200] [--output benchmarks/results/FILE.json]

Half of the calls are of an `async` function under `asyncio.gather`, and half of a plain function in a pool of threads.
The script checks that no record is lost: the store has every attempt that a call reports once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai

from schema_guard import connect, guard, open_store

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
PROMPTS = 'Reply with the JSON object {{"n": {number}}}'


def outcomes(model: Any, store: Any, calls: int) -> list[Any]:
    """Make the calls, and return their outcomes."""
    where: dict[str, Any] = {
        "base_url": model.endpoint.base_url,
        "api_key": model.endpoint.api_key,
        "timeout": 600,
    }
    settings: dict[str, Any] = {"model": model.name, "max_tokens": 16, "temperature": 0}
    half = calls // 2

    async def all_async() -> list[Any]:
        async with openai.AsyncOpenAI(**where) as client:

            @guard(SCHEMA, store=store, max_attempts=2)
            async def extract(prompt: str) -> Any:
                message: Any = {"role": "user", "content": prompt}
                return await client.chat.completions.create(messages=[message], **settings)

            return await asyncio.gather(*(extract.outcome(PROMPTS.format(number=n)) for n in range(half)))

    with openai.OpenAI(**where) as client, ThreadPoolExecutor(32) as pool:

        @guard(SCHEMA, store=store, max_attempts=2)
        def extract(prompt: str) -> Any:
            message: Any = {"role": "user", "content": prompt}
            return client.chat.completions.create(messages=[message], **settings)

        running = [pool.submit(extract.outcome, PROMPTS.format(number=n)) for n in range(half, calls)]
        return asyncio.run(all_async()) + [call.result() for call in running]


def main() -> None:
    """Run, print the counts, and write them if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, connect("local") as model:
        store = open_store(f"sqlite:///{folder}/records.db")
        started = time.perf_counter()
        results = outcomes(model, store, arguments.calls)
        elapsed_s = time.perf_counter() - started
        pending = store.flush(10.0)
        rows = list(store.attempts())
        store.close()
    reported = sorted((o.call.id, a.number) for o in results for a in o.attempts)
    result = {
        "command": f"python benchmarks/local_concurrency.py --calls {arguments.calls}",
        "date": datetime.now(UTC).date().isoformat(),
        "model": model.name,
        "calls": len(results),
        "valid": sum(o.ok for o in results),
        "attempts": len(reported),
        "records": len(rows),
        "records are the attempts": sorted((row["call_id"], row["number"]) for row in rows) == reported,
        "pending": pending,
        "elapsed_s": round(elapsed_s, 1),
    }
    print(json.dumps(result, indent=2))
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
