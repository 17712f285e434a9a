"""Input files without a store: a suite, scripted models, schemas, replies, and exports of other tools."""

import json

from tests.public.commands import exports

ITEM = {
    "title": "item",
    "type": "object",
    "properties": {"a": {"type": "integer", "minimum": 0}, "unit": {"enum": ["kg", "m"]}},
    "required": ["a", "unit"],
    "additionalProperties": False,
}
NOTE = {
    "title": "note",
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 2}, "score": {"type": "number"}},
    "required": ["text"],
}
OPEN = {
    "type": "object",
    "properties": {
        "when": {"type": "string", "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "uniqueItems": True},
        "other": {"anyOf": [{"type": "integer", "multipleOf": 5}, {"type": "null"}]},
        "more": {"type": "object", "patternProperties": {"^x-": {"type": "string"}}},
    },
    "required": ["when"],
}
PRICES = {
    "good": {"p_in": 3.0, "p_cached": 0.3, "p_out": 15.0},
    "bad": {"p_in": 1.0, "p_cached": 0.1, "p_out": 5.0},
}


def lines(path, rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))


def tasks():
    """Yield twelve tasks of the schema `item` and eight of `note`."""
    for n in range(1, 13):
        gold = {"a": n, "unit": "kg" if n % 2 else "m"}
        yield {"id": f"i{n}", "instruction": "Give item.", "input": f"item {n}.", "gold": gold, "schema": ITEM,
               "split": "test" if n % 4 else "dev"}  # fmt: skip
    for n in range(1, 9):
        yield {"id": f"n{n}", "instruction": "Give note.", "input": f"note {n}.", "gold": {"text": f"note {n}"},
               "schema": NOTE, "split": "test" if n % 4 else "dev"}  # fmt: skip


def answers(wrong=(), invalid=(), prose=(), cut=()):
    """Yield the rules of a scripted model that answers all tasks correctly except the named ones."""
    for task in tasks():
        gold, reply, finish = task["gold"], None, "stop"
        if task["id"] in wrong:
            reply = json.dumps({**gold, **({"a": 99} if "a" in gold else {"text": "else"})})
        elif task["id"] in invalid:
            reply = json.dumps({**gold, **({"unit": "lb"} if "a" in gold else {"text": "x"})})
        elif task["id"] in prose:
            reply = "I do not know."
        elif task["id"] in cut:
            reply, finish = json.dumps(gold)[:8], "length"
        number = int(task["id"][1:])
        usage = {"input_tokens": 100 + number, "output_tokens": 10 + number, "cached_input_tokens": 40}
        yield {
            "when": task["input"],
            "reply": reply or json.dumps(gold),
            "finish_reason": finish,
            "usage": usage,
        }


def lay_out(folder):
    """Write all of these files."""
    lines(folder / "suite.jsonl", tasks())
    lines(folder / "good.jsonl", answers(wrong=("i3",)))
    lines(
        folder / "bad.jsonl",
        answers(wrong=("i3", "n2"), invalid=("i5", "i6", "n1"), prose=("i7", "n7"), cut=("i9",)),
    )
    lines(folder / "worst.jsonl", answers(prose={task["id"] for task in tasks()} - {"i1", "n1"}))
    (folder / "prices.json").write_text(json.dumps(PRICES))
    for name, schema in (("item", ITEM), ("note", NOTE), ("open", OPEN), ("ticket", exports.SCHEMA)):
        (folder / f"{name}.json").write_text(json.dumps(schema, indent=2))
    (folder / "never.json").write_text('{"title": "never", "not": {}}')
    _replies(folder)
    _runs(folder)
    _exports(folder)


def _replies(folder):
    (folder / "right.txt").write_text('{"a": 1, "unit": "kg"}')
    (folder / "fenced.txt").write_text('Here it is:\n```json\n{"a": 1, "unit": "kg"}\n```\n')
    (folder / "wrong.txt").write_text('{"a": -1, "unit": "lb", "x": 1}')
    (folder / "cut.txt").write_text('{"a": 1, "unit": "k')
    (folder / "prose.txt").write_text("I do not know.")
    rows = ['{"a": 1, "unit": "kg"}', "", '{"a": "1", "unit": "kg"}', '{"a": 1}', '{"a": 1, "unit": "kg",}']
    lines(folder / "many.jsonl", rows)


def _runs(folder):
    lines(folder / "inputs.txt", [f"text {n};" for n in range(400)])
    examples = {"when": "gram", "reply": '{"a": 1, "unit": "kg"}'}
    failing = [{"when": f"text {n};", "reply": '{"a": 1, "unit": "lb"}'} for n in range(0, 400, 5)]
    passing = {
        "when": "text",
        "reply": '{"a": 1, "unit": "kg"}',
        "usage": {"input_tokens": 50, "output_tokens": 9},
    }
    lines(folder / "improver.jsonl", [*failing, passing])
    lines(folder / "clean.jsonl", [passing])
    # The prompt's examples are dev tasks of the suite. This model answers correctly if the prompt has one.
    learner = [{"when": "item 4.", "reply": '{"a": 1, "unit": "kg"}', "finish_reason": "stop"}]
    lines(
        folder / "learner.jsonl", [*learner, {"when": "item", "reply": '{"a": 1}', "finish_reason": "stop"}]
    )
    lines(folder / "hopeless.jsonl", [examples, {"when": "text", "reply": "no"}])


def _exports(folder):
    """Write an export of nine calls for each tool. Every third reply is wrong."""

    def rows(of):
        return [of(exports.BAD if n % 3 == 0 else exports.GOOD, n) for n in range(1, 10)]

    tools = {
        "langfuse": exports.langfuse_ui, "blob": exports.langfuse_blob, "phoenix": exports.phoenix_api,
        "frame": exports.phoenix_frame, "mlflow": exports.mlflow_2, "evals": exports.openai_item,
        "completions": exports.openai_completion, "batch": exports.openai_batch,
    }  # fmt: skip
    for name, of in tools.items():
        lines(folder / f"{name}.jsonl", rows(of))
    plain = [
        {"id": n, "prompt": f"p{n}", "answer": exports.BAD if n % 3 == 0 else exports.GOOD, "kind": "eu" if n % 2 else "us",
         "who": f"app.f{n % 2}", "v": f"v{n % 3}", "model": "good", "input_tokens": 10 * n, "output_tokens": n,
         "started_at": f"2026-11-02T10:0{n}:00Z", "schema": "ticket" if n < 8 else "none"}
        for n in range(1, 10)
    ]  # fmt: skip
    lines(folder / "plain.jsonl", plain)
    lines(folder / "broken.jsonl", [plain[0], "{", plain[1], '"x"'])
