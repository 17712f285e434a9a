# SPDX-License-Identifier: Apache-2.0
"""`bench`: the group, which is `bench run` where no other of its commands is named."""

from __future__ import annotations

import click

from schema_guard.cli.shared.group import LazyGroup

_RUN = "run"
LINES = {
    _RUN: "Measure how often models keep to the schemas of SUITE, and how often they are right.",
    "batch": "Write a suite's requests as a batch file, and read the replies back.",
    "compare": "Say what has changed from the result file BEFORE to AFTER: task by task, with bounds.",
    "engines": "Say which engine enforces which schema of SUITE: compiles it, accepts what is valid, rejects what is not.",
    "gate": "Exit 1 when RESULT is proved to be worse than the baseline by more than --max-drop, with the reason.",
}


class _Bench(LazyGroup):
    """`bench SUITE` is `bench run SUITE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what names no subcommand for the arguments of `run`."""
        first = args[0] if args else ""
        return super().parse_args(ctx, args if first in self.lines else [_RUN, *args])


@click.group("bench", cls=_Bench, package=__package__, path="bench ", lines=LINES)
def command() -> None:
    """Measure how often models keep to schemas, and are right; compare and gate results."""
