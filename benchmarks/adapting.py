"""Count the real schemas that each provider accepts: unchanged, rewritten exactly, with listed losses, or not at all.

    python benchmarks/adapting.py [--provider NAME]... [--every 1] [--output benchmarks/results/FILE.json]

The script reads jsonschemabench.jsonl and maskbench.jsonl in the folder that SCHEMA_GUARD_CORPORA names. It counts the
invalid instances that the sent schema still refuses in every form that converts back to them, and the valid instances
with a form that it accepts and that converts back. The counts assume that a provider enforces every keyword that it
accepts.

The converters of the packages openai, anthropic, and google-genai are compared if they are installed, on the schemas
that they convert without an error of lint: pip install 'schema-guard[openai,anthropic,google]'. --every 10 takes each
tenth schema. With --output, a text file is written beside the JSON.
"""

from __future__ import annotations

import argparse
import copy
import importlib.metadata
import json
import os
import platform
import shlex
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.ext.fitting.adapting import adapt
from schema_guard.ext.fitting.adapting.forms import as_json_schema
from schema_guard.ext.fitting.linting import lint
from schema_guard.ext.fitting.rules.tables import RULES
from schema_guard.parsing import is_same
from schema_guard.schema import Schema
from schema_guard.stats import bounds
from schema_guard.text import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILES = ("jsonschemabench.jsonl", "maskbench.jsonl")
CLASSES = ("as it is", "exact", "narrowed", "relaxed", "not at all")


@dataclass
class Share:
    """A share of instances. Each schema counts once, with the mean of its instances."""

    hits: int = 0
    instances: int = 0
    means: float = 0.0
    schemas: int = 0

    def add(self, hits: list[bool]) -> None:
        """Count the instances of one schema."""
        if hits:
            self.hits += sum(hits)
            self.instances += len(hits)
            self.means += sum(hits) / len(hits)
            self.schemas += 1

    def told(self) -> str:
        """Return the share with its bounds and the number of schemas."""
        if not self.schemas:
            return "no data"
        result = bounds(self.means, self.schemas)
        mean = percent(self.means / self.schemas)
        return f"{mean} ({percent(result.lower)} to {percent(result.upper)}, {self.schemas} schemas)"


@dataclass
class Measured:
    """The results of one provider."""

    provider: str
    classes: Counter[str] = field(default_factory=Counter)
    refused: Share = field(default_factory=Share)
    given: Share = field(default_factory=Share)
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: float = 0.0
    unlisted: list[str] = field(default_factory=list)


@dataclass
class Compared:
    """The results beside those of the converter of a package, on the schemas that it converts."""

    package: str
    provider: str
    schemas: int = 0
    raised: int = 0
    rejected: int = 0
    theirs_refused: Share = field(default_factory=Share)
    ours_refused: Share = field(default_factory=Share)
    theirs_given: Share = field(default_factory=Share)
    ours_given: Share = field(default_factory=Share)
    sound_theirs: Share = field(default_factory=Share)
    sound_ours: Share = field(default_factory=Share)
    below: list[str] = field(default_factory=list)


def rows(every: int) -> Iterator[tuple[str, Schema[Any], list[dict[str, Any]]]]:
    """Yield the schemas that can be loaded, with their instances."""
    folder = Path(os.environ["SCHEMA_GUARD_CORPORA"])
    for name in FILES:
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        for line in lines[::every]:
            row = json.loads(line)
            try:
                yield row["id"], Schema.of(row["schema"]), row["tests"]
            except InvalidSchema:
                print(f"{row['id']}: left out, it cannot be loaded", file=sys.stderr)


class Sent:
    """A sent schema, with the conversions of a value to it and back."""

    def __init__(
        self, schema: Any, there: Callable[[Any], Any] | None = None, back: Callable[[Any], Any] | None = None
    ) -> None:
        self.schema = Schema.of(as_json_schema(schema))
        self.there = there or (lambda value: value)
        self.back = back or (lambda value: value)

    def gives(self, value: Any) -> bool:
        """Return whether the schema accepts a form of a value that converts back to the value."""
        forms = (self.there(value), value)
        return any(self._takes(form) and is_same(self.back(form), value) for form in forms)

    def _takes(self, form: Any) -> bool:
        try:
            return self.schema.is_valid(form)
        except InvalidArgument:
            return False


