# SPDX-License-Identifier: Apache-2.0
"""A result as a file: written, and read again.

Rules:
1. The same result gives the same bytes; one row a line, so that the difference of two files can be read.
2. What is read is judged by the schema that is published beside this module, and all problems are told at once.
3. Of a file only its facts are taken: the setup, the calls and the examples. The figures are computed from them, so
   that none can be told that the calls do not show.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from schema_guard.bench.result.figures import assembled
from schema_guard.bench.result.values import BenchResult, VariantResult
from schema_guard.bench.run.plan import Variant
from schema_guard.bench.run.scored_call import CallRow, FailedExample, FailedRow, Setup
from schema_guard.errors import InvalidArgument
from schema_guard.pointer import pointer
from schema_guard.report import as_json
from schema_guard.schema import Schema
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORMAT = 1

# What a message lists; a file that is something else altogether breaks everything.
_MOST_PROBLEMS = 10

# JSON Schema calls 1.0 an integer, Python does not.
_WHOLE_OF_CALL = ("variant", "epoch", "leaves_right", "leaves", "attempts", "input_tokens", "output_tokens")
_WHOLE_OF_EXAMPLE = ("variant", "epoch", "attempt")

# Steps of validation: a call takes about 200, so this is far beyond any run.
_MOST_STEPS = 5_000_000_000


def result_as_json(result: BenchResult) -> dict[str, Any]:
    """Give a result as plain JSON, as the published schema describes it."""
    setup = result.setup
    return {
        "format": FORMAT,
        "library_version": setup.library_version,
        "suite": {"name": setup.suite, "fingerprint": setup.suite_fingerprint, "tasks": setup.suite_tasks},
        "plan": setup.plan,
        "settings": {
            "tasks": setup.tasks,
            "epochs": setup.epochs,
            "seed": setup.seed,
            "max_attempts": setup.max_attempts,
            **({} if setup.target is None else {"target": setup.target}),
        },
        "started_at": setup.started_at,
        "currency": setup.currency,
        "variants": list(map(_variant_as_json, result.variants)),
        "comparisons": as_json(result.comparisons),
        "failures": as_json(result.failures),
        "examples": as_json(result.examples),
        "stopped": list(setup.stopped),
        "left_out": list(setup.left_out),
        "not_measured": list(result.not_measured),
        "call_fields": list(CallRow._fields),
        "calls": list(map(_call_as_json, result.calls)),
    }


def _variant_as_json(variant: VariantResult) -> dict[str, Any]:
    document: dict[str, Any] = as_json(variant)
    return {name: value for name, value in document.items() if name != "tuned" or value}


def _call_as_json(call: CallRow) -> list[Any]:
    return list({**call._asdict(), "failures": [list(failed) for failed in call.failures]}.values())


def result_file(result: BenchResult) -> str:
    """Give the text of a result's file: ASCII, one variant, comparison, failure, example and call a line."""
    members = (f"{json.dumps(name)}: {_member(value)}" for name, value in result_as_json(result).items())
    return "{\n" + ",\n".join(members) + "\n}\n"


def _member(value: Any) -> str:
    if not isinstance(value, list) or not value or isinstance(value[0], str):
        return json.dumps(value)
    return "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in value) + "\n]"


@cache
def result_schema() -> Schema[Any]:
    """Give the published schema of a result's file."""
    text = files("schema_guard.bench.result").joinpath("result.schema.json").read_text(encoding="utf-8")
    return Schema.of(json.loads(text))


def result_from_file(text: str, *, name: str = "result") -> BenchResult:
    """Read the text of a result's file.

    Args:
        text: As `result_file` gives it.
        name: What to call the file in a message.

    Raises:
        InvalidArgument: It is no JSON, or `result_from_json` refuses it.
    """
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"{safe(name)}: expected the JSON of `schema-guard bench run`: {error}"
        ) from error
    return result_from_json(document, name=name)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def result_from_json(document: Any, *, name: str = "result") -> BenchResult:
    """Read a result from plain JSON.

    Args:
        document: As `result_as_json` gives it.
        name: What to call it in a message.

    Raises:
        InvalidArgument: It is no result, or one of another version; the message lists the first ten problems.
    """
    _check_version(document, safe(name))
    _check(safe(name), [_violation_text(broken) for broken in _violations(document)])
    setup = _setup(document)
    calls = tuple(map(_call, document["calls"]))
    examples = tuple(_example(example) for example in document["examples"])
    _check(safe(name), [*_contradictions(setup, calls), *_misplaced(setup, examples)])
    return assembled(setup, calls, examples)


