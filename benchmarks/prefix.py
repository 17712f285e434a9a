"""Measure how early a reply that cannot become valid is stopped: SCHEMA_GUARD_CORPORA=... python benchmarks/prefix.py.

The texts are instances of maskbench.jsonl, with their keys in the original and in other orders, and replies of models
from real_outputs.jsonl and local_replies.jsonl. Both also run with schemas without any `additionalProperties: false`.
For instances, the table has three figures of each way to stop. False alarms are valid texts that were stopped. Caught
are invalid ones that were stopped before their last character. Saved is the mean unread part of an invalid text, 0 if
it was not caught. For replies, the table has the number of stopped ones, even at their last piece, and the saved share
of all their characters.

The peers are llguidance, unchanged and relaxed, and jiter in partial mode, whose value is validated against a schema
without the keywords that later text can satisfy or violate. genlm-control runs in its own environment (`--genlm
PYTHON`; version 0.4.1 takes 1.8 GB), on every fifth schema, because it takes a thousand times as long. `--output FILE`
also writes the printed text.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter_ns, process_time, process_time_ns
from typing import TYPE_CHECKING, Any

import jiter
import jsonschema_rs
import llguidance

from schema_guard import Limits, Schema, judge, prefix_checker
from schema_guard.received.stream_limits import StreamLimits
from schema_guard.values import Chunk, More

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

WIDTHS = (1, 4, 16, 64)
# Runs of each case in a row for each width of pieces, and rounds of all of them, because other programs run meanwhile.
IN_A_ROW, ROUNDS = 4, 4
EVERY_OF_GENLM = 5
# The strategies in local_replies.jsonl that use no grammar.
WITHOUT_GRAMMAR = frozenset("abcdf")
# Keywords that later text of an open object or array can satisfy or violate.
_LATER = ("required", "minItems", "minProperties", "contains", "dependentRequired", "dependentSchemas", "dependencies",
          "not", "if", "then", "else", "unevaluatedProperties", "unevaluatedItems", "propertyNames")  # fmt: skip
_NUMBER = "-+.0123456789eE"
_lines: list[str] = []


def say(line: str = "") -> None:
    """Print a line, and store it for the file."""
    print(line, flush=True)
    _lines.append(line)


def shuffled(value: Any, rng: random.Random) -> Any:
    """Return a value with its keys in a random order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], rng) for key in rng.sample(list(value), len(value))}
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


def opened(schema: Any) -> Any:
    """Return a schema that allows properties that it does not list."""
    if isinstance(schema, list):
        return [opened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: opened(value)
        for key, value in schema.items()
        if not (key == "additionalProperties" and value is False)
    }


def pieces(text: str, width: int) -> Iterator[str]:
    """Yield a text in pieces of one width."""
    for at in range(0, len(text), width):
        yield text[at : at + width]


class Ours:
    """The prefix checker."""

    def __init__(self, document: Any) -> None:
        self._schema = Schema.of(document, allow_unknown=True)

    def stop(self, text: str, width: int) -> int | None:
        """Return the number of characters at which the text was stopped. None if it was not."""
        feed, came = prefix_checker(self._schema).feed, 0
        for piece in pieces(text, width):
            came += len(piece)
            if feed(piece):
                return came
        return None


class InTheLoop:
    """The prefix checker in the loop of a guarded call with `early_stop`, which gathers a few characters."""

    def __init__(self, document: Any) -> None:
        self._schema = Schema.of(document, allow_unknown=True)

    def stop(self, text: str, width: int) -> int | None:
        """Return the same as `Ours.stop`. Characters that are not checked before the text ends are never stopped."""
        return in_the_loop(self._schema, pieces(text, width))


def in_the_loop(schema: Schema[Any], parts: Iterable[str]) -> int | None:
    """Return the number of characters at which the loop stopped a reply. None if it did not stop."""
    look, least, waiting, came = StreamLimits(Limits(), 0.0, schema).answer, 0, "", 0
    for part in parts:
        waiting += part
        if len(waiting) >= least:
            answer = look(Chunk(waiting))
            came += len(waiting)
            if type(answer) is not More:
                return came
            least, waiting = answer.min_chars, ""
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
        """Return the same as `Ours.stop`."""
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


