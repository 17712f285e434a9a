"""A store with known clusters of inputs, and training sets exported from it."""

import json
from collections import defaultdict
from pathlib import Path
from random import Random

from schema_guard import About, guard, open_store, tags
from tests.public.commands.command_lines import command

SCHEMA = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"enum": ["billing", "shipping"]}, "number": {"type": "integer"}},
    "required": ["team"],
}
SIDES = ("train", "validation", "test")
BAD = '{"team": "sales"}'
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words(seed, count=12):
    """Return a text of random words. Texts of two seeds have almost no words in common."""
    random = Random(seed)
    return " ".join("".join(random.choices(LETTERS, k=random.randint(5, 9))) for _ in range(count))


def answer(team="billing", **more):
    return json.dumps({"team": team, **more})


def record(path, calls):
    """Record calls. Each is a dict: its text and, if not the default, its replies, segment, and cluster."""
    left = []
    with open_store(str(path), payload="full") as store:

        @guard(
            SCHEMA,
            store=store,
            name="app.triage",
            about=About(version="v1"),
            max_attempts=3,
            on_failure="return",
            checks=[looks],
        )
        def triage(prompt):
            return left.pop(0) if len(left) > 1 else left[0]

        for call in calls:
            left[:] = call.get("replies", [answer()])
            with tags(segment=call.get("segment"), cluster=call.get("cluster")):
                triage.outcome(call["text"])
        store.flush(60.0)


def looks(value):
    """Accept every value."""


def export(folder, *options, store="r.db"):
    """Export a training set. Return the exit status, the manifest, and the rows of each file."""
    status, out, err = command(
        "tune", "prepare", "--schema", "ticket", "--store", store, "-o", folder, "--min-examples", "1", *options, "--format", "json"
    )  # fmt: skip
    assert err == "", err
    sides = {}
    for side in SIDES:
        path = Path(folder) / f"{side}.jsonl"
        text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        sides[side] = [json.loads(line) for line in text.splitlines()]
    return status, json.loads(out)["manifest"], sides


def inputs(rows):
    """Return the input of each row."""
    return [(row.get("input") or row)["messages"][0]["content"] for row in rows]


def sides_by_input(sides):
    """Return the sides (train, validation, test) that hold each input."""
    result = defaultdict(set)
    for side, rows in sides.items():
        for text in inputs(rows):
            result[text].add(side)
    return result
