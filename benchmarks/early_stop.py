"""Measure how many real replies `guard(early_stop=True)` and `Limits(max_repeats=)` stop: SCHEMA_GUARD_CORPORA=... python benchmarks/early_stop.py.

A guarded function with one attempt streams each reply of the models in real_outputs.jsonl and local_replies.jsonl, 4
characters at a time. A valid reply that was stopped is a false alarm. For invalid replies, the table has the number of
stopped ones and the characters that were saved. `--output FILE` also writes the printed text.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard import Limits, Schema, guard, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard import Attempt

_WIDTH = 4
_CORPORA = (("real_outputs.jsonl", "text"), ("local_replies.jsonl", "reply"))
_WAYS: dict[str, dict[str, Any]] = {
    "early_stop": {"early_stop": True},
    "early_stop, max_repeats=6": {"early_stop": True, "limits": Limits(max_repeats=6)},
    "max_repeats=3": {"limits": Limits(max_repeats=3)},
    "max_repeats=6": {"limits": Limits(max_repeats=6)},
    "max_repeats=12": {"limits": Limits(max_repeats=12)},
}


def attempt_at(text: str, schema: Schema[Any], **settings: Any) -> Attempt:
    """Return the only attempt of a call whose function streams a text."""

    def stream(prompt: str) -> Iterator[str]:
        for at in range(0, len(text), _WIDTH):
            yield text[at : at + _WIDTH]

    guarded = guard(schema, store=None, max_attempts=1, name="stream", **settings)(stream)
    return guarded.outcome("t").attempts[0]


def figures(replies: list[tuple[str, Schema[Any], bool]], **settings: Any) -> str:
    """Return the table row of one set of settings."""
    valid = alarms = failing = stopped = characters = saved = 0
    for text, schema, ok in replies:
        attempt = attempt_at(text, schema, **settings)
        is_stopped = attempt.stopped_at is not None
        valid, alarms = valid + ok, alarms + (ok and is_stopped)
        if not ok:
            failing, stopped, characters = failing + 1, stopped + is_stopped, characters + len(text)
            saved += len(text) - (attempt.stopped_at or len(text))
    share = f"{stopped}/{failing} = {100 * stopped / failing:.1f} %"
    return f"{alarms:8}/{valid:4} {share:>16} {100 * saved / characters:15.1f} %"


def through_the_loop(corpora: Path) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{'replies, 4 a piece':20} {'guard(...)':26} {'false alarms':>13} {'stopped':>16} {'characters saved':>17}"
    for name, field in _CORPORA:
        rows = [json.loads(line) for line in (corpora / name).read_text().splitlines()]
        texts = [
            (row[field], Schema.of(row["schema"]))
            for row in rows
            if isinstance(row[field], str) and row[field]
        ]
        replies = [(text, schema, judge(text, schema).ok) for text, schema in texts]
        for way, settings in _WAYS.items():
            yield f"{name:20} {way:26} {figures(replies, **settings)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="a file to write what is printed to")
    options = parser.parse_args()
    packages = ", ".join(f"{name} {version(name)}" for name in ("jsonschema_rs", "jiter"))
    lines = [f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {packages}", ""]
    lines += through_the_loop(Path(os.environ["SCHEMA_GUARD_CORPORA"]))
    print("\n".join(lines))
    if options.output:
        options.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