class ByWorker:
    """genlm-control, which runs in its own process."""

    worker: subprocess.Popen[str]
    seconds = 0.0

    def __init__(self, document: Any) -> None:
        self._document = document
        if "refused" in self._asked([], 1):
            raise ValueError("refused")

    def _asked(self, texts: list[str], width: int) -> Any:
        assert self.worker.stdin
        assert self.worker.stdout
        asked = {"schema": self._document, "texts": texts, "width": width}
        self.worker.stdin.write(json.dumps(asked) + "\n")
        self.worker.stdin.flush()
        return json.loads(self.worker.stdout.readline())

    def stop(self, text: str, width: int) -> int | None:
        """Return the same as `Ours.stop`."""
        answer = self._asked([text], width)
        ByWorker.seconds += answer["seconds"]
        return answer["came"][0]  # type: ignore[no-any-return]


class ByValue:
    """jiter in partial mode. Its value is validated against a relaxed schema after each piece."""

    def __init__(self, document: Any) -> None:
        kind = jsonschema_rs.validator_cls_for(document)
        self._relaxed = kind(_relaxed(document), offline=True)

    def stop(self, text: str, width: int) -> int | None:
        """Return the same as `Ours.stop`."""
        came = ""
        for piece in pieces(text, width):
            came += piece
            try:
                # A number at the end can continue. In this mode, jiter omits an open string.
                text = came.rstrip(_NUMBER) or came
                value = jiter.from_json(text.encode(), partial_mode="on", catch_duplicate_keys=True)
            except ValueError:
                return len(came)
            if not self._relaxed.is_valid(value):
                return len(came)
        return None


def _relaxed(schema: Any) -> Any:
    """Return a schema without the keywords that need a complete object or array."""
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
        # While a value is open, several arms can be valid.
        made["allOf"] = [*made.get("allOf", []), {"anyOf": made.pop("oneOf")}]
    return made


def compare(
    name: str, kind: Callable[[Any], Any], rows: list[Any], way: str, width: int, *, opens: bool = False
) -> None:
    """Print a line of figures for one way to stop, one way to write, and one width of pieces."""
    refused = alarms = valid = invalid = caught = 0
    saved, started, elsewhere = 0.0, process_time(), ByWorker.seconds
    for row in rows:
        schema = opened(row["schema"]) if opens else row["schema"]
        try:
            checker = kind(schema)
        except Exception:  # noqa: BLE001 - a peer refuses a schema in ways of its own
            refused += 1
            continue
        for at, case in enumerate(row["tests"]):
            rng = random.Random(f"{way}{row['id']}{at}")
            text = json.dumps(case["data"] if way == "dumped" else shuffled(case["data"], rng))
            is_valid = judge(text, Schema.of(schema, allow_unknown=True)).ok if opens else case["valid"]
            came = checker.stop(text, width)
            valid, alarms = valid + is_valid, alarms + (is_valid and came is not None)
            invalid += not is_valid
            if not is_valid and came is not None and came < len(text):
                caught, saved = caught + 1, saved + 1 - came / len(text)
    taken = process_time() - started + ByWorker.seconds - elsewhere
    share, part = (100 * caught / invalid, 100 * saved / invalid) if invalid else (0, 0)
    way += ", open" if opens else ""
    say(
        f"{name:21} {way:14} {width:4} {len(rows) - refused:8} {alarms:5}/{valid:4} {share:7.1f} {part:6.1f} {taken:6.1f}"
    )


