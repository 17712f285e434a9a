"""Expense claims: an object with a list of amounts, each with a kind and a currency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.finetune_orders import MISSING, TEMPLATES_OF
from benchmarks.finetune_values import FIRST, LAST

if TYPE_CHECKING:
    from random import Random

NAME = "expenses"
INSTRUCTION = "Extract the expense claim as JSON."
_LINE = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["taxi", "meal", "hotel", "parking", "book"]},
        "amount": {"type": "number", "minimum": 0, "maximum": 2000},
        "currency": {"enum": ["EUR", "USD", "GBP"]},
    },
    "required": ["kind", "amount", "currency"],
    "additionalProperties": False,
}
SCHEMA: dict[str, Any] = {
    "title": "Expenses",
    "type": "object",
    "properties": {
        "claimant": {"type": "string", "minLength": 1, "maxLength": 40},
        "cost_center": {"type": ["string", "null"], "pattern": "^[0-9]{3}-[A-Z]$"},
        "lines": {"type": "array", "items": _LINE, "minItems": 1, "maxItems": 4},
        "approved_by": {"type": ["string", "null"], "maxLength": 40},
        "has_receipts": {"type": "boolean"},
    },
    "required": ["claimant", "cost_center", "lines", "approved_by", "has_receipts"],
    "additionalProperties": False,
}
HARD = ("missing", "forms", "language")

# Each of the slots {cost_center}, {approved_by}, and {has_receipts} is a phrase. The phrase of a missing value is empty.
TEMPLATES = {
    "train": (
        "{claimant} claims {lines}{cost_center}{approved_by}.{has_receipts} {noise}",
        "Expenses of {claimant}: {lines}{approved_by}{cost_center}.{has_receipts}",
        "{noise} Please pay {claimant} back for {lines}{cost_center}{approved_by}.{has_receipts}",
        "Hello, {claimant} here. I paid {lines}{cost_center}{approved_by}.{has_receipts} {noise}",
        "Claim by {claimant}{cost_center}: {lines}{approved_by}.{has_receipts}",
        "To refund to {claimant}: {lines}{approved_by}{cost_center}.{has_receipts} {noise}",
        "{claimant} spent {lines} on the trip{cost_center}{approved_by}.{has_receipts}",
        "Costs{cost_center}: {lines}. Paid by {claimant}{approved_by}.{has_receipts} {noise}",
    ),
    "unseen": (
        "Last week {claimant} had these costs: {lines}{approved_by}{cost_center}.{has_receipts} {noise}",
        "Can we settle {lines} with {claimant}{cost_center}{approved_by}?{has_receipts}",
        "{noise} We owe {claimant} the following, {lines}{cost_center}{approved_by}.{has_receipts}",
        "Out of pocket, {claimant}: {lines}{cost_center}{approved_by}.{has_receipts}",
    ),
}
_LINES = {
    "train": (
        "{amount} {currency} for {thing}",
        "{thing} of {amount} {currency}",
        "{thing} ({currency} {amount})",
    ),
    "unseen": ("{thing} at {amount} {currency}", "{currency} {amount} that went to {thing}"),
}
_THINGS = {
    "train": {
        "taxi": ("a taxi", "a cab"), "meal": ("a meal", "lunch", "dinner"), "hotel": ("a hotel", "a hotel night"),
        "parking": ("parking", "a parking ticket"), "book": ("a book", "a manual"),
    },
    "forms": {
        "taxi": ("a ride to the airport by taxi",), "meal": ("breakfast", "a supper with a client"),
        "hotel": ("two nights at an inn",), "parking": ("the car park",), "book": ("a paperback on statistics",),
    },
}  # fmt: skip
_PHRASES = {
    "cost_center": (", cost center {}", ", charged to {}", " (cost center {})"),
    "approved_by": (", approved by {}", ", signed off by {}", ", with the consent of {}"),
    "has_receipts": (" Receipts are attached.", " All receipts enclosed.", " See the receipts."),
}
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
_OTHERS: dict[str, dict[str, Any]] = {
    "german": {
        "template": "{claimant} rechnet ab: {lines}{cost_center}{approved_by}.{has_receipts}",
        "line": "{amount} {currency} für {thing}",
        "and": " und ",
        "things": {
            "taxi": ("ein Taxi",), "meal": ("ein Essen",), "hotel": ("ein Hotel",), "parking": ("einen Parkplatz",),
            "book": ("ein Buch",),
        },
        "phrases": {
            "cost_center": (", Kostenstelle {}",), "approved_by": (", genehmigt von {}",),
            "has_receipts": (" Belege liegen bei.",),
        },
    },
    "spanish": {
        "template": "{claimant} presenta gastos: {lines}{cost_center}{approved_by}.{has_receipts}",
        "line": "{amount} {currency} por {thing}",
        "and": " y ",
        "things": {
            "taxi": ("un taxi",), "meal": ("una comida",), "hotel": ("un hotel",), "parking": ("aparcamiento",),
            "book": ("un libro",),
        },
        "phrases": {
            "cost_center": (", centro de coste {}",), "approved_by": (", aprobado por {}",),
            "has_receipts": (" Se adjuntan los recibos.",),
        },
    },
}  # fmt: skip
_NOISE = (
    "The trip was {n} km long.",
    "Flight {n} was paid by the office.",
    "The mail came at 9:{m}.",
    "An advance of {n} EUR was returned in May.",
    "Claim {n} is settled.",
)


def draw(random: Random, source: str) -> tuple[str, Any, str]:
    """Draw a text, its answer, and the name of its template."""
    gold = _gold(random, missing=MISSING.get(source, 0.15))
    if source == "language":
        name = random.choice(sorted(_OTHERS))
        other = _OTHERS[name]
        parts = [_line(other["line"], line, other["things"], random) for line in gold["lines"]]
        text = _filled(other["template"], gold, other["phrases"], random, _joined(parts, other["and"]))
        return text, gold, f"expenses-{name}"
    name = TEMPLATES_OF.get(source, source)
    number = random.randrange(len(TEMPLATES[name]))
    is_odd = source == "forms"
    things = _THINGS["forms" if is_odd else "train"]
    parts = [
        _line(random.choice(_LINES[name]), line, things, random, is_odd=is_odd) for line in gold["lines"]
    ]
    text = _filled(TEMPLATES[name][number], gold, _PHRASES, random, _joined(parts, " and "))
    return text, gold, f"expenses-{name}-{number + 1}"


def _gold(random: Random, *, missing: float) -> dict[str, Any]:
    """Draw an answer, in which each optional value is missing with a probability."""

    def maybe(value: Any) -> Any:
        return None if random.random() < missing else value

    def person() -> str:
        return f"{random.choice(FIRST)} {random.choice(LAST)}"

    def amount() -> float | int:
        return random.choice((random.randrange(3, 300), random.randrange(300, 30000) / 100))

    kinds = random.sample(sorted(_THINGS["train"]), random.choice((1, 2, 2, 3)))
    lines = [{"kind": kind, "amount": amount(), "currency": random.choice(sorted(_SIGNS))} for kind in kinds]
    return {
        "claimant": person(),
        "cost_center": maybe(f"{random.randrange(100, 1000)}-{random.choice('ABCDEFGHKLMNPRSTW')}"),
        "lines": lines,
        "approved_by": maybe(person()),
        "has_receipts": random.random() < 0.4,
    }


def _line(
    template: str,
    line: dict[str, Any],
    things: dict[str, tuple[str, ...]],
    random: Random,
    *,
    is_odd: bool = False,
) -> str:
    """Write one line of a claim. *is_odd* writes currencies in a form that no training text has."""
    amount, currency = str(line["amount"]), line["currency"]
    if is_odd:
        template = template.replace("{amount} {currency}", "{currency}{amount}")
        template = template.replace("{currency} {amount}", "{currency}{amount}")
        currency = _SIGNS[currency]
    return template.format(thing=random.choice(things[line["kind"]]), amount=amount, currency=currency)


def _filled(
    template: str, gold: dict[str, Any], phrases: dict[str, tuple[str, ...]], random: Random, lines: str
) -> str:
    slots = {"claimant": gold["claimant"], "lines": lines}
    for slot, wordings in phrases.items():
        value = gold[slot]
        slots[slot] = "" if value in (None, False) else random.choice(wordings).format(value)
    noise = random.choice(_NOISE).format(n=random.randrange(100, 1000), m=random.randrange(10, 60))
    return " ".join(template.format(noise=noise, **slots).split())


def _joined(parts: list[str], conjunction: str) -> str:
    *most, last = parts
    return f"{', '.join(most)}{conjunction}{last}" if most else last
