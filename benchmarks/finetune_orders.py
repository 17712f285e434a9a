"""Orders in mails and notes: an object with optional values."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from benchmarks.finetune_values import (
    FIRST,
    ITEMS,
    LAST,
    NUMBERS,
    a_day,
    day_text,
    german_day,
    odd_day_text,
    spanish_day,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

NAME = "order"
INSTRUCTION = "Extract the order as JSON; of several, the first."
SCHEMA: dict[str, Any] = {
    "title": "Order",
    "type": "object",
    "properties": {
        "number": {"type": ["string", "null"], "pattern": "^[A-Z]{2}-[0-9]{4}$"},
        "customer": {"type": "string", "minLength": 1, "maxLength": 40},
        "item": {"type": "string", "minLength": 1, "maxLength": 40},
        "quantity": {"type": "integer", "minimum": 1, "maximum": 500},
        "unit_price": {"type": ["number", "null"], "minimum": 0},
        "delivery": {"type": ["string", "null"], "format": "date"},
        "express": {"type": "boolean"},
    },
    "required": ["number", "customer", "item", "quantity", "unit_price", "delivery", "express"],
    "additionalProperties": False,
}
HARD = ("missing", "two", "forms", "language")

TEMPLATES_OF = {"shared": "train", "missing": "unseen", "two": "unseen", "forms": "unseen"}
"""Whose templates a set has, where it has none of its own."""
# More values are missing in training than in held-out tasks, because missing values are harder to learn.
MISSING = {"train": 0.35, "missing": 0.75}
# The slots {number}, {price}, {day} and {express} have their own phrases, which are empty if the value is missing.
TEMPLATES = {
    "train": (
        "Hello, {customer} here. Please send {quantity} x {item}{price}{number}{day}.{express}",
        "New order from {customer}{number}: {quantity} pieces of {item}{price}{day}.{express} {noise}",
        "Customer: {customer}. Item: {item}. Quantity: {quantity}{price}{number}{day}.{express}",
        "{noise} {customer} wants {quantity} {item} units{price}{day}{number}.{express}",
        "We, {customer}, would like to buy {item}, {quantity} of them{number}{price}{day}.{express} {noise}",
        "Order note{number}. For {customer}, {quantity} times the {item}{day}{price}.{express}",
        "Phone call with {customer}: needs {quantity} {item} pieces{day}{price}{number}.{express} {noise}",
        "{quantity} x {item} for {customer}{price}{number}{day}.{express}",
        "Dear team, put down {customer} for {quantity} of the {item}{price}{day}{number}. {noise}{express}",
        "Sold to {customer}{number}: {item}, count {quantity}{day}{price}.{express} {noise}",
    ),
    "unseen": (
        "Hi, could {customer} get {quantity} of your {item}{price}{day}{number}? {noise}{express}",
        "Today {customer} signed for {item} ({quantity} pieces){number}{price}{day}.{express}",
        "Memo: {item}, amount {quantity}, buyer {customer}{day}{number}{price}.{express} {noise}",
        "It is {customer} again, this time for {quantity} pieces of the {item}{number}{day}{price}.{express}",
        "{noise} Shop form. Buyer {customer}; article {item}; how many: {quantity}{price}{number}{day}.{express}",
    ),
}
_ES = "{customer} pide {quantity} unidades de {item}{price}{number}{day}.{express}"
_DE = "{customer} bestellt {quantity} Stück {item}{price}{number}{day}.{express}"
_DE_PHRASES = {
    "number": ", Bestellnummer {}",
    "price": " zu je {} EUR",
    "day": ", Lieferung am {}",
    "express": " Bitte als Eilsendung.",
}
_ES_PHRASES = {
    "number": ", pedido {}",
    "price": " a {} EUR cada una",
    "day": ", entrega el {}",
    "express": " Envío urgente, por favor.",
}
_PHRASES = {
    "number": (", order number {}", ", order {}", ", ref {}"),
    "price": (" at {} EUR each", " for {} EUR apiece", ", unit price {} EUR"),
    "day": (", delivery on {}", ", to arrive on {}", ", due {}"),
    "express": (" Express, please.", " Send it express.", " This one is express."),
}
_NOISE = (
    "Call back on 555-0{n}.",
    "Their last bill of {n} EUR is paid.",
    "The mail came at 9:{m}.",
    "They also asked about room {m}, never mind.",
    "Invoice {n} is another matter.",
)


def draw(random: Random, source: str) -> tuple[str, Any, str]:
    """Draw a text, its gold, and the name of its template."""
    most = len(NUMBERS) if source == "forms" else 99
    gold = _gold(random, missing=MISSING.get(source, 0.15), most=most)
    if source == "language":
        name, template, phrases, day = random.choice(
            (("german", _DE, _DE_PHRASES, german_day), ("spanish", _ES, _ES_PHRASES, spanish_day))
        )
        text = _filled(template, gold, {slot: (phrase,) for slot, phrase in phrases.items()}, random, day=day)
        return text, gold, f"order-{name}"
    name = TEMPLATES_OF.get(source, source)
    number = random.randrange(len(TEMPLATES[name]))
    template = TEMPLATES[name][number]
    if source == "forms":
        text = _filled(
            template, gold, _PHRASES, random, day=lambda due: odd_day_text(due, random), is_odd=True
        )
    else:
        text = _filled(template, gold, _PHRASES, random)
    if source == "two":
        second = _filled(random.choice(TEMPLATES[name]), _gold(random, missing=0.15), _PHRASES, random)
        text = f"{text} And a second order: {second}"
    return text, gold, f"order-{name}-{number + 1}"


def _gold(random: Random, *, missing: float, most: int = 99) -> dict[str, Any]:
    """Draw an order. Each optional value is missing with a probability."""

    def maybe(value: Any) -> Any:
        return None if random.random() < missing else value

    return {
        "number": maybe(f"{random.choice('ABKMRT')}{random.choice('CDEXZ')}-{random.randrange(1000, 10000)}"),
        "customer": f"{random.choice(FIRST)} {random.choice(LAST)}",
        "item": random.choice(ITEMS),
        "quantity": random.randrange(2, most + 1),
        "unit_price": maybe(random.randrange(300, 90_000) / 100),
        "delivery": maybe(a_day(random).isoformat()),
        "express": random.random() < 0.3,
    }


def _filled(
    template: str,
    gold: dict[str, Any],
    phrases: dict[str, Any],
    random: Random,
    *,
    day: Callable[[date], str] | None = None,
    is_odd: bool = False,
) -> str:
    """Fill a template. *is_odd* writes numbers in a form that no training text has."""
    write = day or (lambda due: day_text(due, random))

    def phrase(slot: str, value: str | None) -> str:
        return "" if value is None else str(random.choice(phrases[slot])).format(value)

    price, due = gold["unit_price"], gold["delivery"]
    cents = "," if is_odd else "."
    text = template.format(
        customer=gold["customer"],
        item=gold["item"],
        quantity=NUMBERS[gold["quantity"] - 1] if is_odd else gold["quantity"],
        number=phrase("number", gold["number"]),
        price=phrase("price", None if price is None else f"{price:.2f}".replace(".", cents)),
        day=phrase("day", None if due is None else write(date.fromisoformat(due))),
        express=random.choice(phrases["express"]) if gold["express"] else "",
        noise=random.choice(_NOISE).format(n=random.randrange(100, 1000), m=random.randrange(10, 60)),
    )
    return " ".join(text.split())
