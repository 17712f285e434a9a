# SPDX-License-Identifier: Apache-2.0
"""`schema probe`: does a server enforce the schemas that it accepts?"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.cli.shared.notes import confirm, note
from schema_guard.cli.shared.options import (
    build_command,
    key_value,
    naming,
    option,
    output_path,
    print_json,
    schema_of,
    shared,
    takes,
)
from schema_guard.cli.shared.quantities import COUNT
from schema_guard.ext.fitting.probe.keywords import keyword_questions, probe_keywords
from schema_guard.ext.fitting.probe.questions import enforcement_questions
from schema_guard.ext.fitting.probe.request import OUTPUT_TOKENS, ask, check_strict
from schema_guard.ext.fitting.probe.result import ProbeResult, probe_as_json, probe_as_lines
from schema_guard.models import connect
from schema_guard.models.providers import PROVIDERS
from schema_guard.prices.charges import charges_of, default_charges
from schema_guard.records.private import write_private
from schema_guard.text import dollars, plural, safe
from schema_guard.values import Usage

if TYPE_CHECKING:
    from schema_guard.models import Model
    from schema_guard.schema import Schema

_MOST_REQUESTS = 1_000
# The provider of model "local".
_LOCAL = "llamacpp-llguidance"
# Maximum number of tokens in a reply of a model that does not reason: JSON with about forty items.
_SHORT = 120
_SCHEMA_PROMPT = "Reply with any JSON that the schema allows, as short as you can."
# A server accepts or rejects a schema before the first token.
_SCHEMA_TOKENS = 64


class ProbeCost(NamedTuple):
    """The expected cost of a probe.

    Attributes:
        requests: Maximum number of requests.
        input_tokens: Estimated input tokens of all requests.
        cost: Cost in dollars if each reply is short. None if the price is unknown.
        most_cost: Cost in dollars if each reply has the maximum length. None if the price is unknown.
    """

    requests: int
    input_tokens: int
    cost: float | None
    most_cost: float | None

    def as_text(self) -> str:
        """Return the cost in one line."""
        text = f"at most {plural(self.requests, 'request')}, about {self.input_tokens:,} tokens of prompts and schemas"
        if self.cost is None or self.most_cost is None:
            return f"{text}; the cost is unknown, because this model has no prices"
        return f"{text}; about {dollars(self.cost)}, at most {dollars(self.most_cost)}"


@dataclass(frozen=True, kw_only=True)
class ProbeOptions:
    """The model to probe, and the requests to send."""

    model: str = option(
        required=True,
        metavar="NAME",
        help="Model to probe: local, openai:NAME, or http://HOST:PORT/v1#NAME, as in `schema-guard bench run`.",
    )
    provider: str | None = option(
        metavar="NAME", help="Provider whose API the server at the URL of --model uses. Default: openai."
    )
    schema: str | None = option(
        metavar="SCHEMA",
        help="Your schema, as a file or module:Model. The command also sends it, to check whether the server accepts it.",
    )
    keywords: bool = option(
        help="Send one request for each keyword, and compare the results with the built-in rules for the provider.",
    )
    output: str | None = option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False),
        help="JSON file for the result. Pass it to `schema-guard schema lint --rules`, or as rules= to `connect` or `guard`.",
    )
    requests: int = option(
        type=COUNT,
        default=3,
        advanced=True,
        help="Number of requests to send, at most 1,000. Each prompt asks for a value that the schema of its request forbids.",
    )
    options: tuple[str, ...] = option(
        "--option",
        metavar="KEY=VALUE",
        advanced=True,
        help="Provider argument for every request, such as temperature=0.7. Repeatable.",
    )
    prices: str | None = option(
        metavar="SOURCE",
        advanced=True,
        help="Token prices: a JSON file, or genai-prices. Default: $SCHEMA_GUARD_PRICES.",
    )
    seed: int | None = option(
        type=int,
        metavar="N",
        advanced=True,
        help="Seed for the random values that the schemas require. Default: a new seed for each run.",
    )

    def check(self) -> None:
        """Refuse a number of requests that is too large."""
        if self.requests > _MOST_REQUESTS:
            raise click.UsageError(
                f"--requests '{self.requests}': expected at most {_MOST_REQUESTS:,} requests"
            )

    def provider_name(self) -> str:
        """Return the provider of the model. Nothing is downloaded, and no key is needed."""
        kind = self.model.partition(":")[0]
        known = {
            "local": _LOCAL,
            "http": "openai",
            "https": "openai",
            **{name: one.provider for name, one in PROVIDERS.items()},
        }
        if kind in known:
            return self.provider or known[kind]
        with self.connected() as model:
            return model.provider

    def connected(self) -> Model:
        """Connect the model."""
        with naming(model="--model", provider="--provider"):
            return connect(
                self.model, provider=self.provider, options=dict(map(key_value, self.options)) or None
            )


@build_command("probe")
@takes(asked=ProbeOptions)
@shared("yes", "dry-run", "format")
def command(asked: ProbeOptions, yes: bool, dry_run: bool, form: str) -> int:
    """Test whether a server enforces the schemas that it accepts.

    The schema of each request requires random values, and the prompt asks for other values. If the server
    enforces the schema, the reply has the required values. Before the command sends the requests, it prints their number
    and cost, and asks for confirmation.

    Exit status: 0 if the server enforces all schemas, 1 if it ignores, rejects, or partly enforces one, or
    2 if it doesn't reply.

    \b
    schema-guard schema probe --model local --yes
    schema-guard schema probe --model http://127.0.0.1:8000/v1#NAME --provider vllm
    schema-guard schema probe --model openai:NAME --schema invoice.json --dry-run
    schema-guard schema probe --model openai:NAME --keywords -o rules.json
    """
    asked.check()
    schema = None if asked.schema is None else schema_of(asked.schema)
    output = None if asked.output is None else output_path(asked.output)
    if dry_run:
        return _print_cost(asked, schema, form)
    with asked.connected() as model:
        check_strict(model)
        cost = _cost(asked, model.provider, model.name, schema)
        note(f"{model.name}: {cost.as_text()}")
        confirm("Send them?", yes=yes, refused=f"{plural(cost.requests, 'request')} not sent")
        result = _probed(asked, model, schema)
    if form == "json":
        print_json(probe_as_json(result))
    else:
        print(*probe_as_lines(result), sep="\n")
    if output is not None:
        write_private(output, json.dumps(probe_as_json(result), indent=2) + "\n")
    return result.status


def _probed(options: ProbeOptions, model: Model, schema: Schema[Any] | None) -> ProbeResult:
    """Send the requests. If none of the first ones is answered, send no more."""
    from schema_guard.ext.fitting.probe.enforcement import (
        probe_enforcement,
    )  # imported here because it takes 70 ms, which the help doesn't need

    result = ProbeResult(
        model=model.name,
        provider=model.provider,
        made=datetime.now(UTC).date().isoformat(),
        enforcement=probe_enforcement(model, requests=options.requests, seed=options.seed),
    )
    if result.enforcement.verdict == "unknown":
        return result
    return replace(
        result,
        schema=None
        if schema is None
        else ask(model, schema.document, _SCHEMA_PROMPT, output_tokens=_SCHEMA_TOKENS),
        keywords=probe_keywords(model) if options.keywords else None,
    )


def _print_cost(asked: ProbeOptions, schema: Schema[Any] | None, form: str) -> int:
    """Print the number of requests and their cost. Nothing is sent."""
    name = asked.model.rpartition("#")[2] if "#" in asked.model else asked.model.partition(":")[2]
    cost = _cost(asked, asked.provider_name(), name or asked.model, schema)
    if form == "json":
        print_json({"dry_run": True, "model": asked.model, **cost._asdict()})
    else:
        print(safe(f"{asked.model}: {cost.as_text()}"))
        print("nothing was sent")
    return 0


def _cost(asked: ProbeOptions, provider: str, model: str, schema: Schema[Any] | None) -> ProbeCost:
    with naming(prices="--prices", provider="--provider"):
        charges = default_charges() if asked.prices is None else charges_of(asked.prices)
        sizes = [estimated_tokens(request) for request in _sent(asked, provider, schema)]

    def cost(output_tokens: int) -> float | None:
        costs = [charges.cost(Usage(size, output_tokens), model) for size in sizes] if charges else [None]
        known = [one for one in costs if one is not None]
        return sum(known) if len(known) == len(costs) else None

    return ProbeCost(len(sizes), sum(sizes), cost(_SHORT), cost(OUTPUT_TOKENS))


def _sent(options: ProbeOptions, provider: str, schema: Schema[Any] | None) -> list[Any]:
    """Return the maximum requests of a probe. Sent constants differ from these, but have the same size."""
    questions = enforcement_questions(provider, options.requests, seed=0)
    # If each request is refused, one without a schema shows whether the server answers at all.
    sent: list[Any] = [[question.prompt, question.schema] for question in questions] + [[questions[0].prompt]]
    if schema is not None:
        sent.append([_SCHEMA_PROMPT, schema.document])
    if options.keywords:
        sent += [[question.prompt, question.schema] for question in keyword_questions(provider)]
    return sent
