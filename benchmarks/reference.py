"""Evaluate the replies of 17 models that SOB recorded, and write the counts that `bench compare --against` uses.

    SCHEMA_GUARD_CORPORA=FOLDER python benchmarks/reference.py            # print the table
    SCHEMA_GUARD_CORPORA=FOLDER python benchmarks/reference.py --write    # also write reference.json

FOLDER has `sob.jsonl.gz`: one document a line, with `id context question json_schema gold replies:{model: reply}`. The
output has counts only: no text of a page, an answer, or a reply.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import schema_guard.ext.suites.reference as placing
from schema_guard.bench.suites.scoring import score, unanswered
from schema_guard.ext.suites.named import FILE, FOLDER, documents, load_real, text_matches
from schema_guard.report.as_text import as_text
from schema_guard.schema import Schema

DATE = "2026-11-30"


def evaluated(path: Path) -> dict[str, Any]:
    """Return the evaluation of a file of documents."""
    rows = [row for _, row in documents(path)]
    schemas = [Schema.of(row["json_schema"]) for row in rows]
    names = sorted({name for row in rows for name in row["replies"]})
    return {
        "about": "Counts by kind for replies that SOB (JigsawStack/sob, MIT) recorded on pages of olmOCR-bench (ODC-BY-1.0).",
        "date": DATE,
        "suite": load_real().fingerprint,
        "document_fields": ["id", "leaves of the answer", "properties that the answer leaves out"],
        "documents": [
            [row["id"], unanswered(row["gold"]).leaves, len(absent(row["json_schema"], row["gold"]))]
            for row in rows
        ],
        "format": "v: valid, s: violates the schema, n: no JSON",
        "models": {name: _model([row["replies"][name] for row in rows], rows, schemas) for name in names},
    }


def _model(replies: list[Any], rows: list[dict[str, Any]], schemas: list[Schema[Any]]) -> dict[str, Any]:
    kinds, rights, leaves, invented = [], [], [], []
    for reply, row, schema in zip(replies, rows, schemas, strict=True):
        is_valid = not isinstance(reply, str) and schema.is_valid(reply)
        kinds.append(
            placing.VALID if is_valid else placing.NO_JSON if isinstance(reply, str) else placing.VIOLATION
        )
        found = score(reply, row["gold"], text_matches(row["gold"])) if is_valid else unanswered(row["gold"])
        rights.append("01"[is_valid and found.exact])
        leaves.append(found.right if is_valid else 0)
        missing = absent(row["json_schema"], row["gold"]) if is_valid else []
        invented.append(sum(has_value(reply, place) for place in missing))
    return {"format": "".join(kinds), "right": "".join(rights), "leaves": leaves, "invented": invented}


def absent(schema: Any, gold: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the places of properties that a schema lists and an answer leaves out.

    >>> absent({"properties": {"a": {}, "b": {"properties": {"c": {}}}}}, {"b": {}})
    [('a',), ('b', 'c')]
    """
    if isinstance(gold, list):
        items = schema.get("items", {})
        return [place for index, part in enumerate(gold) for place in absent(items, part, (*at, index))]
    if not isinstance(gold, dict) or not isinstance(schema, dict):
        return []
    found = []
    for name, part in schema.get("properties", {}).items():
        found += absent(part, gold[name], (*at, name)) if name in gold else [(*at, name)]
    return found


def has_value(reply: Any, place: tuple[str | int, ...]) -> bool:
    """Return whether a reply has a value other than null, "" and [] at a place."""
    for step in place:
        try:
            reply = reply[step]
        except (KeyError, IndexError, TypeError):
            return False
    return reply not in (None, "", [], {})


def main() -> None:
    """Print the table, and write the counts."""
    counts = evaluated(Path(os.environ[FOLDER]) / FILE)
    if "--write" in sys.argv:
        members = (f"{json.dumps(name)}: {_compact(value)}" for name, value in counts.items())
        target = Path(placing.__file__).with_name("reference.json")
        target.write_text("{\n" + ",\n".join(members) + "\n}\n", encoding="utf-8")
    placing.reference.cache_clear()
    print(as_text(placing.document_of(placing.placement())))


def _compact(value: Any) -> str:
    if isinstance(value, dict):
        rows = (
            f"{json.dumps(name)}: {json.dumps(part, separators=(',', ':'))}" for name, part in value.items()
        )
        return "{\n" + ",\n".join(rows) + "\n}"
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    main()
