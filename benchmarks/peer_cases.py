"""What the peers are measured on: schemas, replies and hostile texts, the same in every process.

Nothing here is random and nothing is read: a case is made by its name. Text shapes are made to a size.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

TASK = "Give the order in this e-mail: Ann Lee of Lee & Daughters wants forty desks by Friday, and asks for a bill."
CURRENCIES = ("EUR", "USD", "GBP")

INVOICE: dict[str, Any] = {
    "title": "Invoice",
    "type": "object",
    "properties": {
        "number": {"type": "string", "minLength": 1},
        "customer": {"type": "string"},
        "total": {"type": "number", "minimum": 0},
        "currency": {"enum": list(CURRENCIES)},
        "paid": {"type": "boolean"},
        "items": {"type": "integer", "minimum": 1},
    },
    "required": ["number", "customer", "total", "currency", "paid", "items"],
    "additionalProperties": False,
}
LINE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sku": {"type": "string", "minLength": 4},
        "title": {"type": "string"},
        "quantity": {"type": "integer", "minimum": 1},
        "price": {"type": "number", "minimum": 0},
        "gift": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": ["string", "null"]},
    },
    "required": ["sku", "title", "quantity", "price", "gift", "tags", "note"],
    "additionalProperties": False,
}
ORDER: dict[str, Any] = {
    "title": "Order",
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "customer": {"type": "string"},
        "currency": {"enum": list(CURRENCIES)},
        "lines": {"type": "array", "minItems": 1, "items": LINE},
    },
    "required": ["id", "customer", "currency", "lines"],
    "additionalProperties": False,
}
SCHEMAS = {"Invoice": INVOICE, "Order": ORDER}

Kind = Literal["call", "object", "extract"]


class Case(NamedTuple):
    """One thing to do.

    Attributes:
        name: How the results call it.
        kind: `call`: a text in, a valid value out; `object`: the same, the reply being the SDK's object;
            `extract`: find and parse the JSON in a text, without a schema.
        schema: A name in SCHEMAS.
        replies: What the stubbed model gives, in turn; all but the last are not valid.
        wrapped: Whether the JSON has to be found in the replies.
    """

    name: str
    kind: Kind
    schema: str
    replies: tuple[str, ...]
    value: dict[str, Any]
    wrapped: bool = False


def invoice() -> dict[str, Any]:
    """Give the value of six fields."""
    return {
        "number": "2026-0117",
        "customer": "Lee & Daughters",
        "total": 1249.5,
        "currency": "EUR",
        "paid": False,
        "items": 40,
    }


def order(size: int) -> dict[str, Any]:
    """Give the largest order whose JSON text has at most *size* characters."""
    whole: dict[str, Any] = {
        "id": "o-2026-0117",
        "customer": "Lee & Daughters",
        "currency": "EUR",
        "lines": [],
    }
    left = size - len(json.dumps(whole))
    while True:
        number = len(whole["lines"])
        line = {
            "sku": f"DESK-{number:05d}",
            "title": f'Desk no. {number}, oak \u2013 "as before"',
            "quantity": number % 9 + 1,
            "price": 31.25 + number % 400,
            "gift": number % 3 == 0,
            "tags": ["furniture", "oak", f"room {number % 20}"],
            "note": None if number % 4 else "deliver to the back door",
        }
        left -= len(json.dumps(line)) + 2
        if left < 0:
            return whole
        whole["lines"].append(line)


def _fenced(text: str) -> str:
    return f"```json\n{text}\n```"


def _in_prose(text: str) -> str:
    return (
        f"Here's the order you've asked for:\n\n{_fenced(text)}\n\n"
        "I've left the notes empty where the e-mail says nothing. Let me know if I should change anything!"
    )


GROWTH_CASES = ("large, 25 KB", "large, 50 KB", "large, 100 KB", "large, 200 KB")
GROWTH_SIZES = (25_000, 50_000, 100_000, 200_000)
MEDIUM = 3_000


def _made(name: str) -> Case:
    small = invoice()
    text = json.dumps(small)
    if name == "small":
        return Case(name, "call", "Invoice", (text,), small)
    if name == "small, reply object":
        return Case(name, "object", "Invoice", (text,), small)
    if name == "re-ask, small, wrong value":
        return Case(name, "call", "Invoice", (json.dumps({**small, "total": "twelve"}), text), small)
    assert name == "re-ask, small, no JSON"
    prose = "The customer wants forty desks; the total is 1249.5 euros, and it has not been paid."
    return Case(name, "call", "Invoice", (prose, text), small)


def _longer(name: str, size: int) -> Case:
    value = order(size)
    text = json.dumps(value)
    if name.startswith("re-ask"):
        wrong = {**value, "lines": [{**line, "price": "twelve"} for line in value["lines"]]}
        return Case(name, "call", "Order", (json.dumps(wrong), text), value)
    reply = _in_prose(text) if "in prose" in name else _fenced(text) if "fenced" in name else text
    kind: Kind = "extract" if name.startswith("extract") else "call"
    return Case(name, kind, "Order", (reply,), value, wrapped=reply is not text)


_MAKERS: dict[str, Callable[[str], Case]] = {
    "small": _made,
    "small, reply object": _made,
    "medium, 3 KB": lambda name: _longer(name, MEDIUM),
    **{name: partial(_longer, size=size) for name, size in zip(GROWTH_CASES, GROWTH_SIZES, strict=True)},
    "re-ask, small, wrong value": _made,
    "re-ask, small, no JSON": _made,
    "re-ask, medium, wrong values": lambda name: _longer(name, MEDIUM),
    "fenced, 3 KB": lambda name: _longer(name, MEDIUM),
    "fenced in prose, 3 KB": lambda name: _longer(name, MEDIUM),
    "extract, fenced, 3 KB": lambda name: _longer(name, MEDIUM),
    "extract, fenced in prose, 3 KB": lambda name: _longer(name, MEDIUM),
}
CASES = tuple(_MAKERS)


def case_of(name: str) -> Case:
    """Make a case."""
    return _MAKERS[name](name)


_APOSTROPHES = "It's what we've said: the customer's total isn't known, and they'd rather \"wait\". "


def _repeated(unit: str) -> Callable[[int], str]:
    return lambda size: unit * (size // len(unit))


# Texts that a reader of JSON in prose may be slow on, and ordinary long ones; each is given the size it is to have.
SHAPES: dict[str, Callable[[int], str]] = {
    "valid JSON": lambda size: json.dumps(order(size)),
    "fenced JSON in prose": lambda size: _in_prose(json.dumps(order(size))),
    "object cut off": lambda size: json.dumps(order(size))[: -size // 50],
    "trailing commas": lambda size: json.dumps(order(size)).replace("}", ",}"),
    "prose with apostrophes": _repeated(_APOSTROPHES),
    "many fenced blocks": _repeated('```json\n{"number": "1", "total": 2}\n```\nor else\n'),
    "{": _repeated("{"),
    '{"a":': _repeated('{"a":'),
    "[": _repeated("["),
    '"': _repeated('"'),
    '\\"': _repeated('\\"'),
    "{}": _repeated("{}"),
    'x{"a":1}': lambda size: "x" + _repeated('{"a":1} x')(size),
    "{]": _repeated("{]"),
    "x{{{}}}": lambda size: "x" + "{" * (size // 2) + "}" * (size // 2),
    "<think>": _repeated("<think>"),
    "```": _repeated("```\n"),
    "{ and a string never closed": lambda size: 'x {"a": "' + "b " * (size // 2),
}
