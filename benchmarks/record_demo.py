"""Record the local model's replies to all prompts of the demo: python benchmarks/record_demo.py.

The script writes `schema_guard/ext/demo/replies.jsonl`, from which `schema-guard demo --offline` answers. It makes one
call at a time, so that the model is as deterministic as possible. Run it again if the demo's prompts change. A test
then fails.

With `--story FILE`, the script runs the demo instead, and writes its output to FILE.
"""

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schema_guard import Limits, guard, open_store
from schema_guard.ext.demo.function import EVENT, messages_of, notice_reader, notices
from schema_guard.ext.demo.story import FILE, OUTPUT_TOKENS
from schema_guard.ext.playbook.inputs import inputs_of
from schema_guard.models import connect
from schema_guard.models.interface import messages
from schema_guard.models.scripted import prompt_text
from schema_guard.text import hex_digest
from schema_guard.values import Attempt

_STORE = "sqlite:////tmp/demo.db"


def record() -> None:
    """Make all calls, and write the replies."""
    attempts: list[Attempt] = []
    with connect("local") as model:
        reader = notice_reader(model, open_store("sqlite://"))
        strict = guard(
            EVENT,
            strategy="strict_schema",
            max_attempts=1,
            store=None,
            limits=Limits(output_tokens=OUTPUT_TOKENS),
        )(model)
        for ask in (reader.outcome, strict.outcome):
            for task in inputs_of(reader.schema, notices()).tasks:
                attempts += ask(messages_of(task)).attempts
    lines = [{"model": model.name, "day": datetime.now(UTC).date().isoformat()}, *map(line_of, attempts)]
    FILE.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    failed = sum(attempt.failure is not None for attempt in attempts)
    print(f"{len(attempts)} replies, {failed} of them not valid: {FILE}")


def line_of(attempt: Attempt) -> dict[str, Any]:
    """Return the line of a reply in the file."""
    usage = attempt.usage
    return {
        "prompt": hex_digest(prompt_text(messages(attempt.prompt or "")), 16),
        "reply": attempt.reply,
        "finish_reason": attempt.finish_reason,
        "usage": {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens},
    }


def tell(output: Path) -> None:
    """Run the demo, and write its output."""
    busy = f"load {os.getloadavg()[0]:.1f}, niceness {os.nice(0)}"
    command = [sys.executable, "-m", "schema_guard", "demo", "--store", _STORE]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    day = datetime.now(UTC).date().isoformat()
    head = f"schema-guard demo --store {_STORE}\n{day}, {os.cpu_count()} processors, {busy}\n\n"
    output.write_text(head + done.stdout, encoding="utf-8")


def main() -> None:
    """Record the replies, or run the demo."""
    parser = argparse.ArgumentParser(description="What the demo asks, asked of the local model.")
    parser.add_argument("--story", type=Path, help="Where to write what the demo prints.")
    output = parser.parse_args().story
    if output is None:
        record()
    else:
        tell(output)


if __name__ == "__main__":
    main()
