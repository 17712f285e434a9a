"""Bookings of a journey: an array of objects, each of one of three kinds."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from benchmarks.finetune_orders import MISSING, TEMPLATES_OF
from benchmarks.finetune_values import (
    CITIES,
    FIRST,
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

NAME = "bookings"
INSTRUCTION = "List the bookings as JSON."
_CITY = {"type": "string", "minLength": 1, "maxLength": 30}
_DAY = {"type": ["string", "null"], "format": "date"}
_COUNT = {"type": ["integer", "null"], "minimum": 1, "maximum": 30}


def _booking(kind: str, **parts: Any) -> dict[str, Any]:
    properties = {"kind": {"const": kind}, **parts}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


SCHEMA: dict[str, Any] = {
    "title": "Bookings",
    "type": "array",
    "items": {
        "anyOf": [
            _booking("train", **{"from": _CITY, "to": _CITY, "day": _DAY}),
            _booking("hotel", city=_CITY, nights=_COUNT, breakfast={"type": "boolean"}),
            _booking("car", city=_CITY, days=_COUNT),
        ]
    },
    "minItems": 1,
    "maxItems": 6,
}
HARD = ("missing", "two", "forms", "language")

# Templates of each kind of booking. Training and held-out sets share none.
TEMPLATES: dict[str, dict[str, tuple[str, ...]]] = {
    "train": {
        "train": (
            "a train from {from} to {to}{day}", "the train {from} - {to}{day}", "rail travel to {to} from {from}{day}",
            "one train seat, {from} to {to}{day}",
        ),
        "hotel": (
            "a hotel in {city}{nights}{breakfast}", "a room in {city}{nights}{breakfast}", "hotel: {city}{nights}{breakfast}",
            "a hotel room at {city}{breakfast}{nights}",
        ),
        "car": ("a car in {city}{days}", "a rental car at {city}{days}", "car hire: {city}{days}", "a hired car in {city}{days}"),
        "frame": (
            "{who} needs {what}.", "Please book {what} for {who}.", "Trip of {who}: {what}. {noise}", "{noise} For {who}: {what}.",
            "To arrange for {who}: {what}.", "Hello, {who} asks for {what}. {noise}", "Travel desk, {who} wants {what}.",
            "Booking request by {who}: {what}. {noise}",
        ),
    },
    "unseen": {
        "train": ("a seat on the train that goes from {from} to {to}{day}", "train tickets, starting in {from}, ending in {to}{day}"),
        "hotel": ("lodging at a hotel of {city}{nights}{breakfast}", "some hotel, {city} if possible{nights}{breakfast}"),
        "car": ("wheels, a small car in {city}{days}", "a car to pick up in {city}{days}"),
        "frame": (
            "Could you get {what}? It is {who} who travels.", "{who} is on the road soon and has asked us for {what}. {noise}",
            "What we still lack for {who} is {what}.", "{noise} Traveller {who}. Wanted: {what}.",
        ),
    },
}  # fmt: skip
_PHRASES = {
    "day": (" on {}", ", {}", ", leaving {}"),
    "nights": (" for {} nights", ", {} nights", " ({} nights)"),
    "days": (" for {} days", ", {} days", " ({} days)"),
    "breakfast": (" with breakfast", ", breakfast included"),
}
_OTHERS: dict[str, dict[str, Any]] = {
    "german": {
        "train": "eine Zugfahrt von {from} nach {to}{day}", "hotel": "ein Hotel in {city}{nights}{breakfast}",
        "car": "einen Mietwagen in {city}{days}", "frame": "{who} braucht {what}.", "and": " und ", "write": german_day,
        "phrases": {"day": (" am {}",), "nights": (" für {} Nächte",), "days": (" für {} Tage",), "breakfast": (" mit Frühstück",)},
    },
    "spanish": {
        "train": "un tren de {from} a {to}{day}", "hotel": "un hotel en {city}{nights}{breakfast}",
        "car": "un coche en {city}{days}", "frame": "{who} necesita {what}.", "and": " y ", "write": spanish_day,
        "phrases": {"day": (" el {}",), "nights": (" por {} noches",), "days": (" por {} días",), "breakfast": (" con desayuno",)},
    },
}  # fmt: skip
_NOISE = (
    "The last journey cost {n} EUR.",
    "No flight this time.",
    "Charge it to project {n}.",
    "The meeting begins at 9:{m}.",
    "A taxi is not needed.",
)


def draw(random: Random, source: str) -> tuple[str, Any, str]:
    """Draw a text, its gold, and the name of its template."""
    most = len(NUMBERS) if source == "forms" else 20
    gold = _gold(random, missing=MISSING.get(source, 0.15), most=most)
    if source == "language":
        name = random.choice(sorted(_OTHERS))
        return _in_another(_OTHERS[name], gold, random), gold, f"bookings-{name}"
    name = TEMPLATES_OF.get(source, source)
    write = (
        (lambda day: odd_day_text(day, random)) if source == "forms" else (lambda day: day_text(day, random))
    )
    frame = random.randrange(len(TEMPLATES[name]["frame"]))
    text = _framed(TEMPLATES[name]["frame"][frame], gold, name, write, random, is_odd=source == "forms")
    if source == "two":
        second = _gold(random, missing=0.15, most=20)[:2]
        text += " " + _framed(random.choice(TEMPLATES[name]["frame"]), second, name, write, random)
        gold += second
    return text, gold, f"bookings-{name}-{frame + 1}"


def _gold(random: Random, *, missing: float, most: int) -> list[dict[str, Any]]:
    """Draw one to three bookings. Each optional value is missing with a probability."""

    def maybe(value: Any) -> Any:
        return None if random.random() < missing else value

    def one(kind: str) -> dict[str, Any]:
        here, there = random.sample(CITIES, 2)
        if kind == "train":
            return {"kind": kind, "from": here, "to": there, "day": maybe(a_day(random).isoformat())}
        count = maybe(random.randrange(2, most + 1))
        if kind == "hotel":
            return {"kind": kind, "city": here, "nights": count, "breakfast": random.random() < 0.4}
        return {"kind": kind, "city": here, "days": count}

    return [one(random.choice(("train", "hotel", "car"))) for _ in range(random.randrange(1, 4))]


def _framed(
    frame: str,
    gold: list[dict[str, Any]],
    name: str,
    write: Callable[[date], str],
    random: Random,
    *,
    is_odd: bool = False,
) -> str:
    parts = [
        _worded(
            random.choice(TEMPLATES[name][booking["kind"]]), booking, _PHRASES, write, random, is_odd=is_odd
        )
        for booking in gold
    ]
    *most, last = parts
    what = f"{', '.join(most)} and {last}" if most else last
    noise = random.choice(_NOISE).format(n=random.randrange(100, 1000), m=random.randrange(10, 60))
    return " ".join(frame.format(who=_who(random), what=what, noise=noise).split())


def _in_another(language: dict[str, Any], gold: list[dict[str, Any]], random: Random) -> str:
    parts = [
        _worded(language[one["kind"]], one, language["phrases"], language["write"], random) for one in gold
    ]
    return str(language["frame"].format(who=_who(random), what=language["and"].join(parts)))


def _who(random: Random) -> str:
    return f"{random.choice(FIRST)} {random.choice(LAST)}"


def _worded(
    template: str,
    booking: dict[str, Any],
    phrases: dict[str, tuple[str, ...]],
    write: Callable[[date], str],
    random: Random,
    *,
    is_odd: bool = False,
) -> str:
    """Write one booking. *is_odd* writes numbers in a form that no training text has."""
    slots: dict[str, Any] = {}
    for slot, value in booking.items():
        if slot not in phrases:
            slots[slot] = value
        elif value is None or value is False:
            slots[slot] = ""
        else:
            text = write(date.fromisoformat(value)) if slot == "day" else value
            text = NUMBERS[value - 1] if is_odd and slot in ("nights", "days") else text
            slots[slot] = random.choice(phrases[slot]).format(text)
    return template.format(**slots)