def speed(rows: list[Any]) -> None:
    """Print nanoseconds per character of valid texts, with a made checker and all plans known."""
    say(
        f"nanoseconds a character, valid instances as dumped, for each the best of {ROUNDS} x {IN_A_ROW}; in brackets of the first {IN_A_ROW}"
    )
    say(f"{'pieces':>8} {'median':>13} {'p95':>11} {'p99':>11}")
    cases = [
        (Schema.of(row["schema"], allow_unknown=True), json.dumps(case["data"]))
        for row in rows
        for case in row["tests"]
        if case["valid"]
    ]
    widths = (4, 16, 64, 1 << 30)
    results: dict[int, list[list[float]]] = {width: [] for width in widths}
    in_loop: list[list[float]] = []
    for _ in range(ROUNDS):
        for width in widths:
            results[width].append(
                [min(_taken(schema, text, width) for _ in range(IN_A_ROW)) for schema, text in cases]
            )
        in_loop.append([min(_taken_in_loop(schema, text) for _ in range(IN_A_ROW)) for schema, text in cases])
    results[0] = in_loop
    yardstick = median(min(_parsing(text) for _ in range(IN_A_ROW * ROUNDS)) for _, text in cases)
    for width, name in ((4, "4"), (0, "4, loop"), (16, "16"), (64, "64"), (1 << 30, "whole")):
        all_of, first = (
            [min(of_case) for of_case in zip(*results[width][:rounds], strict=True)] for rounds in (ROUNDS, 1)
        )
        cells = [
            f"{at(all_of):6.0f} ({at(first):3.0f})"
            for at in (median, lambda of: quantiles(of, n=100)[94], lambda of: quantiles(of, n=100)[98])
        ]
        say(f"{name:>8} {'  '.join(cells)}")
    say(f"  json.loads of the whole text: {yardstick:.1f}")


def _taken_in_loop(schema: Any, text: str) -> float:
    parts = list(pieces(text, 4))
    started = perf_counter_ns()
    in_the_loop(schema, parts)
    return (perf_counter_ns() - started) / max(len(text), 1)


def _parsing(text: str) -> float:
    started = perf_counter_ns()
    json.loads(text)
    return (perf_counter_ns() - started) / max(len(text), 1)


def _taken(schema: Any, text: str, width: int, clock: Callable[[], int] = perf_counter_ns) -> float:
    parts = list(pieces(text, width))
    feed = prefix_checker(schema).feed
    started = clock()
    for part in parts:
        feed(part)
    return (clock() - started) / max(len(text), 1)


