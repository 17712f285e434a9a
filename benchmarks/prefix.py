"""How early a hopeless reply is stopped: SCHEMA_GUARD_CORPORA=... python benchmarks/prefix.py.

Instances of maskbench.jsonl as dumped, and with their keys in another order; replies of models from real_outputs.jsonl
and local_replies.jsonl. For each way to stop: valid texts that were stopped (false alarms), invalid ones that were
stopped before their last character (caught), and the mean part of an invalid text that did not have to be read
(saved, a text that was not caught counts as 0). Peers: llguidance as it is and relaxed; jiter in partial mode, its value
held against a schema without what may still come. `--output FILE` also writes what is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter_ns, process_time
from typing import TYPE_CHECKING, Any

import jiter
import jsonschema_rs
import llguidance

from schema_guard import Schema, judge, prefix_checker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDTHS = (1, 4, 16, 64)
# What an object or array that is still open may come to keep to, or to break, with what is written later.
_LATER = ("required", "minItems", "minProperties", "contains", "dependentRequired", "dependentSchemas", "dependencies",
          "not", "if", "then", "else", "unevaluatedProperties", "unevaluatedItems", "propertyNames")  # fmt: skip
_NUMBER = "-+.0123456789eE"
_lines: list[str] = []


def say(line: str = "") -> None:
    """Print a line, and keep it."""
    print(line, flush=True)
    _lines.append(line)


def shuffled(value: Any, rng: random.Random) -> Any:
    """Give a value with its keys in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], rng) for key in rng.sample(list(value), len(value))}
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


def pieces(text: str, width: int) -> Iterator[str]:
    """Give a text in pieces of one width."""
    for at in range(0, len(text), width):
        yield text[at : at + width]


class Ours:
    """The prefix checker."""

    def __init__(self, document: Any) -> None:
        self._schema = Schema.of(document)

    def stop(self, text: str, width: int) -> int | None:
        """Give how many characters had come when the text was stopped; None where it was not."""
        feed, came = prefix_checker(self._schema).feed, 0
        for piece in pieces(text, width):
            came += len(piece)
            if feed(piece):
                return came
        return None


class ByGrammar:
    """llguidance, a byte a token."""

    tokenizer = llguidance.LLTokenizer("byte")

    def __init__(self, document: Any) -> None:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(self._asked(document))
        self._compiled = llguidance.LLMatcher(self.tokenizer, grammar, log_level=0)
        if self._compiled.is_error():
            raise ValueError("refused")

    @staticmethod
    def _asked(document: Any) -> Any:
        return document

    def stop(self, text: str, width: int) -> int | None:
        """As that of `Ours`."""
        matcher, came = self._compiled.deep_copy(), 0
        for piece in pieces(text, width):
            came += len(piece)
            tokens = list(piece.encode())
            if matcher.try_consume_tokens(tokens) < len(tokens):
                return came
        return None


class ByGrammarRelaxed(ByGrammar):
    """llguidance in lenient mode, any order of keys: named properties as patterns, none required."""

    @staticmethod
    def _asked(document: Any) -> Any:
        made = _in_any_order(document)
        return {**made, "x-guidance": {"lenient": True}} if isinstance(made, dict) else made


