# SPDX-License-Identifier: Apache-2.0
"""The options of `tune prepare` that name the sources of a training set."""

from __future__ import annotations

from dataclasses import dataclass

import click

from schema_guard.cli.shared.options import common, complete_schemas, option


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The sources of a training set."""

    schema: str | None = option(
        metavar="SCHEMA",
        shell_complete=complete_schemas,
        help="Schema of the answers: its name in the store or the suite, a JSON Schema file, module:Model, or module:function of a guarded function. Default: the schema of --function.",
    )
    function: str | None = common("function")
    since: float | None = common("since")
    until: float | None = common("until", advanced=True)
    segment: str | None = common("segment", advanced=True)
    suite: str | None = option(
        metavar="PATH",
        help="Suite of inputs with known answers, in a form that `schema-guard bench run` accepts. Without --function, the command doesn't read the store.",
    )
    answers: str | None = option(
        metavar="FILE",
        help="JSON Lines file with your answers. Each line has the field `answer`, and either `call_id` or `input` to identify the call.",
    )
    prompt_from: str | None = option(
        metavar="MODULE:FUNCTION",
        advanced=True,
        help="Function that returns the prompt for a task, as module:function. Required if your guarded function builds its own prompt.",
    )

    @property
    def reads_store(self) -> bool:
        """Whether the sources include recorded calls."""
        return self.suite is None or self.function is not None

    def check(self) -> None:
        """Reject filters of recorded calls if no recorded call is read."""
        for name in () if self.reads_store else ("segment", "since", "until"):
            if getattr(self, name) is not None:
                raise click.UsageError(
                    f"--{name} has no effect with --suite alone. To read recorded calls too, add --function"
                )
