"""Improve prompts of the local model: python benchmarks/improve_local.py [SCHEMA ...] [--folder DIR] [--output FILE].

The prompt in use shows the two dev tasks of the built-in suite: as turns, and for `ticket` as one text. The inputs come
from `improve_inputs.py`. They follow a few sentence patterns, so an example can have the pattern of a raced input. A run
that stops continues with the same folder.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import improve_inputs

from schema_guard import connect
from schema_guard.bench.suites.load import load_suite
from schema_guard.ext.improve.candidates import PoolExample
from schema_guard.ext.improve.result import document_of
from schema_guard.ext.improve.run import improve
from schema_guard.ext.improve.values import ImproveInput, ImproveSettings, ImproveTask, PromptInUse
from schema_guard.prompting import Example
from schema_guard.report.as_text import as_text

_CALLS, _REPLY_TOKENS = 600, 96
_SOURCE = "a task of the built-in suite"


def improved(name: str, folder: Path, count: int) -> str:
    """Improve the prompt of a schema, and return the result as text."""
    entry = next(one for one in load_suite("small").schemas if one.name == name)
    instruction = entry.tasks[0].instruction
    match = {place: kind for task in entry.tasks for place, kind in task.match.items()}
    inputs = tuple(
        ImproveInput(f"{instruction}\n\n{text}", gold, match, is_labeled=True)
        for text, gold in improve_inputs.inputs_of(name, count)
    )
    shown = tuple(Example(task.gold, task.text) for task in entry.tasks_of("dev"))
    task = ImproveTask(
        schema=entry.schema,
        inputs=inputs,
        model=connect("local", options={"temperature": 0}),
        folder=folder / name,
        prompt=PromptInUse("few_shot", "text" if name == "ticket" else "turns", shown),
        pool=tuple(PoolExample(one.text, one.gold, _SOURCE) for one in entry.tasks),
        output_tokens=_REPLY_TOKENS,
    )
    began = perf_counter()
    settings = ImproveSettings(max_calls=_CALLS, concurrency=2)
    result = improve(task, settings)
    return f"{name}: {result.calls} calls, {perf_counter() - began:.0f} s\n\n{as_text(document_of(result))}"


def main() -> None:
    """Improve the prompts of the schemas, one after the other."""
    parser = argparse.ArgumentParser(description="Improve prompts of the local model.")
    parser.add_argument(
        "schemas", nargs="*", default=["event", "ticket", "log_line", "payment"], help="Schemas."
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("improve_local"), help="Folder for journals and prompts."
    )
    parser.add_argument("--output", type=Path, help="Text file for the results. Default: none.")
    parser.add_argument("--inputs", type=int, default=180, help="Inputs of each schema. Default: 180.")
    options = parser.parse_args()
    texts = [f"{datetime.now(UTC):%Y-%m-%d}: python {' '.join(sys.argv)}"]
    for name in options.schemas:
        texts.append(improved(name, options.folder, options.inputs))
        print(texts[-1], flush=True)
        if options.output:
            options.output.write_text("\n\n".join(texts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
