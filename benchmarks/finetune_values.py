"""The values for the slots of templates: names, things, places, and the forms of days and numbers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

FIRST = (
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Eva",
    "Frank",
    "Grace",
    "Henry",
    "Ines",
    "Jonas",
    "Karin",
    "Luis",
    "Maria",
    "Nora",
)
LAST = (
    "Adler",
    "Bishop",
    "Castro",
    "Dunn",
    "Eriksen",
    "Fischer",
    "Grant",
    "Holm",
    "Ivanov",
    "Jensen",
    "Keller",
    "Lopez",
    "Moreau",
)
ITEMS = (
    "oak desk", "steel shelf", "office chair", "floor lamp", "paper tray", "wall clock", "glass board", "coat rack",
    "desk fan", "monitor arm", "filing cabinet", "bar stool", "plant pot", "door mat", "tool box", "garden bench",
    "coffee table", "label printer", "safety helmet", "storage crate",
)  # fmt: skip
CITIES = (
    "Lisbon", "Vienna", "Oslo", "Porto", "Dublin", "Prague", "Zurich", "Madrid", "Berlin", "Athens", "Bergen", "Turin",
    "Lyon", "Krakow", "Ghent", "Malmo", "Seville", "Graz", "Bilbao", "Tallinn",
)  # fmt: skip
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
MONTHS_DE = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
    "Dezember",
)  # fmt: skip
MONTHS_ES = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
    "diciembre",
)  # fmt: skip
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def a_day(random: Random) -> date:
    """Draw a day of two years."""
    return date(2026, 1, 1) + timedelta(days=random.randrange(730))


def day_text(day: date, random: Random) -> str:
    """Write a day in a form of the training texts."""
    month = MONTHS[day.month - 1]
    return random.choice((f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}", day.isoformat()))


def odd_day_text(day: date, random: Random) -> str:
    """Write a day in a form that no training text has."""
    month = MONTHS[day.month - 1]
    suffix = "th" if 10 < day.day % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return random.choice(
        (
            f"the {day.day}{suffix} of {month} {day.year}",
            f"{day.day:02}-{month[:3]}-{day.year}",
            f"{month[:3]}. {day.day}{suffix}, {day.year}",
        )
    )


def german_day(day: date) -> str:
    """Write a day in German."""
    return f"{day.day}. {MONTHS_DE[day.month - 1]} {day.year}"


def spanish_day(day: date) -> str:
    """Write a day in Spanish."""
    return f"{day.day} de {MONTHS_ES[day.month - 1]} de {day.year}"
