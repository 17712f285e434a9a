# SPDX-License-Identifier: Apache-2.0
"""`bench compare`: show one result, or compare two; with `--gate`, fail if the second is worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from schema_guard.cli.shared.forms import json_text, rendered
from schema_guard.cli.shared.options import argument, build_command, naming, option, refuse, shared, takes
from schema_guard.cli.shared.quantities import SHARE
from schema_guard.extensions import load
from schema_guard.report import as_json

_NEEDS_TWO = "compares two results. Name a second file"


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """The results, and when the second one is too bad."""

    a: str = argument()
    b: str | None = argument(required=False)
    variant: str | None = option(
        metavar="NAME",
        help="Name of the variant to compare, such as few_shot. If its name differs between the two results, use A=B. Default: all variants.",
    )
    is_gate: bool = option(
        "--gate",
        help="Exit with status 1 if a rate of B is more than --max-drop below the same rate of A, with 95% confidence.",
    )
    max_drop: float = option(
        type=SHARE,
        default=0.02,
        show_default=False,
        help="Largest drop from A to B that --gate accepts, in percentage points. Default: 2%.",
    )
    against: str | None = option(
        type=click.Choice(["reference"]),
        help="Name of recorded results to compare A with. `reference` contains the results of 17 models on the suite `real`. Default: none.",
    )
    require_proof: bool = option(
        help="With --gate, also exit with status 1 if the data can't rule out a drop of more than --max-drop."
    )


@build_command("compare")
@takes(asked=CompareOptions)
@shared("results")
def command(asked: CompareOptions, form: str) -> int:
    """Compare two results task by task, or show one result.

    A and B are result files that `bench run -o result.json` wrote. A variant is one model with one strategy. The
    command compares each variant of A with the variant of the same name in B. It uses only the tasks that both
    results contain. All intervals hold with 95% confidence.

    \b
    Exit status:
      0  the result is printed
      1  with --gate: B is worse than A
      2  a file cannot be read, or nothing can be compared

    \b
    schema-guard bench compare result.json
    schema-guard bench compare before.json after.json
    schema-guard bench compare before.json after.json --gate --max-drop 2%
    schema-guard bench compare result.json result.json --variant few_shot=strict_schema
    schema-guard bench compare real.json --against reference
    """
    from schema_guard.bench.result.as_json import read_result, result_as_json

    if not asked.is_gate and form == "junit":
        raise click.UsageError("--format junit reports whether the gate passed, so it needs --gate")
    if not asked.is_gate:
        refuse("needs --gate", ["max_drop", "require_proof"])
    if asked.against is not None:
        refuse("does not work with --against. Omit it", ["b", "variant"])
        suites = load("suites")
        print_found(form, suites.placement(read_result(asked.a)), as_json, suites.document_of)
        return 0
    if asked.b is None:
        refuse(_NEEDS_TWO, ["is_gate", "variant"])
        from schema_guard.bench.result import document

        print_found(form, read_result(asked.a), result_as_json, document.document_of)
        return 0
    before, separator, after = (asked.variant or "").partition("=")
    pair = (before, after if separator else before) if asked.variant is not None else None
    from schema_guard.bench.result.run_comparison import compare, document_of

    results = read_result(asked.a), read_result(asked.b)
    with naming(variant="--variant", max_drop="--max-drop"):
        found = compare(
            *results,
            pair=pair,
            max_drop=asked.max_drop if asked.is_gate else None,
            proved=asked.require_proof,
        )
    if form == "junit":
        print(load("channels").as_junit(found))
    else:
        print_found(form, found, as_json, document_of)
    return 0 if found.gate is None or found.gate.passed else 1


def print_found(form: str, value: Any, as_json: Any, document_of: Any) -> None:
    """Print a value in a form."""
    print(rendered(form, lambda: document_of(value), as_json=lambda: json_text(as_json(value))))
