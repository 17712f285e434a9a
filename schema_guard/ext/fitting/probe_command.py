# SPDX-License-Identifier: Apache-2.0
"""`probe`: does this server enforce the schemas that it takes?"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.options import (
    key_value,
    option,
    output_path,
    print_json,
    schema_of,
    shared,
    takes,
)
from schema_guard.ext.fitting.probe.asking import check_strict
from schema_guard.ext.fitting.probe.bisecting import most_requests
from schema_guard.ext.fitting.probe.cost import expected
from schema_guard.ext.fitting.probe.enforcement import probe_enforcement
from schema_guard.ext.fitting.probe.keywords import keyword_questions, probe_keywords
from schema_guard.ext.fitting.probe.prefix import prefix_messages, probe_prefix
from schema_guard.ext.fitting.probe.questions import enforcement_questions
from schema_guard.ext.fitting.probe.result import ProbeResult, probe_as_json, probe_as_lines
from schema_guard.ext.fitting.probe.schemas import SCHEMA_PROMPT, probe_schema
from schema_guard.models import connect
from schema_guard.prices.charges import default_charges, given_charges
from schema_guard.records.private import write_private
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from schema_guard.models import Model
    from schema_guard.schema import Schema


@dataclass(frozen=True, kw_only=True)
class ProbeOptions:
    """Whom to ask, how often, and whether that is agreed to."""

    model: str = option(required=True, metavar="NAME", help="Whom to ask, as in `bench`.")
    target: str | None = option(
        metavar="T", help="Whose arguments a server that is named by its URL takes; else openai."
    )
    requests: int = option(
        type=click.IntRange(min=1, max=1000),
        default=3,
        show_default=True,
        metavar="N",
        help="Requests for what a schema forbids.",
    )
    keywords: bool = option(
        is_flag=True, help="Also one request against each keyword, beside what the rules say."
    )
    schema: str | None = option(
        metavar="S",
        help="Also whether this schema is taken, and what of it is refused: a file, or module:Model.",
    )
    prefix: bool = option(is_flag=True, help="Also one request with the beginning of a reply.")
    output: str | None = option(
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Also write the result there, for `lint --rules`, and for rules= of `connect` and `guard`.",
    )
    options: tuple[str, ...] = option(
        "--option", multiple=True, metavar="KEY=VALUE", help="The provider's own arguments: temperature=0.7."
    )
    prices: str | None = option(
        metavar="SOURCE",
        help="Token prices, as in `bench`: a JSON file, or genai-prices. Else $SCHEMA_GUARD_PRICES.",
    )
    seed: int | None = option(type=int, metavar="N", help="Of the constants; else they are new each time.")
    yes: bool = option(is_flag=True, help="Ask without a question, as where there is no terminal.")

    def connected(self) -> Model:
        """Connect the model."""
        return connect(self.model, target=self.target, options=dict(map(key_value, self.options)) or None)


@click.command("probe")
@takes(asked=ProbeOptions)
@shared("format", "debug")
def command(asked: ProbeOptions, form: str) -> int:
    """Find out whether a server enforces the schemas that it takes, by asking for what they forbid.

    Each request has a schema with constants that stand nowhere else, and a prompt that asks for another value: only a
    server that enforces gives the constants. Says first how many requests that are and what they may cost. Exits 0
    where schemas are enforced, 1 where they are not, refused, or enforced only sometimes, where --schema is refused and
    where a keyword is not as the rules say, 2 where nothing was answered.

    \b
    schema-guard probe --model local --yes
    schema-guard probe --model http://127.0.0.1:8000/v1#NAME --target vllm
    schema-guard probe --model openai:NAME --schema invoice.schema.json
    schema-guard probe --model openai:NAME --keywords --prefix --output rules.json
    """
    schema = None if asked.schema is None else schema_of(asked.schema)
    output = None if asked.output is None else output_path(asked.output)
    with asked.connected() as model:
        check_strict(model)
        _agree(_sent(asked, model, schema), asked, model)
        result = _probed(asked, model, schema)
    if form == "json":
        print_json(probe_as_json(result))
    else:
        print(*probe_as_lines(result), sep="\n")
    if output is not None:
        write_private(output, json.dumps(probe_as_json(result), indent=2) + "\n")
    return result.status


def _probed(asked: ProbeOptions, model: Model, schema: Schema[Any] | None) -> ProbeResult:
    """Send the requests; where nothing is answered the first ones are all."""
    found = ProbeResult(
        model=model.name,
        target=model.target,
        made=datetime.now(UTC).date().isoformat(),
        enforcement=probe_enforcement(model, requests=asked.requests, seed=asked.seed),
    )
    if found.enforcement.verdict == "unknown":
        return found
    return replace(
        found,
        schema=None if schema is None else probe_schema(model, schema),
        keywords=probe_keywords(model) if asked.keywords else None,
        prefix=probe_prefix(model, seed=asked.seed) if asked.prefix else None,
    )


def _sent(asked: ProbeOptions, model: Model, schema: Schema[Any] | None) -> list[Any]:
    """Give what would be sent at most: other constants, of the same size."""
    questions = enforcement_questions(model.target, asked.requests, seed=0)
    # Where each request is refused, one without a schema tells whether anything is answered.
    sent: list[Any] = [[one.prompt, one.schema] for one in questions] + [[questions[0].prompt]]
    if schema is not None:
        sent += [[SCHEMA_PROMPT, schema.document]] * most_requests(schema.document)
    if asked.keywords:
        sent += [[one.prompt, one.schema] for one in keyword_questions(model.target)]
    return [*sent, prefix_messages(model.target, seed=0)] if asked.prefix else sent


def _agree(sent: list[Any], asked: ProbeOptions, model: Model) -> None:
    """Say what it would take, and ask whether to go on."""
    charges = default_charges() if asked.prices is None else given_charges(asked.prices)
    found = expected(sent, charges, model.name)
    print(safe(f"{model.name}: {found.as_text()}"), file=sys.stderr)
    if asked.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(
            f"{plural(found.requests, 'request')} would be sent, and there is no terminal to agree on: say --yes"
        )
    if not click.confirm("Send them?", err=True):
        raise click.UsageError("nothing was sent")
