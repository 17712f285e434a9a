# SPDX-License-Identifier: Apache-2.0
"""Write a result to a file, and read it back.

Rules:
1. The same result gives the same bytes. Each row has its own line, so that you can read the difference of two files.
2. A file is validated with the schema that is published beside this module.
3. Only the setup, the calls, and the examples are read from a file. The figures are computed from them, so that no
   figure can contradict the calls.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.bench.result.figures import assembled
from schema_guard.bench.result.values import BenchResult, VariantResult
from schema_guard.bench.run.plan import Variant
from schema_guard.bench.run.scored_call import CallRow, FailedExample, FailedRow, Setup
from schema_guard.bench.suites.reading import decoded
from schema_guard.errors import InvalidArgument
from schema_guard.report import as_json
from schema_guard.schema import Schema
from schema_guard.text import reason_of, safe
from schema_guard.validation.published_schemas import judged

if TYPE_CHECKING:
    from os import PathLike

FORMAT = 1


# The facts of a setup that the file groups, by their names there.
_SUITE = {"suite": "name", "suite_fingerprint": "fingerprint", "suite_tasks": "tasks"}
_SETTINGS = ("tasks", "epochs", "seed", "max_attempts", "target", "teacher")


def result_as_json(result: BenchResult) -> dict[str, Any]:
    """Return a result as plain JSON, as the published schema describes it."""
    setup = as_json(result.setup)
    return {
        "format": FORMAT,
        "suite": {name: setup.pop(field) for field, name in _SUITE.items()},
        "settings": {name: value for name in _SETTINGS if (value := setup.pop(name)) is not None},
        **setup,
        "variants": list(map(_variant_as_json, result.variants)),
        "comparisons": as_json(result.comparisons),
        "examples": as_json(result.examples),
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
    """Return the text of a result's file: ASCII, one variant, comparison, failure, example and call a line."""
    members = (f"{json.dumps(name)}: {_member(value)}" for name, value in result_as_json(result).items())
    return "{\n" + ",\n".join(members) + "\n}\n"


def _member(value: Any) -> str:
    if not isinstance(value, list) or not value or isinstance(value[0], str):
        return json.dumps(value)
    return "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in value) + "\n]"


@cache
def result_schema() -> Schema[Any]:
    """Return the published schema of a result's file."""
    text = files("schema_guard.bench.result").joinpath("result.schema.json").read_text(encoding="utf-8")
    return Schema.of(json.loads(text))


def read_result(path: str | PathLike[str]) -> BenchResult:
    """Read the file of a result.

    Raises:
        InvalidArgument: It can't be read, or `result_from_json` refuses it.
    """
    name = safe(str(path))
    try:
        document = decoded(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidArgument(
            f"{name}: expected a result of `schema-guard bench run`, but reading it failed: {safe(reason_of(error))}"
        ) from error
    return result_from_json(document, name=name)


def result_from_json(document: Any, *, name: str = "result") -> BenchResult:
    """Read a result from plain JSON.

    Args:
        document: The JSON, as `result_as_json` returns it.
        name: Its name in error messages.

    Raises:
        InvalidArgument: It is not a result. The message names the most relevant problem.
    """
    document = judged(document, result_schema(), name)
    setup = _setup(document)
    calls = tuple(map(_call, document["calls"]))
    examples = tuple(FailedExample(**example) for example in document["examples"])
    return assembled(setup, calls, examples)


def _call(row: list[Any]) -> CallRow:
    call = CallRow(*row)
    return call._replace(failures=tuple(FailedRow(*failed) for failed in call.failures))


def _setup(document: dict[str, Any]) -> Setup:
    variants = ((c["name"], c["model"], c["strategy"], c.get("tuned", False)) for c in document["variants"])
    return Setup(
        **{field: document["suite"][name] for field, name in _SUITE.items()},
        **{name: document["settings"].get(name) for name in _SETTINGS},
        **{name: document[name] for name in ("plan", "started_at", "currency", "library_version")},
        variants=tuple(Variant(*one) for one in variants),
        stopped=tuple(document["stopped"]),
        left_out=tuple(document["left_out"]),
    )
