"""Invitations to a meeting: an object with a list of names, a time, and optional values."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from benchmarks.finetune_orders import MISSING, TEMPLATES_OF
from benchmarks.finetune_values import (
    FIRST,
    LAST,
    a_day,
    day_text,
    german_day,
    odd_day_text,
    spanish_day,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

NAME = "meeting"
INSTRUCTION = "Extract the meeting as JSON."
_NAME = {"type": "string", "minLength": 1, "maxLength": 40}
SCHEMA: dict[str, Any] = {
    "title": "Meeting",
    "type": "object",
    "properties": {
        "topic": {"type": "string", "minLength": 1, "maxLength": 40},
        "guests": {"type": "array", "items": _NAME, "minItems": 1, "maxItems": 3},
        "room": {"type": ["string", "null"], "pattern": "^[A-F][0-9]{2}$"},
        "day": {"type": ["string", "null"], "format": "date"},
        "start": {"type": ["string", "null"], "pattern": "^[0-9]{2}:[0-9]{2}$"},
        "minutes": {"type": ["integer", "null"], "minimum": 5, "maximum": 480},
        "online": {"type": "boolean"},
    },
    "required": ["topic", "guests", "room", "day", "start", "minutes", "online"],
    "additionalProperties": False,
}
HARD = ("missing", "forms", "language")

_TOPICS = (
    "budget review", "hiring plan", "product launch", "safety training", "sprint planning", "office move",
    "press release", "supplier contract", "data cleanup", "sales figures", "travel policy", "test results",
)  # fmt: skip
# Each of the slots {room}, {day}, {start}, {minutes}, and {online} is a phrase. The phrase of a missing value is empty.
TEMPLATES = {
    "train": (
        "{noise} Meeting on the {topic} with {guests}{day}{start}{room}{minutes}.{online}",
        "Please invite {guests} to the {topic}{day}{start}{minutes}{room}.{online}",
        "{guests}: let us talk about the {topic}{room}{day}{start}{minutes}.{online} {noise}",
        "Topic: {topic}. Guests: {guests}{day}{start}{minutes}{room}.{online}",
        "We planned the {topic}{start}{day}{room}{minutes}. Coming: {guests}.{online} {noise}",
        "Calendar entry, {topic}{day}{start}{room}{minutes}, attended by {guests}.{online}",
        "Set up a call about the {topic} for {guests}{minutes}{day}{start}{room}.{online}",
        "{noise} {guests} will discuss the {topic}{day}{start}{minutes}{room}.{online}",
    ),
    "unseen": (
        "Could you find a slot for {guests}? The subject is the {topic}{day}{start}{room}{minutes}.{online}",
        "Reminder: {topic}{day}{start}{room}{minutes}. I expect {guests}. {noise}{online}",
        "{guests} asked for a meeting, and the {topic} is all they want to cover{start}{day}{minutes}{room}.{online}",
        "{noise} As agreed, {topic} together with {guests}{room}{day}{start}{minutes}.{online}",
    ),
}  # fmt: skip
_PHRASES = {
    "room": (", room {}", " in room {}", ", we meet in {}"),
    "day": (" on {}", ", {}", ", date {}"),
    "start": (" at {}", ", starting at {}", ", from {}"),
    "minutes": (" for {} minutes", ", {} minutes", " ({} min)"),
    "online": (" It is online.", " By video.", " This is a video call."),
}
_ODD_MINUTES = {15: "a quarter of an hour", 30: "half an hour", 60: "an hour", 120: "two hours"}
_OTHERS: dict[str, dict[str, Any]] = {
    "german": {
        "template": "Besprechung mit {guests} zum Thema {topic}{day}{start}{room}{minutes}.{online}",
        "write": german_day,
        "and": " und ",
        "phrases": {
            "room": (", Raum {}",), "day": (" am {}",), "start": (" um {} Uhr",), "minutes": (", {} Minuten",),
            "online": (" Per Video.",),
        },
    },
    "spanish": {
        "template": "Reunión con {guests} sobre {topic}{day}{start}{room}{minutes}.{online}",
        "write": spanish_day,
        "and": " y ",
        "phrases": {
            "room": (", sala {}",), "day": (" el {}",), "start": (" a las {}",), "minutes": (", {} minutos",),
            "online": (" Por video.",),
        },
    },
}  # fmt: skip
_NOISE = (
    "The last one took {n} minutes.",
    "Ticket {n} is closed.",
    "Lunch is at 12:{m}.",
    "Call me on extension {n}.",
    "Room {m} is being painted.",
)


def draw(random: Random, source: str) -> tuple[str, Any, str]:
    """Draw a text, its answer, and the name of its template."""
    is_odd = source == "forms"
    gold = _gold(random, missing=MISSING.get(source, 0.15), is_odd=is_odd)
    if source == "language":
        name = random.choice(sorted(_OTHERS))
        other = _OTHERS[name]
        slots = _phrased(gold, other["phrases"], random, other["write"])
        slots["guests"] = _listed(gold["guests"], other["and"])
        return _filled(other["template"], slots, random), gold, f"meeting-{name}"
    name = TEMPLATES_OF.get(source, source)
    number = random.randrange(len(TEMPLATES[name]))
    write = odd_day_text if is_odd else day_text
    slots = _phrased(gold, _PHRASES, random, lambda day: write(day, random), is_odd=is_odd)
    slots["guests"] = _listed(gold["guests"], " and ")
    return _filled(TEMPLATES[name][number], slots, random), gold, f"meeting-{name}-{number + 1}"


def _gold(random: Random, *, missing: float, is_odd: bool) -> dict[str, Any]:
    """Draw an answer, in which each optional value is missing with a probability."""

    def maybe(value: Any) -> Any:
        return None if random.random() < missing else value

    names = [f"{first} {random.choice(LAST)}" for first in random.sample(FIRST, random.choice((1, 2, 2, 3)))]
    lengths = tuple(_ODD_MINUTES) if is_odd else tuple(range(15, 125, 5))
    return {
        "topic": random.choice(_TOPICS),
        "guests": names,
        "room": maybe(f"{random.choice('ABCDEF')}{random.randrange(10, 100)}"),
        "day": maybe(a_day(random).isoformat()),
        "start": maybe(f"{random.randrange(8, 18):02}:{random.randrange(0, 60, 5):02}"),
        "minutes": maybe(random.choice(lengths)),
        "online": random.random() < 0.3,
    }


def _phrased(
    gold: dict[str, Any],
    phrases: dict[str, tuple[str, ...]],
    random: Random,
    write: Callable[[date], str],
    *,
    is_odd: bool = False,
) -> dict[str, str]:
    """Write the values. *is_odd* writes times and lengths in a form that no training text has."""
    slots: dict[str, str] = {"topic": gold["topic"]}
    for slot, wordings in phrases.items():
        value, phrase = gold[slot], random.choice(wordings)
        if slot == "day" and value:
            value = write(date.fromisoformat(value))
        elif slot == "start" and value and is_odd:
            hour, minute = (int(part) for part in value.split(":"))
            value = f"{(hour - 1) % 12 + 1}:{minute:02} {'am' if hour < 12 else 'pm'}"
        elif slot == "minutes" and value and is_odd:
            phrase, value = ", {}", _ODD_MINUTES[value]
        slots[slot] = phrase.format(value) if value else ""
    return slots


def _filled(template: str, slots: dict[str, str], random: Random) -> str:
    noise = random.choice(_NOISE).format(n=random.randrange(100, 1000), m=random.randrange(10, 60))
    return " ".join(template.format(noise=noise, **slots).split())


def _listed(names: list[str], conjunction: str) -> str:
    *most, last = names
    return f"{', '.join(most)}{conjunction}{last}" if most else last
