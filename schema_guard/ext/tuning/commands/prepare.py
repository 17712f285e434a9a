# SPDX-License-Identifier: Apache-2.0
"""`tune prepare`: a training set from records, labelled files, and your own answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from schema_guard.cli.shared.options import (
    build_command,
    imported,
    option,
    shared,
    takes,
)
from schema_guard.cli.shared.quantities import COUNT, SHARE
from schema_guard.ext.tuning.commands.sources import Sources
from schema_guard.ext.tuning.export.hosts import HOSTS
from schema_guard.ext.tuning.export.values import ExportSettings


def _share(what: str) -> Any:
    return option(
        type=SHARE,
        default=0.1,
        advanced=True,
        help=f"Share of the rows to use for {what}.",
    )


@dataclass(frozen=True, kw_only=True)
class Making:
    """The form of a training set."""

    output: str = option(
        "-o",
        "--output",
        required=True,
        metavar="DIR",
        help="Folder for the training set: a new folder, or the folder of an earlier set.",
    )
    provider: str = option(
        type=click.Choice(HOSTS),
        metavar="NAME",
        default="messages",
        help=f"File format of the set: {', '.join(HOSTS)}.",
    )
    base: str | None = option(
        metavar="MODEL",
        help="Name of the model to tune. The set then contains no unchecked answers from this model.",
    )
    accept_unchecked: bool = option(help="Also use answers whose values nobody checked. Requires --base.")
    strategy: str = option(
        type=click.Choice(["bare", "system_prompt"]),
        default="bare",
        advanced=True,
        help="Strategy for your calls to the tuned model. It selects the form of the prompts in the set.",
    )
    min_examples: int = option(
        type=COUNT,
        default=100,
        advanced=True,
        help="Minimum number of training rows. With fewer rows, the command writes nothing.",
    )
    max_examples: int | None = option(
        type=COUNT,
        advanced=True,
        help="Maximum number of rows in the set. The command takes rows in turn from each segment and kind of failure. Default: all rows.",
    )
    validation: float = _share("validation")
    test: float = _share("the test")
    seed: int = option(
        type=int,
        metavar="N",
        default=0,
        advanced=True,
        help="Seed for the random split into training, validation, and test rows.",
    )

    def settings(self, prompt_from: str | None) -> ExportSettings:
        """Return the settings of the set."""
        if self.accept_unchecked and self.base is None:
            raise click.UsageError(
                "--accept-unchecked needs --base MODEL, because a model must not learn from its own mistakes"
            )
        from schema_guard.ext.local.weights import NAME  # the name of "local" in records

        return ExportSettings(
            host=self.provider,
            strategy=self.strategy,
            min_examples=self.min_examples,
            max_examples=self.max_examples,
            accept_unchecked=self.accept_unchecked,
            base=NAME if self.base == "local" else self.base,
            validation=self.validation,
            test=self.test,
            seed=self.seed,
            prompt_from=None
            if prompt_from is None
            else imported(prompt_from, expected="--prompt-from module:function"),
        )


@build_command("prepare")
@takes(sources=Sources, making=Making)
@shared("store", "format")
def command(sources: Sources, making: Making, store: str | None, form: str) -> int:
    """Write a training set from recorded calls, labeled files, and your own answers.

    Each row contains the prompt that schema_guard will send to the tuned model. The command omits unchecked answers unless
    you accept them. It uses each repeated input only once. No input of the validation and test rows is equal or similar to an
    input of the training rows.

    Exit status: 0 if the set is written, 1 if there are too few rows, or 2 if the sources cannot be read.

    \b
    schema-guard tune prepare --schema Invoice --function app.extract -o set
    schema-guard tune prepare --schema invoice.schema.json --answers answers.jsonl --provider openai -o set
    schema-guard tune prepare --schema ticket --suite tickets.jsonl -o set
    """
    sources.check()
    settings = making.settings(sources.prompt_from)
    from schema_guard.ext.tuning.commands.training_set import write_set  # 200 ms that --help doesn't need

    return write_set(sources, making.output, settings, store, form)
