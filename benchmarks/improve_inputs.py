"""Inputs with right answers for four schemas of the built-in suite: python benchmarks/improve_inputs.py SCHEMA COUNT.

The same schema, count, and seed give the same inputs. All inputs of a schema are different.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta

Pair = tuple[str, dict]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_TITLES = [
    "Board call", "Budget review", "Choir rehearsal", "Code review", "Dentist", "Design jam", "Fire drill", "Flu shots",
    "Garden day", "Hiring sync", "Kick-off", "Legal update", "Night hike", "Open day", "Pub quiz", "Retrospective",
    "Sales huddle", "Tyre change", "Wine tasting", "Yoga class",
]  # fmt: skip
_SPANS = {5: "5 min", 15: "a quarter of an hour", 20: "20 minutes", 30: "half an hour", 45: "45 min", 60: "one hour", 75: "an hour and a quarter", 90: "1.5 hours", 120: "two hours", 150: "2 h 30 min", 180: "three hours", 240: "four hours"}  # fmt: skip
_EVENTS = [
    "{title}, {day}, {span}.",
    "Please book {title} for {day}. It takes {span}.",
    "{title} was moved to {day}; plan {span} for it.",
    "On {day} we have {title} ({span}). Bring a pen.",
    "Reminder: {day}, {title}. Duration: {span}.",
    "{day} / {title} / {span} / room Cedar",
    "Come to {title}! When? {day}. How long? About {span}.",
    "The team agreed on {span} for {title}, on {day}.",
]
_SERVICES = [
    "auth",
    "billing",
    "cart",
    "edge",
    "gateway",
    "mailer",
    "order-api",
    "search",
    "stock",
    "user-store",
    "web",
]
_LEVELS = {"debug": ("DEBUG", "dbg", "debug"), "info": ("INFO", "info", "Information"), "warn": ("WARN", "WARNING", "warn"), "error": ("ERROR", "err", "error")}  # fmt: skip
_CODES = [200, 201, 204, 301, 302, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504]
_LINES = [
    "{time} {level} {service}: upstream answered {code}",
    "[{service}] {level}, took {ms} ms, status {code}",
    "level={level} svc={service} GET /items/{ms} code={code}",
    "{level} {service} - POST /v1/items after 2 retries: {code}",
    "{time} | {service} | {level} | {code} | {ms} ms",
    '{{"lvl": "{level}", "app": "{service}", "ms": {ms}, "status": {code}}}',
    "<{level}> {service} wrote {code} to the client after {ms} ms",
    "service {service} logged at {level}: HTTP {code}",
]
_BANKS = ["BANK", "BOAT", "CAFE", "FARM", "HOME", "MOON", "PORT", "SHOP", "SHOW", "WALD"]
_PURPOSES = ["tea", "rent", "two tickets", "eggs", "invoice 7", "piano lesson", "bike repair", "books"]
_CURRENCIES = {"EUR": "€{0}", "USD": "${0}", "GBP": "£{0}", "JPY": "¥{0}"}
_PAYMENTS = [
    "Please send {money} to {iban}{when}, purpose {purpose}.",
    "{money} go to {iban}{when}. Purpose: {purpose}.",
    "{iban} gets {money}{when} for {purpose}.",
    "Transfer to {iban}, {money}{when}. Write {purpose} as the purpose.",
    "Pay {money}{when}. Account: {iban}. Purpose: {purpose}.",
]
_PROBLEMS = [
    ("My parcel is {n} days late", "shipping", ["delay"]),
    ("The {thing} came with a crack", "shipping", ["damage"]),
    ("The {thing} arrived {n} days late and broken", "shipping", ["delay", "damage"]),
    ("I was charged {n} times for the {thing}, please pay it back", "billing", ["refund"]),
    ("The invoice for the {thing} has the wrong address", "billing", []),
    ("I forgot my password and cannot order the {thing}", "login", ["password"]),
    ("My account is locked for {n} hours now, so I cannot sign in", "login", []),
    ("Do you also sell a {thing} in {n} colors?", "other", []),
]
_THINGS = ["lamp", "vase", "chair", "kettle", "mirror", "clock", "sofa", "desk", "rug", "radio"]
_URGENT = [(" This is urgent!", True), (" It is urgent, please hurry.", True), (" No hurry.", False), (" Whenever you find time.", False), ("", False)]  # fmt: skip
_GREETINGS = ["", "Hello! ", "Dear team, ", "Hi there, ", "Good morning. "]


def _event(draw: random.Random) -> Pair:
    day = date(2026, 1, 1) + timedelta(days=draw.randrange(365))
    written = draw.choice(
        [
            day.isoformat(),
            f"{day.day} {_MONTHS[day.month - 1]} {day.year}",
            f"{_MONTHS[day.month - 1]} {day.day}, {day.year}",
        ]
    )
    title, (minutes, span) = draw.choice(_TITLES), draw.choice([*_SPANS.items()])
    text = draw.choice(_EVENTS).format(title=title, day=written, span=span)
    return text, {"title": title, "date": day.isoformat(), "minutes": minutes}


def _log_line(draw: random.Random) -> Pair:
    level, service, code = draw.choice([*_LEVELS]), draw.choice(_SERVICES), draw.choice(_CODES)
    time = f"{draw.randrange(24):02}:{draw.randrange(60):02}:{draw.randrange(60):02}"
    words = {"level": draw.choice(_LEVELS[level]), "service": service, "code": code, "time": time, "ms": draw.randrange(600, 900)}  # fmt: skip
    return draw.choice(_LINES).format(**words), {"level": level, "service": service, "code": code}


def _payment(draw: random.Random) -> Pair:
    currency, major, minor = draw.choice([*_CURRENCIES]), draw.randrange(1, 900), draw.randrange(100)
    is_whole = currency == "JPY"
    iban = [
        "X" + draw.choice("ABCDEFGHIJ") + str(draw.randrange(10, 99)),
        draw.choice(_BANKS),
        str(draw.randrange(1000, 9999)),
    ]
    day = date(2026, 1, 1) + timedelta(days=draw.randrange(365))
    when, at = draw.choice([("", "now"), (" now", "now"), (f" on {day.isoformat()}", {"on": day.isoformat()}), (f" on {day.day} {_MONTHS[day.month - 1]} {day.year}", {"on": day.isoformat()})])  # fmt: skip
    purpose = draw.choice(_PURPOSES)
    money = _CURRENCIES[currency].format(major if is_whole else f"{major}.{minor:02}")
    text = draw.choice(_PAYMENTS).format(
        money=money, iban=draw.choice([" ", ""]).join(iban), when=when, purpose=purpose
    )
    amount = major if is_whole else 100 * major + minor
    return text, {
        "iban": "".join(iban),
        "amount": amount,
        "currency": currency,
        "when": at,
        "purpose": purpose,
    }


def _ticket(draw: random.Random) -> Pair:
    problem, team, tags = draw.choice(_PROBLEMS)
    urgent, is_urgent = draw.choice(_URGENT)
    said = problem.format(n=draw.randrange(2, 9), thing=draw.choice(_THINGS))
    end = "" if said.endswith("?") else "."
    return f"{draw.choice(_GREETINGS)}{said}{end}{urgent}", {"team": team, "urgent": is_urgent, "tags": tags}


DRAWN: dict[str, Callable[[random.Random], Pair]] = {
    "event": _event,
    "log_line": _log_line,
    "payment": _payment,
    "ticket": _ticket,
}
"""The generator of each schema."""


def inputs_of(schema: str, count: int, seed: int = 0) -> list[Pair]:
    """Return different inputs of a schema with their right answers."""
    return list(_different(DRAWN[schema], count, random.Random(f"{schema} {seed}")))


def _different(draw_one: Callable[[random.Random], Pair], count: int, draw: random.Random) -> Iterator[Pair]:
    seen: set[str] = set()
    while len(seen) < count:
        text, gold = draw_one(draw)
        if text not in seen:
            seen.add(text)
            yield text, gold


if __name__ == "__main__":
    for text, gold in inputs_of(sys.argv[1], int(sys.argv[2])):
        print(json.dumps({"input": text, "output": gold}, ensure_ascii=False))
