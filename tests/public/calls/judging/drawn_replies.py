"""Replies that were valid before they were written badly, changed, wrapped or joined, with the schemas they were valid for.

Everything is drawn from one `random.Random`, so that a hundred thousand take seconds; a seed gives the same everywhere.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from schema_guard import Schema


@dataclass(frozen=True)
class Kind:
    """A schema, and what draws values that are valid for it."""

    id: str
    document: Any
    drawn: Callable[[Any], Any]

    @property
    def schema(self):
        return Schema.of(self.document)


CHARACTERS = [
    *"aZ09 _-./\\\"'{}[]:,\n\t",
    "\x00",
    "\x7f",
    "\u00e9",
    "\u2028",
    "\ufeff",
    "\u4e2d",
    "\uffff",
    "\U0001f600",
]


def text(rng, most=8, characters=CHARACTERS):
    """A text of any characters."""
    return "".join(
        rng.choice(characters) if rng.random() < 0.8 else chr(rng.randint(0x20, 0xD7FF))
        for _ in range(rng.randint(0, most))
    )


def name(rng):
    """A text that is not empty."""
    return rng.choice(CHARACTERS) + text(rng, 7)


def line(rng):
    made = {"item": name(rng), "qty": rng.randint(1, 99)}
    return made if rng.random() < 0.5 else {**made, "note": rng.choice((None, name(rng)))}


def invoice(rng):
    made = {
        "number": rng.choice(("AB", "ZZ", "QX")) + str(rng.randint(0, 10 ** rng.randint(1, 6) - 1)),
        "paid": rng.random() < 0.5,
        "lines": [line(rng) for _ in range(rng.randint(0, 4))],
    }
    if rng.random() < 0.5:
        made["total"] = rng.choice((0.0, 5e-324, 1e6, 0.1 + 0.2, rng.random() * 1e6))
    return made if rng.random() < 0.5 else {**made, "currency": rng.choice(("EUR", "USD"))}


def tree(rng, depth=3):
    made = {"name": name(rng)}
    if depth and rng.random() < 0.5:
        made["parts"] = [tree(rng, depth - 1) for _ in range(rng.randint(0, 2))]
    return made


def union(rng):
    if rng.random() < 0.5:
        return {"kind": "a", "size": rng.randint(-9, 9)}
    return {"kind": "b", "on": str(date.fromordinal(rng.randint(1, date.max.toordinal())))}


def labels(rng):
    return list(dict.fromkeys(name(rng) for _ in range(rng.randint(1, 5))))


def anything(rng, depth=2):
    if depth and rng.random() < 0.4:
        return [anything(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    number = rng.choice(
        (rng.randint(-(10**20), 10**20), rng.uniform(-1e9, 1e9), -0.0, 1e-300, 2**63, 2**53 + 1)
    )
    return rng.choice((None, True, False, number, number, name(rng)))


KINDS = [
    Kind(
        "invoice",
        {
            "type": "object",
            "properties": {
                "number": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$"},
                "paid": {"type": "boolean"},
                "total": {"type": "number", "minimum": 0},
                "currency": {"enum": ["EUR", "USD"]},
                "lines": {
                    "type": "array",
                    "maxItems": 4,
                    "items": {
                        "type": "object",
                        "properties": {
                            "item": {"type": "string", "minLength": 1},
                            "qty": {"type": "integer", "minimum": 1, "maximum": 99},
                            "note": {"type": ["string", "null"]},
                        },
                        "required": ["item", "qty"],
                        "additionalProperties": False,
                    },
                },
            },
            "required": ["number", "paid", "lines"],
            "additionalProperties": False,
        },
        invoice,
    ),
    Kind(
        "tree",
        {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "parts": {"type": "array", "items": {"$ref": "#"}},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
        tree,
    ),
    Kind(
        "union",
        {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"const": "a"}, "size": {"type": "integer"}},
                    "required": ["kind", "size"],
                },
                {
                    "type": "object",
                    "properties": {"kind": {"const": "b"}, "on": {"format": "date", "type": "string"}},
                    "required": ["kind", "on"],
                },
            ]
        },
        union,
    ),
    Kind(
        "labels",
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1},
        labels,
    ),
    Kind("number", {"type": "integer", "multipleOf": 3}, lambda rng: 3 * rng.randint(-50, 50)),
    Kind("anything", True, anything),
]

MARKS = [*"{}[]()<>:,\"'`\\/#*+-.;=_|~ \t\n\r", "é", "\u2028", "\u200b", "\ufeff", "“", "”"]
SPLICES = [
    *MARKS,
    "\ud800",
    "\udc00",
    "\x00",
    "\\u0000",
    "\\ud83d",
    "```",
    "\n```json\n",
    "<think>",
    "</think>",
    "//",
    "/*",
    "*/",
    "...",
    "{}",
    "[1]",
    '"a":1',
    ", ",
    ': "',
    "null",
    "True",
    "NaN",
    "-Infinity",
    "1e999",
    "9" * 401,
    "0x1F",
    "[" * 101,
    "I can't help with that. ",
    "Here it is: ",
]


def mutated(whole, rng):
    """A text with a few parts of it changed."""
    for _ in range(rng.randint(0, 4)):
        at, end = sorted((rng.randint(0, len(whole)), rng.randint(0, len(whole))))
        part = whole[at:end][:12]
        change = rng.choice(("put", "drop", "twice", "swap", "cut", "flip", "quotes"))
        if change == "put":
            whole = whole[:at] + rng.choice(SPLICES) + whole[at:]
        elif change == "drop":
            whole = whole[:at] + whole[at + len(part) :]
        elif change == "twice":
            whole = whole[:at] + part + whole[at:]
        elif change == "swap":
            whole = whole[:at] + part[::-1] + whole[at + len(part) :]
        elif change == "cut":
            whole = whole[: max(at, end)]
        elif change == "flip":
            whole = whole[:at] + rng.choice(MARKS) + whole[at + 1 :]
        else:
            whole = whole.replace('"', rng.choice(("'", "“", '\\"', "")))
    return whole


WRAPPERS = [
    "{}",
    "```json\n{}\n```",
    "~~~\n{}\n~~~\n",
    "<think>It is {{}}.</think>\n{}",
    "[THINK]\n{{[/THINK]```\n{}```",
    "Here it is:\n{}\nThat is all.",
    "\ufeff {} ",
    "{{see}} and {}, or [1]",
    "so }} </think> {}",
]


def reply(kind, rng):
    """A reply that was valid before it was written badly, changed, wrapped, or joined with another one."""
    made = ""
    for _ in range(rng.choice((1, 1, 1, 2))):
        value = kind.drawn(rng)
        way = rng.randrange(3)
        written = (
            json.dumps(value)
            if way == 0
            else json.dumps(value, indent=1, ensure_ascii=False)
            if way == 1
            else repr(value)
        )
        made += rng.choice(WRAPPERS).format(mutated(written, rng))
    return mutated(made, rng) if rng.random() < 0.5 else made


def case(rng):
    """A kind of schema with a reply, or with any text."""
    kind, way = rng.choice(KINDS), rng.random()
    if way < 0.8:
        return kind, reply(kind, rng)
    if way < 0.93:
        return kind, text(rng, 60, [*MARKS, *"\ud800\x00ant1e"])
    # What is not UTF-8 becomes lone surrogates, as at the command line.
    return kind, rng.randbytes(rng.randint(0, 60)).decode("utf-8", "surrogateescape")
