"""Entries of the Jargon File 4.4.7, which is in the public domain.

The source is the Debian package jargon-text. An entry begins with `:term: /pronunciation/, grammar`. One schema asks
for these parts, and for the number of senses. The other one asks for the cross-references, which are in braces.
"""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.long_suite.tasks import LongTask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from benchmarks.long_suite.runs import Runs

LICENCE = "Public domain (Jargon File 4.4.7)"
TASKS = 55
_MOST_ITEMS = 200
_HEAD = re.compile(r"^   :(?P<term>[^:\n]+): ?(?P<rest>.*)$", re.MULTILINE)
_SAID = re.compile(r"^(/[^/\s][^/]*[^/\s]/)(?:,|$)")
_GRAMMAR = re.compile(
    r"^(?:(?:n|v|vi|vt|adj|adv|interj|prep|prefix|suffix|abbrev|cmd|obs|pl|quant|syn|prov|poss)\.?(?:, | ?/ ?|$))+$"
)
# Entries that nobody needs in a benchmark.
_OFFENSIVE = re.compile(r"\b(?:rape|fuck|shit|tits|whore|bitch|cunt)", re.IGNORECASE)


class Entry(NamedTuple):
    """An entry of the dictionary."""

    term: str
    said: str | None
    grammar: str | None
    senses: int
    references: tuple[str, ...]
    text: str


def entries(archive: Path) -> Iterator[Entry]:
    """Yield the entries whose parts are certain."""
    text = gzip.decompress(archive.read_bytes()).decode("utf-8")
    heads = list(_HEAD.finditer(text))
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        whole = text[head.start() : after.start() if after else len(text)].rstrip()
        entry = _entry(head["term"].strip(), head["rest"].strip(), whole)
        if entry is not None:
            yield entry


def _entry(term: str, rest: str, whole: str) -> Entry | None:
    said = _SAID.match(rest)
    left = rest[said.end() :].strip() if said else rest
    if (left and not _GRAMMAR.match(left)) or len(whole) > 6_000 or _OFFENSIVE.search(whole):
        return None
    body = re.sub(r"\n {3}", "\n", whole).strip()
    numbers = [int(number) for number in re.findall(r"^(\d)\. ", body, re.MULTILINE)]
    if numbers != list(range(1, len(numbers) + 1)):
        return None
    flat = re.sub(r"\s+", " ", body)
    references = re.findall(r"\{([^{}]+)\}", flat)
    if any(len(one) > 60 for one in references) or flat.count("{") != len(references):
        return None
    return Entry(term, said[1] if said else None, left or None, len(numbers) or 1, tuple(references), body)


_CLOSED = {"additionalProperties": False, "type": "object"}


def _listed(title: str, key: str, item: dict[str, Any]) -> dict[str, Any]:
    items = {**_CLOSED, "properties": item, "required": list(item)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **_CLOSED,
        "properties": {key: {"type": "array", "items": items, "maxItems": _MOST_ITEMS}},
        "required": [key],
    }


GLOSSARY = _listed("glossary", "entries", {
    "term": {"type": "string"},
    "pronunciation": {"type": ["string", "null"], "description": "Between slashes, such as /bohf/"},
    "grammar": {"type": ["string", "null"], "description": "As it is written after the term, such as n. or vi., vt."},
    "senses": {"type": "integer", "minimum": 1, "maximum": 9},
})  # fmt: skip
REFERENCES = _listed("cross_references", "references", {"from": {"type": "string"}, "to": {"type": "string"}})

_GLOSSARY = (
    "List the entries of this part of a dictionary in their order. An entry begins with its term between colons. The "
    "pronunciation stands between slashes right after the term, and the grammar after it. Use null for a part that the "
    "entry does not have there. senses is the number of numbered senses, or 1 without numbers."
)
_REFERENCES = (
    "List the cross-references of this part of a dictionary. An entry begins with its term between colons. A "
    "cross-reference is a term in braces. List each one in the order of the text: from is the entry in which it stands, "
    "and to is the term in the braces. List a repeated cross-reference again."
)


def tasks(archive: Path, runs: Runs, random: Random) -> Iterator[LongTask]:
    """Yield the tasks of both schemas."""
    listed = []
    for entry in entries(archive):
        if runs.add(entry.text):
            listed.append(entry)
        runs.end()
    half = len(listed) // 2
    for name, part, schema in (
        ("glossary", listed[:half], GLOSSARY),
        ("cross_references", listed[half:], REFERENCES),
    ):
        for number, chunk in enumerate(_chunks(part, random), 1):
            gold: Any
            if name == "glossary":
                rows = [
                    {
                        "term": one.term,
                        "pronunciation": one.said,
                        "grammar": one.grammar,
                        "senses": one.senses,
                    }
                    for one in chunk
                ]
                gold = {"entries": rows}
                match = {
                    f"/entries/*/{key}": "punctuation"
                    for key in ("term", "grammar")
                    if any(row[key] for row in rows)
                }
            else:
                gold = {
                    "references": [{"from": one.term, "to": to} for one in chunk for to in one.references]
                }
                match = {"/references/*/from": "punctuation", "/references/*/to": "punctuation"}
                if not 1 <= len(gold["references"]) <= _MOST_ITEMS:
                    continue
            text = "\n\n".join(one.text for one in chunk)
            instruction = _GLOSSARY if name == "glossary" else _REFERENCES
            if any(row.get("grammar") is None for row in gold.get("entries", ())):
                match.pop("/entries/*/grammar", None)
            yield LongTask(f"{name}-{number}", name, LICENCE, instruction, text, schema, gold, match)


def _chunks(part: list[Entry], random: Random) -> Iterator[list[Entry]]:
    """Yield the entries in pieces of different lengths, from 1 KB to 30 KB."""
    at = 0
    sizes = [random.choice((1_500, 2_500, 4_000, 6_000, 9_000, 15_000, 28_000)) for _ in range(2 * TASKS)]
    for size in sizes:
        chunk: list[Entry] = []
        while at < len(part) and sum(len(one.text) + 2 for one in chunk) + len(part[at].text) <= size:
            chunk.append(part[at])
            at += 1
        if not chunk:
            at += 1
        elif sum(len(one.text) for one in chunk) >= 1_000:
            yield chunk
