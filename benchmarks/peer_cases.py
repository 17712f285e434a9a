"""The cases of the peers: schemas, replies, and hostile texts, which are the same in every process, and the floors.

A case is made by its name, without random numbers or files. Text shapes are made to a size. The replies of a case
differ, because with equal texts, jiter takes every string from its cache, which no real program does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

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

# Different calls of a case. Those of 25 KB and more share 4 MB, with more strings than fit into jiter's cache.
DISTINCT = 1_000
_DISTINCT_CHARACTERS = 4_000_000
_MAX_ATTEMPTS = 3


class Case(NamedTuple):
    """One case.

    Attributes:
        name: Its name in the results.
        kind: `call` returns a valid value for a text. `object` does the same with the SDK's reply object. `extract`
            finds and parses the JSON in a text, without a schema.
        schema: A name in SCHEMAS.
        replies: Replies of the stubbed model in each call, in turn. All except the last are not valid.
        value: Returns the value of a call by its number.
        wrapped: Whether the JSON is inside other text.
    """

    name: str
    kind: Kind
    schema: str
    replies: tuple[tuple[str, ...], ...]
    value: Callable[[int], dict[str, Any]]
    wrapped: bool = False

    @property
    def asks_again(self) -> bool:
        """Whether its first replies are not valid."""
        return len(self.replies[0]) > 1


_FIRST = ("Ann", "Bo", "Cem", "Dora", "Emil", "Fay", "Gus", "Hana")
_LAST = ("Lee", "Okafor", "Novak", "Silva", "Kim")


def _customer(number: int) -> str:
    return f"{_FIRST[number % 8]} {_LAST[number % 5]} & Daughters {number}"


def invoice(number: int) -> dict[str, Any]:
    """Return a value with six fields."""
    return {
        "number": f"2026-{number:04d}",
        "customer": _customer(number),
        "total": 1249.5 + number,
        "currency": CURRENCIES[number % 3],
        "paid": number % 2 == 1,
        "items": number % 90 + 10,
    }


def order(size: int, number: int = 0) -> dict[str, Any]:
    """Return the largest order whose JSON text has at most *size* characters."""
    whole: dict[str, Any] = {
        "id": f"o-2026-{number:04d}",
        "customer": _customer(number),
        "currency": CURRENCIES[number % 3],
        "lines": [],
    }
    left = size - len(json.dumps(whole))
    at = 2_000 * number
    while True:
        line = {
            "sku": f"DESK-{at:07d}",
            "title": f'Desk no. {at}, oak \u2013 "as before"',
            "quantity": at % 9 + 1,
            "price": 31.25 + at % 4_000,
            "gift": at % 3 == 0,
            "tags": ["furniture", "oak", f"room {at % 20}"],
            "note": None if at % 4 else "deliver to the back door",
        }
        left -= len(json.dumps(line)) + 2
        if left < 0:
            return whole
        whole["lines"].append(line)
        at += 1


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


def _small(name: str, distinct: int) -> Case:
    def replies(number: int) -> tuple[str, ...]:
        value = invoice(number)
        text = json.dumps(value)
        if name.endswith("wrong value"):
            return json.dumps({**value, "total": "twelve"}), text
        if name.endswith("no JSON"):
            return f"{_customer(number)} want forty desks; the total is {number} euros, not paid.", text
        return (text,)

    kind: Kind = "object" if name.endswith("reply object") else "call"
    return Case(name, kind, "Invoice", tuple(map(replies, range(distinct))), invoice)


def _longer(name: str, distinct: int, size: int) -> Case:
    def replies(number: int) -> tuple[str, ...]:
        value = order(size, number)
        text = json.dumps(value)
        if name.startswith("retry"):
            wrong = {**value, "lines": [{**line, "price": "twelve"} for line in value["lines"]]}
            return json.dumps(wrong), text
        return (_in_prose(text) if "in prose" in name else _fenced(text) if "fenced" in name else text,)

    kind: Kind = "extract" if name.startswith("extract") else "call"
    distinct = min(distinct, _DISTINCT_CHARACTERS // size)
    items = tuple(map(replies, range(distinct)))
    return Case(name, kind, "Order", items, partial(order, size), wrapped="fenced" in name)


_MAKERS: dict[str, Callable[[str, int], Case]] = {
    "small": _small,
    "small, reply object": _small,
    "medium, 3 KB": partial(_longer, size=MEDIUM),
    **{name: partial(_longer, size=size) for name, size in zip(GROWTH_CASES, GROWTH_SIZES, strict=True)},
    "retry, small, wrong value": _small,
    "retry, small, no JSON": _small,
    "retry, medium, wrong values": partial(_longer, size=MEDIUM),
    "fenced, 3 KB": partial(_longer, size=MEDIUM),
    "fenced in prose, 3 KB": partial(_longer, size=MEDIUM),
    "extract, fenced, 3 KB": partial(_longer, size=MEDIUM),
    "extract, fenced in prose, 3 KB": partial(_longer, size=MEDIUM),
}
CASES = tuple(_MAKERS)


def case_of(name: str, distinct: int = DISTINCT) -> Case:
    """Make a case of at most *distinct* different calls."""
    return _MAKERS[name](name, distinct)


# The floors


def checked(
    ask: Callable[[str], str], schema: dict[str, Any], loads: Callable[[str], Any]
) -> Callable[[], Any]:
    """Return the shortest code that calls the model, parses the reply, and validates the value."""
    is_valid = validator(schema).is_valid

    def call() -> Any:
        value = loads(ask(TASK))
        if not is_valid(value):
            raise ValueError("not valid")
        return value

    return call


def corrected(
    ask: Callable[[str], str], schema: dict[str, Any], loads: Callable[[str], Any]
) -> Callable[[], Any]:
    """Return the shortest code that retries with the errors: each error with its place, below the reply."""
    made = validator(schema)
    is_valid, iter_errors = made.is_valid, made.iter_errors

    def call() -> Any:
        prompt = TASK
        for _ in range(_MAX_ATTEMPTS):
            reply = ask(prompt)
            try:
                value = loads(reply)
            except ValueError as error:
                text = str(error)
            else:
                if is_valid(value):
                    return value
                places = [
                    (f"/{'/'.join(map(str, one.instance_path))}", one.message) for one in iter_errors(value)
                ]
                text = "\n".join(f"At {place}: {message}" for place, message in places)
            prompt = f"{TASK}\n\nYour last reply:\n{reply}\n\nIt was not valid:\n{text}\nReply again with only the JSON."
        raise ValueError("not valid")

    return call


def strict_parser() -> Callable[[str], Any]:
    """Return a function that parses a text with the settings of schema_guard.

    jiter finds few texts of different replies in its cache. With a cache of only keys, 3 KB take 18.5 us instead of
    25.8.
    """
    from jiter import from_json

    def parse(text: str) -> Any:
        return from_json(text.encode(), catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")

    return parse


def validator(schema: dict[str, Any]) -> Any:
    """Return the validator of schema_guard, with its options."""
    import jsonschema_rs

    return jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)


_APOSTROPHES = "It's what we've said: the customer's total isn't known, and they'd rather \"wait\". "


def _repeated(unit: str) -> Callable[[int], str]:
    return lambda size: unit * (size // len(unit))


# Texts that can be slow for a reader of JSON in prose, and ordinary long ones. Each function takes the size.
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