def _call(row: list[Any]) -> CallRow:
    call = CallRow(*row)
    return call._replace(
        failures=tuple(FailedRow(*failed) for failed in call.failures),
        **_whole(call._asdict(), _WHOLE_OF_CALL),
    )


def _example(members: dict[str, Any]) -> FailedExample:
    return FailedExample(**{**members, **_whole(members, _WHOLE_OF_EXAMPLE)})


def _whole(members: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Give the members of these names as ints, None as it is."""
    return {name: None if members[name] is None else int(members[name]) for name in names}


def _check_version(document: Any, name: str) -> None:
    version = document.get("format") if isinstance(document, dict) else None
    if isinstance(version, int) and version != FORMAT:
        raise InvalidArgument(
            f"{name}: it has format {version}, this version of schema-guard reads format {FORMAT}: "
            "read it with the version that wrote it, or run the benchmark again"
        )


def _violations(document: Any) -> list[Any]:
    return result_schema().violations(document, max_steps=_MOST_STEPS)


def _violation_text(broken: Any) -> str:
    where = safe(clip(pointer(broken.instance_location)))
    return f"at {where}: expected {safe(broken.expected)}, got {safe(broken.actual)}"


def _check(name: str, problems: list[str]) -> None:
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        lines = "".join(f"\n  {problem}" for problem in problems[:_MOST_PROBLEMS])
        raise InvalidArgument(
            f"{name}: expected a result of `schema-guard bench run --format json`{lines}"
            + (f"\n  and {more} more" if more > 0 else "")
        )


def _setup(document: dict[str, Any]) -> Setup:
    suite, settings = document["suite"], document["settings"]
    return Setup(
        suite=suite["name"],
        suite_fingerprint=suite["fingerprint"],
        suite_tasks=int(suite["tasks"]),
        plan=document["plan"],
        variants=tuple(
            Variant(c["name"], c["model"], c["strategy"], c.get("tuned", False)) for c in document["variants"]
        ),
        tasks=int(settings["tasks"]),
        epochs=int(settings["epochs"]),
        seed=int(settings["seed"]),
        max_attempts=int(settings["max_attempts"]),
        started_at=document["started_at"],
        currency=document["currency"],
        stopped=tuple(document["stopped"]),
        left_out=tuple(document["left_out"]),
        target=settings.get("target"),
        library_version=document["library_version"],
    )


def _contradictions(setup: Setup, calls: tuple[CallRow, ...]) -> Iterator[str]:
    """Say what a schema cannot: calls of no variant, calls told twice, scores that cannot be."""
    names = [variant.name for variant in setup.variants]
    if len(set(names)) < len(names):
        yield "at /variants: expected names that are all different"
    keys = set()
    for index, call in enumerate(calls):
        key = (call.variant, call.schema, call.task, call.epoch)
        if call.variant >= len(names):
            yield f"at /calls/{index}/0: expected the index of one of {len(names)} variants, got {call.variant}"
        if key in keys:
            yield f"at /calls/{index}: expected each variant, schema, task and epoch once, got this one again"
        keys.add(key)
        if not _is_possible(call):
            yield (
                f"at /calls/{index}: expected leaves_right of at most leaves, all of them for a right value, and none "
                f"without a valid value; got format {call.format}, right {call.right}, "
                f"{call.leaves_right} of {call.leaves} leaves"
            )


def _is_possible(call: CallRow) -> bool:
    if not call.is_valid:
        return not call.right and call.leaves_right == 0
    return call.leaves_right <= call.leaves and (not call.right or call.leaves_right == call.leaves)


def _misplaced(setup: Setup, examples: tuple[FailedExample, ...]) -> Iterator[str]:
    for index, example in enumerate(examples):
        if example.variant >= len(setup.variants):
            yield f"at /examples/{index}/variant: expected the index of one of {len(setup.variants)} variants"
