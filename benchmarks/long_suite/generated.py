"""Tasks that a seeded generator writes: nested parts, a log in German, and an application with many open questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.long_suite.tasks import LongTask, text_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from benchmarks.long_suite.runs import Runs

LICENCE = "Apache-2.0"
TASKS = 55
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def tasks(runs: Runs, random: Random) -> Iterator[LongTask]:
    """Yield the tasks of the three generated schemas."""
    for name, instruction, schema, write in (
        ("assembly", _ASSEMBLY, ASSEMBLY, _assembly),
        ("shift_log", _SHIFT, SHIFT, _shift),
        ("application", _APPLICATION, APPLICATION, _application),
    ):
        for number in range(1, TASKS + 1):
            text, gold = write(runs, random)
            runs.end()
            match = text_matches(gold)
            yield LongTask(f"{name}-{number}", name, LICENCE, instruction, text, schema, gold, match)


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _new(runs: Runs, write: Callable[[], tuple[str, Any]]) -> tuple[str, Any]:
    """Return the first written sentence that shares no run of words with another task, or an empty one."""
    for _ in range(50):
        sentence, value = write()
        if runs.add(sentence):
            return sentence, value
    return "", None


# An assembly: sentences in any order say which part is in which. The answer is the tree.
_PART = _closed({
    "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
    "name": {"type": "string"},
    "pieces": {"type": "integer", "minimum": 1},
    "grams": {"type": ["integer", "null"], "description": "Weight of one piece. null if it is not stated."},
    "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}, "maxItems": 200},
})  # fmt: skip
ASSEMBLY = {"$schema": _DIALECT, "title": "assembly", "$ref": "#/$defs/part", "$defs": {"part": _PART}}
_ASSEMBLY = (
    "Return the machine as a tree of parts. The first sentence is about the whole machine. Each other sentence is about "
    "a part, and names the code of the part in which it is. List the parts inside a part in the order of the text. "
    "grams is the weight of one piece, and null if the text does not state it."
)
_MATERIALS = "brass steel copper nylon rubber ceramic titanium bronze glass cork zinc walnut felt carbon lead tin".split()
_SHAPES = "shaft plate wheel spring valve ring bolt cover frame pin lever nozzle bearing clamp gasket spindle hook tray disc tube".split()
_PLACES = (
    "It belongs in",
    "It is fitted to",
    "You find it in",
    "It hangs on",
    "It is screwed to",
    "It goes into",
)


def _assembly(runs: Runs, random: Random) -> tuple[str, Any]:
    size = random.choice((14, 20, 30, 45, 70, 100, 150))
    codes = [
        f"{random.choice('ABCDEFGHKLMNPRSTUVWX')}{random.choice('ABCDEFGHKLMNPRSTUVWX')}-{number}"
        for number in random.sample(range(1000, 10_000), size)
    ]
    root, sentences = None, []
    known: list[dict[str, Any]] = []
    for code in codes:
        part = {
            "code": code,
            "name": f"{random.choice(_MATERIALS)} {random.choice(_SHAPES)}",
            "pieces": 1 if root is None else random.choice((1, 1, 2, 3, 4, 6, 8, 12)),
            "grams": random.randint(3, 9_000) if random.random() < 0.7 else None,
            "parts": [],
        }
        parent = random.choice(known[-12:]) if known else None
        if root is None or parent is None:
            root = part
        else:
            parent["parts"].append(part)
        known.append(part)
        sentences.append(_new(runs, lambda part=part, parent=parent: (_about(part, parent, random), part))[0])
        assert sentences[-1]
    # A part can be named before the part in which it is, but siblings stay in their order.
    return " ".join(sentences), root


def _about(part: dict[str, Any], parent: dict[str, Any] | None, random: Random) -> str:
    name, code, pieces = part["name"], part["code"], part["pieces"]
    number = "one piece" if pieces == 1 else f"{pieces} pieces"
    weight = (
        ""
        if part["grams"] is None
        else random.choice((f" of {part['grams']} g each", f", {part['grams']} g each"))
    )
    if parent is None:
        return f"Machine {code}, called the {name}, is {number}{weight}."
    start = random.choice(
        (
            f"{code} is a {name}: {number}{weight}.",
            f"Take {number} of {code}, the {name}{weight}.",
            f"The {name} has the code {code} ({number}{weight}).",
        )
    )
    return f"{start} {random.choice(_PLACES)} {parent['code']}."


# A log of a shift in German: a list of entries of five kinds, told apart by their tag.
_TIME = {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}
_NAME = {"type": "string"}
_KINDS = {
    "stoerung": {"maschine": _NAME, "code": _NAME, "behoben_um": {"type": ["string", "null"]}},
    "lieferung": {"ware": _NAME, "menge_kg": {"type": "integer"}, "lieferant": {"type": ["string", "null"]}},
    "messung": {"stelle": _NAME, "grad": {"type": "number"}},
    "besuch": {"gast": _NAME, "firma": {"type": ["string", "null"]}, "abfahrt": {"type": ["string", "null"]}},
    "uebergabe": {"von": _NAME, "an": _NAME},
}
SHIFT = {
    "$schema": _DIALECT,
    "title": "shift_log",
    **_closed({
        "tag": {"type": "string", "format": "date"},
        "leitung": {"type": ["string", "null"]},
        "eintraege": {
            "type": "array",
            "maxItems": 200,
            "items": {"anyOf": [_closed({"art": {"const": kind}, "zeit": _TIME, **parts}) for kind, parts in _KINDS.items()]},
        },
    }),
}  # fmt: skip
_SHIFT = (
    "Übertrage das Schichtbuch. Jeder Eintrag beginnt mit einer Uhrzeit und hat eine Art: stoerung, lieferung, messung, "
    "besuch oder uebergabe. Die Reihenfolge bleibt. Was der Text nicht nennt, ist null."
)
_FIRST = "Katrin Jonas Meike Holger Silke Bernd Aylin Rainer Ute Emre Frauke Lutz Svenja Dieter Paula Henning Greta Volker Nadja Thilo".split()
_LAST = "Vogel Brandt Seidel Krause Lindner Yilmaz Pohl Ritter Hagen Kessler Thoma Wendt Baier Fuchs Graf Noack Oertel Quast Rapp Zander".split()
_MACHINES = "Presse Ofen Säge Fräse Walze Stanze Pumpe Kran Mühle Waage".split()
_GOODS = "Quarzsand Zement Kalk Altglas Pellets Kies Harz Soda Ton Gips".split()
_FIRMS = "Nordkies Altmann Hellweg Rieke Sturm Bergbau-Süd Talmühle Kranich Uferwerk Lohse".split()
_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()


def _shift(runs: Runs, random: Random) -> tuple[str, Any]:
    size = random.choice((25, 40, 60, 90, 130, 190))
    month, day, year = random.randint(1, 12), random.randint(1, 28), random.randint(1990, 2025)
    lead = _person(random) if random.random() < 0.6 else None
    head = f"Schichtbuch, {day}. {_MONTHS[month - 1]} {year}." + (f" Leitung: {lead}." if lead else "")
    runs.add(head)
    minute, lines, entries = 300, [], []
    for _ in range(size):
        minute += random.randint(1, max(1, 1_000 // size))
        zeit = _clock(minute)
        line, entry = _new(runs, lambda zeit=zeit, minute=minute: _entry(zeit, minute, random))
        if line:
            lines.append(line)
            entries.append(entry)
    gold = {"tag": f"{year}-{month:02}-{day:02}", "leitung": lead, "eintraege": entries}
    return "\n".join([head, *lines]), gold


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def _person(random: Random) -> str:
    return f"{random.choice(_FIRST)} {random.choice(_LAST)}"


def _entry(zeit: str, minute: int, random: Random) -> tuple[str, Any]:
    kind = random.choice(list(_KINDS))
    entry: dict[str, Any] = {"art": kind, "zeit": zeit}
    later = _clock(minute + random.randint(2, 90)) if random.random() < 0.5 else None
    if kind == "stoerung":
        entry |= {
            "maschine": f"{random.choice(_MACHINES)} {random.randint(1, 40)}",
            "code": f"E{random.randint(100, 999)}",
            "behoben_um": later,
        }
        tail = (
            f" Behoben um {later}."
            if later
            else random.choice(("", " Noch nicht behoben.", " Technik ist verständigt."))
        )
        return f"{zeit} {entry['maschine']} steht still, Meldung {entry['code']}.{tail}", entry
    if kind == "lieferung":
        firm = random.choice(_FIRMS) if later else None
        entry |= {"ware": random.choice(_GOODS), "menge_kg": random.randint(2, 480) * 25, "lieferant": firm}
        tail = f" von {firm}" if firm else random.choice(("", ", Lieferschein fehlt", ", ohne Papiere"))
        return f"{zeit} {entry['menge_kg']} kg {entry['ware']} angeliefert{tail}.", entry
    if kind == "messung":
        grad = random.randint(-90, 9_900) / 10
        entry |= {
            "stelle": f"{random.choice(('Kessel', 'Halle', 'Rohr', 'Silo', 'Becken'))} {random.randint(1, 60)}",
            "grad": grad,
        }
        return f"{zeit} Temperatur in {entry['stelle']}: {str(grad).replace('.', ',')} Grad.", entry
    if kind == "besuch":
        firm = random.choice(_FIRMS) if random.random() < 0.6 else None
        entry |= {"gast": _person(random), "firma": firm, "abfahrt": later}
        tail = f" Abfahrt {later}." if later else ""
        return f"{zeit} {entry['gast']}{f' ({firm})' if firm else ''} meldet sich an der Pforte.{tail}", entry
    von, an = random.sample(sorted({_person(random) for _ in range(6)}), 2)
    entry |= {"von": von, "an": an}
    return f"{zeit} {von} übergibt an {an}.", entry


# An application: a letter answers some questions of a long form. Sentences about other people invite invention.
_Q: dict[str, tuple[Any, str, Callable[[Random], Any]]] = {}


def _ask(key: str, form: str, sentence: str, draw: Callable[[Random], Any]) -> None:
    _Q[key] = ({"type": [form, "null"]}, sentence, draw)


_TOWNS = "Ashford Belmont Corvale Dunmore Elmsworth Fairlea Glenrock Harwick Inverlee Jarrow Kelso Lydham Marlow Northam Oakley".split()
_STREETS = "Mill Quarry Harbor Chapel Orchard Tanner Beacon Willow Foundry Castle".split()
_GIVEN = "Ada Bruno Clara Dmitri Esther Farid Gwen Hugo Ines Jamal Karin Liam Mona Nils Olga Pedro Quinn Rosa Samir Tess".split()
_FAMILY = "Abbott Brauer Castell Dorsey Ekman Farrow Gallo Hewitt Ibarra Jansen Kovac Larkin Moreau Novak Osborne Pruitt".split()
_JOBS = "baker welder nurse surveyor printer gardener teacher plumber roofer forester tailor pilot".split()


def _name_of(random: Random) -> str:
    return f"{random.choice(_GIVEN)} {random.choice(_FAMILY)}"


def _digits(random: Random, number: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(number))


def _day(random: Random, first: int = 2015, last: int = 2025) -> str:
    return f"{random.randint(first, last)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"


def _born(random: Random) -> str:
    return _day(random, 1945, 1984)


def _later(random: Random) -> str:
    return _day(random, 2026, 2060)


_ask("applicant", "string", "My name is {}.", _name_of)
_ask("birth_date", "string", "I was born on {}.", _born)
_ask("birth_place", "string", "My birthplace is {}.", lambda r: r.choice(_TOWNS))
_ask("street", "string", "I live at {}.", lambda r: f"{r.randint(1, 400)} {r.choice(_STREETS)} Lane")
_ask("town", "string", "The town is {}.", lambda r: r.choice(_TOWNS))
_ask("postcode", "string", "My postcode is {}.", lambda r: _digits(r, 5))
_ask("resident_since", "integer", "I moved to this town in {}.", lambda r: r.randint(2003, 2024))
_ask("phone", "string", "Call me on {}.", lambda r: f"0{_digits(r, 3)} {_digits(r, 6)}")
_ask("email", "string", "Write to {}.", lambda r: f"{r.choice(_GIVEN).lower()}{r.randint(2, 99)}@example.org")
_ask("occupation", "string", "I work as a {}.", lambda r: r.choice(_JOBS))
_ask("employer", "string", "My employer is {}.", lambda r: f"{r.choice(_FAMILY)} & Sons")
_ask("employed_since", "integer", "My present employer took me on in {}.", lambda r: r.randint(2003, 2024))
_ask("yearly_income", "integer", "I earn {} a year.", lambda r: r.randint(150, 990) * 100)
_ask("weekly_hours", "integer", "I work {} hours a week.", lambda r: r.randint(10, 45))
_ask("second_job", "string", "On weekends I am a {}.", lambda r: r.choice(_JOBS))
_ask("partner", "string", "My partner is {}.", _name_of)
_ask("partner_birth_date", "string", "My partner was born on {}.", _born)
_ask("partner_income", "integer", "My partner earns {} a year.", lambda r: r.randint(150, 990) * 100)
_ask("children", "integer", "We have {} children.", lambda r: r.randint(2, 7))
_ask("oldest_child_age", "integer", "The oldest child is {}.", lambda r: r.randint(1, 19))
_ask("dogs", "integer", "We keep {} dogs.", lambda r: r.randint(2, 5))
_ask("cats", "integer", "There are {} cats.", lambda r: r.randint(2, 9))
_ask("rooms", "integer", "The flat has {} rooms.", lambda r: r.randint(2, 9))
_ask("floor_area_m2", "integer", "The flat measures {} square metres.", lambda r: r.randint(25, 240))
_ask("floor", "integer", "We are on floor {}.", lambda r: r.randint(1, 22))
_ask("has_lift", "boolean", "The house has {} lift.", lambda r: r.random() < 0.5)
_ask("monthly_rent", "integer", "The rent is {} a month.", lambda r: r.randint(300, 2_900))
_ask("landlord", "string", "Our landlord is {}.", _name_of)
_ask("lease_ends", "string", "The lease ends on {}.", _later)
_ask(
    "heating",
    "string",
    "We heat with {}.",
    lambda r: r.choice(("gas", "oil", "wood", "district heat", "electricity")),
)
_ask(
    "car_model",
    "string",
    "My car is the model {}.",
    lambda r: f"{r.choice(_FAMILY)} {r.choice('XKRT')}{r.randint(1, 9)}",
)
_ask(
    "car_plate",
    "string",
    "The plate of my car is {}.",
    lambda r: f"{r.choice(_TOWNS)[:2].upper()} {_digits(r, 4)}",
)
_ask("car_year", "integer", "The car dates from {}.", lambda r: r.randint(1995, 2024))
_ask("mileage_km", "integer", "My car has run {} km.", lambda r: r.randint(1, 300) * 1_000)
_ask("bicycles", "integer", "I own {} bicycles.", lambda r: r.randint(2, 6))
_ask("licence_number", "string", "My driving licence is {}.", lambda r: f"L{_digits(r, 7)}")
_ask("accidents", "integer", "I had {} accidents so far.", lambda r: r.randint(2, 6))
_ask("smoker", "boolean", "I {} smoke.", lambda r: r.random() < 0.5)
_ask("height_cm", "integer", "I am {} cm tall.", lambda r: r.randint(150, 205))
_ask("weight_kg", "integer", "I weigh {} kg.", lambda r: r.randint(48, 130))
_ask("doctor", "string", "My doctor is {}.", lambda r: f"Dr. {r.choice(_FAMILY)}")
_ask(
    "allergy",
    "string",
    "I am allergic to {}.",
    lambda r: r.choice(("nuts", "pollen", "penicillin", "latex", "milk")),
)
_ask("iban_end", "string", "My account ends in {}.", lambda r: _digits(r, 4))
_ask("bank", "string", "I bank with {}.", lambda r: f"{r.choice(_TOWNS)} Savings")
_ask("savings", "integer", "I have saved {}.", lambda r: r.randint(5, 900) * 100)
_ask("loan_rate_percent", "number", "My loan costs {} percent.", lambda r: r.randint(11, 99) / 10)
_ask("loan_ends", "string", "The loan ends on {}.", _later)
_ask("pension_number", "string", "My pension number is {}.", lambda r: _digits(r, 9))
_ask("previous_insurer", "string", "Before, I was insured with {}.", lambda r: f"{r.choice(_FAMILY)} Mutual")
_ask("cancelled_on", "string", "I cancelled my previous policy on {}.", _day)
_ask("wanted_cover", "integer", "I would like cover for {}.", lambda r: r.randint(10, 900) * 1_000)
_ask("excess", "integer", "An excess of {} is fine.", lambda r: r.randint(1, 30) * 50)
_ask("start_date", "string", "Please start the cover on {}.", _later)
_ask("payment_interval_months", "integer", "I pay every {} months.", lambda r: r.choice((2, 3, 4, 6, 12)))
_ask("referred_by", "string", "{} sent me to you.", _name_of)
_ask("contact_hour", "integer", "Best call after {} o'clock.", lambda r: r.randint(8, 20))

APPLICATION = {
    "$schema": _DIALECT,
    "title": "application",
    **_closed({key: form for key, (form, _, _) in _Q.items()}),
}
_APPLICATION = (
    "Fill in the form from the letter. Every property is about the applicant, or about the applicant's partner, home, or "
    "car. Use null for everything that the letter does not state. Write dates as YYYY-MM-DD."
)
_OTHERS: tuple[tuple[str, Callable[[Random], Any]], ...] = (
    ("My cousin {} lives in another town.", _name_of),
    ("My neighbor pays {} for a similar policy.", lambda r: r.randint(100, 900)),
    ("My aunt's number is {}.", lambda r: f"0{_digits(r, 3)} {_digits(r, 6)}"),
    ("A colleague, {}, has four horses.", _name_of),
    ("My parents' house has {} rooms.", lambda r: r.randint(3, 12)),
    ("The neighbor's van has run {} km.", lambda r: r.randint(1, 300) * 1_000),
    ("My uncle was a {} all his life.", lambda r: r.choice(_JOBS)),
    ("Your office in {} was closed.", lambda r: r.choice(_TOWNS)),
    ("My cousin's policy ends on {}.", _later),
    ("Next to your office is the shop {}.", lambda r: f"{r.choice(_FAMILY)} & Daughters"),
    ("My sister is {} cm tall, by the way.", lambda r: r.randint(150, 190)),
    ("I once wrote to you about file {}.", lambda r: _digits(r, 6)),
)
_WORDS = {"has_lift": ("no", "a"), "smoker": ("do not", "do")}


def _application(runs: Runs, random: Random) -> tuple[str, Any]:
    stated = set(random.sample(list(_Q), random.randint(26, 48)))
    gold: dict[str, Any] = dict.fromkeys(_Q)
    sentences = []
    others = iter(random.sample(_OTHERS, len(_OTHERS)))
    for key, (_, sentence, draw) in _Q.items():
        if key in stated:
            text, gold[key] = _new(
                runs, lambda key=key, sentence=sentence, draw=draw: _stated(key, sentence, draw(random))
            )
            sentences.append(text)
        if random.random() < 0.2 and (other := next(others, None)) is not None:
            sentences.append(_new(runs, lambda other=other: (other[0].format(other[1](random)), None))[0])
    return " ".join(filter(None, sentences)), gold


def _stated(key: str, sentence: str, value: Any) -> tuple[str, Any]:
    shown = _WORDS[key][value] if key in _WORDS else value
    return sentence.format(shown), value