def class_of(document: Any, made: Any) -> str:
    """Return the class of a schema for a provider."""
    if made.schema is None:
        return "not at all"
    if made.relaxed:
        return "relaxed"
    if made.narrowed:
        return "narrowed"
    return "as it is" if made.schema == document else "exact"


def measure(provider: str, read: list[tuple[str, Schema[Any], list[dict[str, Any]]]]) -> Measured:
    """Measure one provider."""
    result = Measured(provider)
    for name, schema, tests in read:
        began = time.process_time()
        made = adapt(schema, provider)
        took = time.process_time() - began
        result.seconds += took
        result.slowest = max(result.slowest, took)
        kind = class_of(schema.document, made)
        result.classes[kind] += 1
        if made.schema is None:
            result.reasons[made.relaxed[0].reason] += 1
            continue
        sent = Sent(made.schema, made.pre_image, made.restore)
        values = {True: [], False: []}
        for test in tests:
            values[schema.is_valid(test["data"])].append(sent.gives(test["data"]))
        result.given.add(values[True])
        result.refused.add([not one for one in values[False]])
        if (not all(values[True]) and not made.narrowed) or (any(values[False]) and not made.relaxed):
            result.unlisted.append(name)
    return result


def converters() -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Return the installed converters: package -> provider, and the function that converts a schema."""
    results: dict[str, tuple[str, Callable[[Any], Any]]] = {}
    try:
        from openai.lib._pydantic import _ensure_strict_json_schema as strict

        results["openai"] = ("openai", lambda schema: strict(schema, path=(), root=schema))
    except ImportError:
        print("openai is not installed: left out", file=sys.stderr)
    try:
        from anthropic import transform_schema

        results["anthropic"] = ("anthropic", transform_schema)
    except ImportError:
        print("anthropic is not installed: left out", file=sys.stderr)
    try:
        from google.genai import _transformers

        def processed(schema: Any) -> Any:
            _transformers.process_schema(schema, None)
            return lowered(schema)

        results["google-genai"] = ("gemini-openapi", processed)
    except ImportError:
        print("google-genai is not installed: left out", file=sys.stderr)
    return results


def lowered(schema: Any) -> Any:
    """Return a schema of google-genai with the types of JSON Schema."""
    if isinstance(schema, list):
        return [lowered(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: lowered(part) for key, part in schema.items() if key != "property_ordering"}
    if isinstance(made.get("type"), str):
        made["type"] = made["type"].lower()
    for old, new in (("any_of", "anyOf"), ("prefix_items", "prefixItems")):
        if old in made:
            made[new] = made.pop(old)
    return made


def compare(
    package: str,
    provider: str,
    convert: Callable[[Any], Any],
    read: list[tuple[str, Schema[Any], list[dict[str, Any]]]],
) -> Compared:
    """Compare a package's converter with schema_guard's."""
    result = Compared(package, provider, schemas=len(read))
    for name, schema, tests in read:
        try:
            theirs = convert(copy.deepcopy(schema.document))
            judged = Sent(theirs)
        except Exception:  # noqa: BLE001 - whatever a package raises, it does not take the schema
            result.raised += 1
            continue
        if any(one.severity == "error" and one.effect == "rejected" for one in lint(theirs, provider)):
            result.rejected += 1
            continue
        made = adapt(schema, provider)
        if made.schema is None:
            result.below.append(name)
            continue
        beside(result, name, (schema, tests), (judged, Sent(made.schema, made.pre_image, made.restore)))
    return result


def beside(
    found: Compared, name: str, asked_of: tuple[Schema[Any], list[dict[str, Any]]], pair: tuple[Sent, Sent]
) -> None:
    """Count the results of both for the instances of one schema."""
    schema, tests = asked_of
    valid = [test["data"] for test in tests if schema.is_valid(test["data"])]
    invalid = [test["data"] for test in tests if not schema.is_valid(test["data"])]
    theirs, ours = ([not sent.gives(value) for value in invalid] for sent in pair)
    found.theirs_refused.add(theirs)
    found.ours_refused.add(ours)
    gives = [[sent.gives(value) for value in valid] for sent in pair]
    found.theirs_given.add(gives[0])
    found.ours_given.add(gives[1])
    # A schema that refuses right answers refuses wrong ones at that price. So only the others show the strength.
    if valid and all(gives[0]):
        found.sound_theirs.add(theirs)
        found.sound_ours.add(ours)
        if sum(ours) < sum(theirs):
            found.below.append(name)


def written(measured: list[Measured], compared: list[Compared]) -> str:
    """Write the tables."""
    lines = ["provider           " + "".join(f"{name:>12}" for name in CLASSES)]
    lines += [
        f"{one.provider:<17}" + "".join(f"{one.classes[name]:>12}" for name in CLASSES) for one in measured
    ]
    lines += ["", "invalid instances that are refused in every form; valid ones that can be given"]
    lines += [f"{one.provider:<17}{one.refused.told():<48}{one.given.told()}" for one in measured]
    lines += ["", "seconds of CPU in all, of the slowest schema; schemas with a loss that is not listed"]
    lines += [
        f"{one.provider:<17}{one.seconds:>8.1f}{one.slowest:>8.2f}   {', '.join(one.unlisted) or 'none'}"
        for one in measured
    ]
    lines += [
        f"{one.provider}: {number} not sent: {reason}"
        for one in measured
        for reason, number in one.reasons.items()
    ]
    for one in compared:
        lines += [
            "",
            (
                f"{one.package} beside it, provider {one.provider}: of {one.schemas} schemas it raises on {one.raised}, "
                f"{one.rejected} would be refused"
            ),
            f"  invalid refused, theirs {one.theirs_refused.told()}, ours {one.ours_refused.told()}",
            f"  valid given, theirs {one.theirs_given.told()}, ours {one.ours_given.told()}",
            (
                f"  invalid refused where theirs gives all that is valid, theirs {one.sound_theirs.told()}, "
                f"ours {one.sound_ours.told()}"
            ),
            f"  schemas where ours refuses fewer: {', '.join(one.below) or 'none'}",
        ]
    return "\n".join(lines) + "\n"


def plain_of(one: Measured) -> dict[str, Any]:
    """Return the results of a provider as JSON."""
    counted = {"classes": dict(one.classes), "reasons": dict(one.reasons)}
    rest = {name: value for name, value in vars(one).items() if name not in counted}
    return {**rest, **counted, "given": asdict(one.given), "refused": asdict(one.refused)}


def asked() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--provider", action="append", choices=sorted(RULES))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    if not os.environ.get("SCHEMA_GUARD_CORPORA"):
        parser.error("set SCHEMA_GUARD_CORPORA to the folder that holds the corpora")
    return arguments


def main() -> int:
    """Measure, print, and write the results if requested."""
    arguments = asked()
    read = list(rows(arguments.every))
    measured = [measure(provider, read) for provider in arguments.provider or sorted(RULES)]
    compared = [compare(package, *result, read) for package, result in converters().items()]
    text = written(measured, compared)
    print(text, end="")
    if arguments.output is not None:
        plain = {
            "command": shlex.join(["python", "benchmarks/adapting.py", *sys.argv[1:]]),
            "date": datetime.now(UTC).date().isoformat(),
            "python": platform.python_version(),
            "packages": {one.package: importlib.metadata.version(one.package) for one in compared},
            "schemas": len(read),
            "providers": [plain_of(one) for one in measured],
            "packages_beside": [asdict(one) for one in compared],
        }
        arguments.output.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        arguments.output.with_suffix(".txt").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