def _in_any_order(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_in_any_order(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: _in_any_order(value) for key, value in schema.items() if key not in ("required", "minProperties")
    }
    named = made.get("properties")
    if isinstance(named, dict) and "patternProperties" not in made:
        del made["properties"]
        made["patternProperties"] = {f"^{_literal(key)}$": value for key, value in named.items()}
    return made


def _literal(text: str) -> str:
    return "".join(char if char.isalnum() or char in "_- " else f"\\{char}" for char in text)


class ByValue:
    """jiter in partial mode, its value held against a relaxed schema with each piece."""

    def __init__(self, document: Any) -> None:
        kind = jsonschema_rs.validator_cls_for(document)
        self._relaxed = kind(_relaxed(document), offline=True)

    def stop(self, text: str, width: int) -> int | None:
        """As that of `Ours`."""
        came = ""
        for piece in pieces(text, width):
            came += piece
            try:
                # A number at the end may go on; in this mode a string that is open is left out.
                text = came.rstrip(_NUMBER) or came
                value = jiter.from_json(text.encode(), partial_mode="on", catch_duplicate_keys=True)
            except ValueError:
                return len(came)
            if not self._relaxed.is_valid(value):
                return len(came)
        return None


def _relaxed(schema: Any) -> Any:
    """Give a schema without what is told of a whole object or array only."""
    if isinstance(schema, list):
        return [_relaxed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _relaxed(value) for key, value in schema.items() if key not in _LATER}
    if isinstance(made.get("enum"), list) and any(isinstance(value, (dict, list)) for value in made["enum"]):
        del made["enum"]
    if isinstance(made.get("const"), (dict, list)):
        del made["const"]
    if "oneOf" in made:
        # An arm more may hold as long as a value is open.
        made["allOf"] = [*made.get("allOf", []), {"anyOf": made.pop("oneOf")}]
    return made


def compare(name: str, kind: Callable[[Any], Any], rows: list[Any], way: str, width: int) -> None:
    """Print a line of figures for one way to stop, one way to write and one width of pieces."""
    refused = alarms = valid = invalid = caught = 0
    saved, started = 0.0, process_time()
    for row in rows:
        try:
            checker = kind(row["schema"])
        except Exception:  # noqa: BLE001 - a peer refuses a schema in ways of its own
            refused += 1
            continue
        for at, case in enumerate(row["tests"]):
            rng = random.Random(f"{row['id']}{at}")
            text = json.dumps(case["data"] if way == "dumped" else shuffled(case["data"], rng))
            came = checker.stop(text, width)
            valid, alarms = valid + case["valid"], alarms + (case["valid"] and came is not None)
            invalid += not case["valid"]
            if not case["valid"] and came is not None and came < len(text):
                caught, saved = caught + 1, saved + 1 - came / len(text)
    taken = process_time() - started
    share, part = (100 * caught / invalid, 100 * saved / invalid) if invalid else (0, 0)
    say(
        f"{name:21} {way:8} {width:4} {len(rows) - refused:8} {alarms:5}/{valid:4} {share:7.1f} {part:6.1f} {taken:6.1f}"
    )


def speed(rows: list[Any]) -> None:
    """Print nanoseconds a character of valid texts, the checker made and all plans known."""
    say(
        f"{'pieces':>8} {'median':>7} {'p95':>6} {'p99':>6}   nanoseconds a character, valid instances as dumped, best of 3"
    )
    cases = [
        (Schema.of(row["schema"]), json.dumps(case["data"]))
        for row in rows
        for case in row["tests"]
        if case["valid"]
    ]
    for width in (4, 16, 64, 1 << 30):
        found = []
        for schema, text in cases:
            parts, best = list(pieces(text, width)), 1 << 60
            for _ in range(4):
                feed = prefix_checker(schema).feed
                started = perf_counter_ns()
                for part in parts:
                    feed(part)
                best = min(best, perf_counter_ns() - started)
            found.append(best / max(len(text), 1))
        cuts = quantiles(found, n=100)
        say(
            f"{width if width < 1 << 30 else 'whole':>8} {median(found):7.0f} {cuts[94]:6.0f} {cuts[98]:6.0f}"
        )


def growth() -> None:
    """Print nanoseconds a character as texts grow."""
    item = {"id": 7, "name": "a name", "tags": ["a", "b"], "price": 1.5, "note": None}
    properties = {"id": {"type": "integer"}, "name": {"type": "string"}, "price": {"minimum": 0}}
    schema = Schema.of(
        {"type": "array", "items": {"type": "object", "properties": properties, "required": ["id"]}}
    )
    say("nanoseconds a character of records, in pieces of 16: ")
    for size in (10_000, 100_000, 1_000_000):
        text = json.dumps([item] * (size // len(json.dumps(item))))
        parts = list(pieces(text, 16))
        feed = prefix_checker(schema).feed
        started = process_time()
        for part in parts:
            feed(part)
        say(f"  {len(text):9,} characters: {1e9 * (process_time() - started) / len(text):5.0f}")


def of_models(corpora: Path) -> None:
    """Print what is stopped of real replies, fed 4 characters at a time."""
    say(f"{'replies, 4 a piece':22} {'false alarms':>13} {'stopped':>16} {'characters saved':>17}")
    for name, field in (("real_outputs.jsonl", "text"), ("local_replies.jsonl", "reply")):
        rows = [json.loads(line) for line in (corpora / name).read_text().splitlines()]
        valid = alarms = failing = stopped = characters = saved = 0
        for row in rows:
            text = row[field]
            if not isinstance(text, str):
                continue
            ok = judge(text, Schema.of(row["schema"])).ok
            came = Ours(row["schema"]).stop(text, 4)
            valid, failing, alarms = valid + ok, failing + (not ok), alarms + (ok and came is not None)
            if not ok:
                characters += len(text)
                stopped, saved = (
                    stopped + (came is not None),
                    saved + (0 if came is None else len(text) - came),
                )
        part = f"{stopped}/{failing} = {100 * stopped / failing:.1f} %"
        say(f"{name:22} {alarms:8}/{valid:4} {part:>16} {100 * saved / characters:15.1f} %")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="a file to write what is printed to")
    options = parser.parse_args()
    corpora = Path(os.environ["SCHEMA_GUARD_CORPORA"])
    rows = [json.loads(line) for line in (corpora / "maskbench.jsonl").read_text().splitlines()]
    packages = ", ".join(f"{name} {version(name)}" for name in ("jsonschema_rs", "jiter", "llguidance"))
    say(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {packages}")
    say("genlm-control was not measured: it needs an environment of its own (1.8 GB)")
    say()
    of_models(corpora)
    say()
    say(
        f"{'maskbench':21} {'keys':8} {'wide':>4} {'schemas':>8} {'false':>10} {'caught%':>7} {'saved%':>6} {'CPU s':>6}"
    )
    for width in WIDTHS:
        compare("prefix_checker", Ours, rows, "dumped", width)
    for way in ("dumped", "shuffled"):
        if way == "shuffled":
            compare("prefix_checker", Ours, rows, way, 1)
        compare("llguidance", ByGrammar, rows, way, 1)
        compare("llguidance, relaxed", ByGrammarRelaxed, rows, way, 1)
        compare("jiter, relaxed schema", ByValue, rows, way, 16)
    say()
    speed(rows)
    say()
    growth()
    if options.output:
        options.output.write_text("\n".join(_lines) + "\n")


if __name__ == "__main__":
    main()