def growth() -> None:
    """Print nanoseconds per character for texts of growing size."""
    item = {"id": 7, "name": "a name", "tags": ["a", "b"], "price": 1.5, "note": None}
    properties = {"id": {"type": "integer"}, "name": {"type": "string"}, "price": {"minimum": 0}}
    schema = Schema.of(
        {"type": "array", "items": {"type": "object", "properties": properties, "required": ["id"]}}
    )
    say("nanoseconds of CPU a character of records, in pieces of 16, the best of 4: ")
    for size in (10_000, 100_000, 1_000_000):
        text = json.dumps([item] * (size // len(json.dumps(item))))
        say(
            f"  {len(text):9,} characters: {min(_taken(schema, text, 16, process_time_ns) for _ in range(4)):5.0f}"
        )


def hostile() -> None:
    """Print nanoseconds per character of long replies that are made to be slow, and are never wrong."""
    say("nanoseconds of CPU a character of hostile replies, in pieces of 1 and of 16, the best of 2: ")
    unions = {f"level{at}": {"anyOf": [{"$ref": f"#/$defs/level{at + 1}"}] * 2} for at in range(40)}
    unions["level40"] = {"type": "array", "items": {"$ref": "#/$defs/level0"}}
    names = ",".join(f'"key {at}":{at}' for at in range(17_000))
    cases = {
        "nested as deep as may be": ({}, "[" + ("[" * 98 + "]" * 98 + ",") * 500),
        "a list of 20,000 texts": ({"items": {"enum": [f"text {at}" for at in range(20_000)]}}, "[" + '"text 19999",' * 8_000),
        "unions in unions": ({"$defs": unions, "$ref": "#/$defs/level0"}, "[" * 40 + "[]," * 30_000),
        "17,000 unknown names": ({"properties": {"id": {"type": "null"}}}, "{" + names),
        "one text of backslashes": ({}, '["' + "\\\\" * 50_000),
        "one text of escapes": ({"items": {"maxLength": 10**6}}, '["' + "\\u0041" * 20_000),
        "one name": ({"properties": {"k" * 200_000: {}}, "additionalProperties": False}, '{"' + "k" * 150_000),
        "one number's worth of zeros": ({"items": {"type": "number"}}, "[" + ("0." + "0" * 300 + ",") * 300),
        "white space": ({}, "[" + " " * 100_000),
        "objects that are read again": ({"items": {"not": {"required": ["z"]}}}, "[" + '{"a":1},' * 20_000),
    }  # fmt: skip
    for name, (document, text) in cases.items():
        schema = Schema.of(document, allow_unknown=True)
        one, many = (min(_taken(schema, text, width, process_time_ns) for _ in range(2)) for width in (1, 16))
        say(f"  {name:28} {len(text):9,} characters: {one:6.0f} {many:6.0f}")


def of_models(corpora: Path) -> None:
    """Print the share of real replies that is stopped, fed 4 characters at a time."""
    say(f"{'replies, 4 a piece':36} {'false alarms':>13} {'stopped':>16} {'characters saved':>17}")
    real, local = (
        [json.loads(line) for line in (corpora / name).read_text().splitlines()]
        for name in ("real_outputs.jsonl", "local_replies.jsonl")
    )
    free = [row for row in local if row["strategy"] in WITHOUT_GRAMMAR]
    held = [row for row in local if row["strategy"] not in WITHOUT_GRAMMAR]
    for name, rows in (("34 models", real), ("local, no grammar", free), ("local, by schema", held)):
        _of_rows(name, rows, Ours)
        _of_rows(f"{name}, open schemas", rows, Ours, opens=True)
    for name, rows in (("34 models", real), ("local, all", local)):
        _of_rows(f"{name}, in the loop", rows, InTheLoop)


def _of_rows(name: str, rows: list[Any], kind: type[Ours | InTheLoop], *, opens: bool = False) -> None:
    valid = alarms = failing = stopped = characters = saved = 0
    for row in rows:
        text = row.get("text" if "reply" not in row else "reply")
        if not isinstance(text, str):
            continue
        document = opened(row["schema"]) if opens else row["schema"]
        ok = judge(text, Schema.of(document, allow_unknown=True)).ok
        came = kind(document).stop(text, 4)
        valid, failing, alarms = valid + ok, failing + (not ok), alarms + (ok and came is not None)
        if not ok:
            characters += len(text)
            stopped, saved = stopped + (came is not None), saved + (0 if came is None else len(text) - came)
    part = f"{stopped}/{failing} = {100 * stopped / failing:.1f} %"
    say(f"{name:36} {alarms:8}/{valid:4} {part:>16} {100 * saved / characters:15.1f} %")


def by_genlm(rows: list[Any], python: Path) -> None:
    """Print the lines of genlm-control, and those of the prefix checker for the same schemas."""
    some = rows[::EVERY_OF_GENLM]
    worker = [python, Path(__file__).with_name("prefix_genlm.py")]
    with subprocess.Popen(
        worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as ByWorker.worker:
        compare("prefix_checker", Ours, some, "dumped", 16)
        compare("genlm-control", ByWorker, some, "dumped", 16)


def of_maskbench(rows: list[Any], genlm: Path | None) -> None:
    """Print the results of each way to stop on MaskBench's instances."""
    say(
        f"{'maskbench':21} {'keys':14} {'wide':>4} {'schemas':>8} {'false':>10} {'caught%':>7} {'saved%':>6} {'CPU s':>6}"
    )
    for width in WIDTHS:
        compare("prefix_checker", Ours, rows, "dumped", width)
    for way in ("shuffled 2", "shuffled 3"):
        compare("prefix_checker", Ours, rows, way, 1)
    for way in ("dumped", "shuffled 1"):
        if way != "dumped":
            compare("prefix_checker", Ours, rows, way, 1)
        compare("prefix_checker", Ours, rows, way, 1, opens=True)
        compare("llguidance", ByGrammar, rows, way, 1)
        compare("llguidance, relaxed", ByGrammarRelaxed, rows, way, 1)
        compare("jiter, relaxed schema", ByValue, rows, way, 16)
    if genlm:
        by_genlm(rows, genlm)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="a file to write what is printed to")
    parser.add_argument("--genlm", type=Path, help="a Python that has genlm-control 0.4.1")
    options = parser.parse_args()
    corpora = Path(os.environ["SCHEMA_GUARD_CORPORA"])
    rows = [json.loads(line) for line in (corpora / "maskbench.jsonl").read_text().splitlines()]
    packages = ", ".join(f"{name} {version(name)}" for name in ("jsonschema_rs", "jiter", "llguidance"))
    say(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {packages}")
    say()
    of_models(corpora)
    say()
    of_maskbench(rows, options.genlm)
    say()
    speed(rows)
    say()
    growth()
    say()
    hostile()
    if options.output:
        options.output.write_text("\n".join(_lines) + "\n")


if __name__ == "__main__":
    main()
