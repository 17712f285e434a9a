"""Run hostile schemas and replies through each part of the library, and print what each run cost.

    python -m tests.ext.hostile_costs GROUP

A line is a JSON list: case, result, seconds of CPU, and megabytes above the idle process.
"""

import io
import json
import os
import re
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from schema_guard import GuardFailed, InvalidArgument, InvalidSchema, adapt, guard, judge, lint
from schema_guard.cli.command import main
from schema_guard.strategies import STRATEGIES
from tests.public.calls.judging.test_costs import ARMS, OTHERS

SCHEMAS = {
    **{name: (document("oneOf"), text) for name, (document, text) in ARMS.items()},
    **OTHERS,
}
# Schemas that are slow to prepare, whatever the reply is.
PREPARED = {
    "nulls in many objects": {
        "type": "object",
        "properties": {f"a{at}": {"type": "object", "properties": {f"k{at}": {"type": ["string", "null"]}}, "additionalProperties": False} for at in range(2_000)},
        "required": [f"a{at}" for at in range(2_000)],
        "additionalProperties": False,
    },
    "many tags": {"oneOf": [{"type": "object", "properties": {"t": {"const": f"t{at}"}}, "required": ["t"], "additionalProperties": False} for at in range(1_500)]},
    "references to each other": {"$defs": {f"d{at}": {"type": "object", "properties": {f"a{to}": {"$ref": f"#/$defs/d{to}"} for to in range(60)}} for at in range(60)}, "$ref": "#/$defs/d0"},
    "an enum of texts": {"enum": [f"p{at}" for at in range(20_000)]},
}  # fmt: skip
PROVIDERS = ("openai", "gemini", "anthropic")
REFUSED = (GuardFailed, InvalidSchema, InvalidArgument)


def guarded(document, text, **settings):
    @guard(document, store=None, max_attempts=1, **settings)
    def ask(messages, options=None):
        return text

    try:
        return ask("t")
    except GuardFailed as error:
        return str(error)


def streamed(document, text):
    @guard(document, store=None, max_attempts=1, early_stop=True)
    def ask(messages):
        for at in range(0, len(text), 1_000):
            yield text[at : at + 1_000]

    return sum(1 for _ in ask.stream("t"))


def command(*arguments):
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return main([*map(str, arguments)])


def checked(document, text):
    Path("schema.json").write_text(json.dumps(document))
    Path("reply.txt").write_text(text)
    return command("schema", "check", "schema.json", "reply.txt")


def benched(document, text):
    # The gold answer has to be valid: it is an object without the member that is hostile.
    schema = {"type": "object", "properties": {"x": document}, "$defs": document.get("$defs", {})}
    task = {"id": "t", "instruction": "Answer.", "input": "one", "schema": schema, "gold": {}}
    reply = {"when": "one", "reply": f'{{"x":{text}}}', "finish_reason": "stop"}
    Path("suite.jsonl").write_text(json.dumps(task) + "\n")
    Path("script.jsonl").write_text(json.dumps(reply) + "\n")
    return command(
        "bench",
        "run",
        "suite.jsonl",
        "--model",
        "scripted:script.jsonl",
        "--strategy",
        "bare",
        "-o",
        "r.json",
    )


def imported(document, text):
    Path("schema.json").write_text(json.dumps(document))
    Path("rows.jsonl").write_text(json.dumps({"id": "r", "answer": text}) + "\n")
    return command(
        "store", "import", "rows.jsonl", "--from", "jsonl", "--field", "reply=answer",
        "--schema", "schema.json", "--traffic", "all", "--store", "calls.db",
    )  # fmt: skip


def prompted(document, text, strategy):
    options = {"provider": "openai"} if STRATEGIES[strategy].needs_options else {}
    return guarded(document, text, strategy=strategy, **options)


# For each group its variants: a name, and the function that gets a schema and a reply.
WAYS = {
    "guard": [("", guarded)],
    "stream": [("", streamed)],
    "schema check": [("", checked)],
    "bench run": [("", benched)],
    "store import": [("", imported)],
    "repair": [("", lambda document, text: judge(text, document, repair="lossy"))],
    "schema lint": [(name, lambda document, _, name=name: lint(document, name)) for name in PROVIDERS],
    "adapt": [(name, lambda document, _, name=name: adapt(document, name)) for name in PROVIDERS],
    "strategies": [(name, lambda document, text, name=name: prompted(document, text, name)) for name in STRATEGIES],
}  # fmt: skip


def smaller(document):
    """Return a schema with at most 200 members in each list.

    A strategy prepares a schema for a provider and validates a reply, and `bench` validates each reply twice.
    """
    if isinstance(document, list):
        return [smaller(member) for member in document[:200]]
    return (
        {key: smaller(value) for key, value in document.items()} if isinstance(document, dict) else document
    )


def cases(group):
    """Return the cases of a group: a name, the schema, the reply, and the function to run."""
    # All strategies send the same schemas, so each has a part of them.
    every = len(WAYS[group]) if group == "strategies" else 1
    size = smaller if group in ("bench run", "strategies") else lambda document: document
    prepared = {name: (document, "{}") for name, document in PREPARED.items()}
    schemas = {**SCHEMAS, **(prepared if group in ("adapt", "schema lint") else {})}
    return [
        (f"{schema} {way}".strip(), size(document), text, run)
        for at, (way, run) in enumerate(WAYS[group])
        for number, (schema, (document, text)) in enumerate(schemas.items())
        if number % every == at % every
    ]


def peak_mb():
    return int(re.search(r"VmHWM:\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) / 1024


def measure(run, document, text):
    """Return the result of a run, its seconds of CPU, and its megabytes."""
    idle_mb, started = peak_mb(), time.process_time()
    try:
        result = run(document, text)
    except REFUSED as error:
        result = type(error).__name__
    return str(result)[:60], time.process_time() - started, peak_mb() - idle_mb


def run_all(group):
    # What every run loads is loaded before.
    for _, run in WAYS[group]:
        measure(run, {"type": "object"}, "[]")
    for name, document, text, run in cases(group):
        if os.fork():
            os.wait()
            continue
        sys.stdout.write(json.dumps([name, *measure(run, document, text)]) + "\n")
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ.setdefault("SCHEMA_GUARD_STORE", "none")
        run_all(sys.argv[1])
