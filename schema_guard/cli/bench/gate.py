# SPDX-License-Identifier: Apache-2.0
"""`bench gate`: has a result become worse?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import click

from schema_guard.bench.result.gate import document_of, gate, gate_as_json
from schema_guard.cli.bench.compare import column_pairs, print_found, read_result
from schema_guard.cli.shared.options import argument, option, shared, takes


@dataclass(frozen=True, kw_only=True)
class GateOptions:
    """What is held against what, and how much worse it may be."""

    result: str = argument()
    baseline: str = option(required=True, metavar="FILE", help="The result that it is held against.")
    max_drop: float = option(
        type=float,
        default=0.02,
        show_default=True,
        metavar="RATE",
        help="The largest drop of a rate that is allowed.",
    )
    measure: Literal["valid", "right", "both"] = option(
        type=click.Choice(["valid", "right", "both"]),
        default="both",
        show_default=True,
        help="Which rates: of valid values, of right ones, or both.",
    )
    require_proof: bool = option(is_flag=True, help="Also fail where a larger drop is not ruled out.")
    column: str | None = option(
        metavar="NAME", help="Only this column; BASELINE=RESULT where it has two names."
    )


@click.command("gate")
@takes(asked=GateOptions)
@shared("markdown", "debug")
def command(asked: GateOptions, form: str) -> int:
    """Exit 1 when RESULT is proved to be worse than the baseline by more than --max-drop, with the reason.

    \b
    schema-guard bench gate after.json --baseline before.json --max-drop 0.02
    """
    columns = column_pairs(asked.column)
    found = gate(
        read_result(asked.result),
        read_result(asked.baseline),
        max_drop=asked.max_drop,
        measure=asked.measure,
        proved=asked.require_proof,
        columns=columns and [(after, before) for before, after in columns],
    )
    print_found(form, found, gate_as_json, document_of)
    return found.exit_code()
