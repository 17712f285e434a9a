"""Suites of every form that `bench run` reads: the tasks in them, and which replies to a task are right."""

import json

from tests.public.commands.command_lines import command, file
from tests.public.commands.desk import lines

ORDER = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "price": {"type": "number"},
        "at": {"type": "string"},
        "tags": {"type": "array"},
        "note": {"type": "string"},
    },
    "required": ["name"],
    "additionalProperties": False,
}
GOLD = {"name": "Red Hat", "price": 2.0, "at": "2026-03-04T10:00:00+01:00", "tags": ["a", "b", "b"]}


def answered(suite, replies, *options):
    """Run `bench` on a suite. Return, for each reply, whether it was valid and whether it was right.

    Args:
        suite: Name of the suite's file.
        replies: Replies by a text that only the prompt of one task has.
        options: Further options.
    """
    rows = [
        {"when": text, "reply": value if isinstance(value, str) else json.dumps(value)}
        for text, value in replies.items()
    ]
    file("m.jsonl", "".join(json.dumps({**row, "finish_reason": "stop"}) + "\n" for row in rows))
    line = (
        "--model scripted:m.jsonl --strategy bare --max-attempts 1 --sample all --format json --concurrency 1"
    )
    status, out, err = command("bench", "run", suite, *line.split(), *options)
    assert status == 0, err
    document = json.loads(out)
    calls = [dict(zip(document["call_fields"], call, strict=True)) for call in document["calls"]]
    return {call["task"]: (call["format"] != "failed", call["right"]) for call in calls}


VALID, RIGHT, INVALID = (True, False), (True, True), (False, False)
MATCHES = [
    ({}, {}, RIGHT),
    ({}, {"price": 2}, RIGHT),
    ({}, {"name": "red hat"}, VALID),
    ({}, {"price": ...}, VALID),
    ({}, {"note": "x"}, VALID),
    ({}, {"name": 3}, INVALID),
    ({}, {"tags": ["b", "a", "b"]}, VALID),
    ({"/name": "exact"}, {"name": "Red  Hat"}, VALID),
    ({"/name": "spaces"}, {"name": " Red  Hat"}, RIGHT),
    ({"/name": "spaces"}, {"name": "red hat"}, VALID),
    ({"/name": "text"}, {"name": "red  HAT"}, RIGHT),
    ({"/name": "text"}, {"name": "red-hat"}, VALID),
    ({"/name": "punctuation"}, {"name": "red hat."}, RIGHT),
    ({"/name": "punctuation"}, {"name": "red hut"}, VALID),
    ({"/at": "date"}, {"at": "2026-03-04T09:00:00Z"}, RIGHT),
    ({"/at": "date"}, {"at": "2026-03-04T10:00:00Z"}, VALID),
    ({"/tags": "unordered"}, {"tags": ["b", "a", "b"]}, RIGHT),
    ({"/tags": "unordered"}, {"tags": ["b", "a"]}, VALID),
    ({"/tags": "unordered", "/tags/*": "text"}, {"tags": ["B", "b", "A"]}, RIGHT),
    ({"/tags": "set"}, {"tags": ["b", "a"]}, RIGHT),
    ({"/tags": "set"}, {"tags": ["b"]}, VALID),
    ({"/tags": "set"}, {"tags": ["b", "a", "a"]}, RIGHT),
    ({"/tags": "set"}, {"tags": ["b", "a", "c"]}, VALID),
    ({"/tags": "unordered"}, {"tags": ["b", "b", "a", "a"]}, VALID),
    ({"/price": {"tolerance": 0.1}}, {"price": 2.09}, RIGHT),
    ({"/price": {"tolerance": 0.1}}, {"price": 2.11}, VALID),
    ({"/price": {"tolerance": 0.1, "relative": True}}, {"price": 2.19}, RIGHT),
    ({"/price": {"tolerance": 0.1, "relative": True}}, {"price": 2.21}, VALID),
    ({"/name": {"accept": ["Hat"]}}, {"name": "Hat"}, RIGHT),
    ({"/name": {"accept": ["Hat"]}}, {"name": "hat"}, VALID),
    ({"/name": {"accept": ["Hat"], "as": "text"}}, {"name": "hat"}, RIGHT),
    ({"/price": {"accept": [3], "optional": True}}, {"price": ...}, RIGHT),
    ({"/price": {"accept": [3], "optional": True}}, {"price": 4}, VALID),
]  # fmt: skip


def changed(value, changes):
    return {key: part for key, part in {**value, **changes}.items() if part is not ...}


def accepting_gold(match):
    """Return a match whose matchers `accept` also list the gold, as they must."""
    gold = {f"/{key}": part for key, part in GOLD.items()}
    return {
        at: {**how, "accept": [gold[at], *how["accept"]]} if "accept" in how else how
        for at, how in match.items()
    }


def test_matchers_of_a_line_decide_what_is_right(folder):
    """Each matcher accepts the values that it names, and no others."""
    rows = [
        {"id": f"t{n}", "input": f"<{n}>", "gold": GOLD, "schema": ORDER, "match": accepting_gold(match)}
        for n, (match, _, _) in enumerate(MATCHES)
    ]
    lines(folder / "suite.jsonl", rows)
    replies = {f"<{n}>": changed(GOLD, change) for n, (_, change, _) in enumerate(MATCHES)}

    result = answered("suite.jsonl", replies)

    assert [(*MATCHES[n][:2], result[f"t{n}"]) for n in range(len(MATCHES))] == MATCHES


def test_columns_of_an_export_are_named_by_options(folder):
    """`--field` names the columns, and `--schema` gives the schema of all rows."""
    rows = [{"text": f"<{n}>", "label": json.dumps({"name": f"n{n}"}), "number": f"row{n}"} for n in range(3)]
    lines(folder / "rows.jsonl", rows)
    file("order.json", json.dumps(ORDER))
    options = "--schema order.json --field input=text --field gold=label --field id=number"
    replies = {"<0>": {"name": "n0"}, "<1>": {"name": "n2"}, "<2>": {}}

    result = answered("rows.jsonl", replies, *options.split())
    assert result == {"row0": RIGHT, "row1": VALID, "row2": INVALID}


def test_schema_of_an_export_can_be_a_column(folder):
    """Each row is validated against the schema in its own column."""
    rows = [
        {"text": "<0>", "label": 0, "form": {"type": "integer"}},
        {"text": "<1>", "label": "x", "form": {"type": "string"}},
    ]
    lines(folder / "rows.jsonl", rows)
    options = "--field input=text --field gold=label --field schema=form"

    result = answered("rows.jsonl", {"<0>": 0, "<1>": 1}, *options.split())

    assert result == {"rows-1": RIGHT, "rows-2": INVALID}


def test_columns_of_a_csv_are_named_by_options(folder):
    """A CSV, such as the test cases of promptfoo, has a column for the input and one for the gold."""
    file(
        "cases.csv",
        "text,__expected\n"
        '<1>,"equals: {""name"": ""a""}"\n'
        '<2>,"{""name"": ""b""}"\n'
        '"<3>, with a\nline break","{""name"": ""c""}"\n',
    )
    file("order.json", json.dumps(ORDER))
    options = "--schema order.json --field input=text --field gold=__expected"
    replies = {"<1>": {"name": "a"}, "<2>": {}, "<3>, with a\nline break": {"name": "a"}}

    result = answered("cases.csv", replies, *options.split())
    assert result == {"cases-1": RIGHT, "cases-2": INVALID, "cases-3": VALID}
