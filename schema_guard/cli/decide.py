# SPDX-License-Identifier: Apache-2.0
"""`decide`: is prompting enough, what comes next, does fine-tuning pay?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.options import json_file, option, readable, reasoned, shared, since_of, takes
from schema_guard.decide import decide, what_if
from schema_guard.decide.gather import Gathered, gather
from schema_guard.decide.ladder import RUNGS
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.report.decision.document import document_of
from schema_guard.report.decision.page import decision_page
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.decide import Verdict
    from schema_guard.records import Store
    from schema_guard.records.declarations import RungStatus

# By strategy: calls and unhandled calls so far, as they came.
Paths = dict[str, list[tuple[int, int]]]


@dataclass(frozen=True, kw_only=True)
class DecideOptions:
    """What is decided on, and as if what."""

    evidence: str | None = option(
        metavar="FILE", help="Decide on this JSON file, - for standard input; else on the store."
    )
    schema: str | None = option(metavar="NAME", help="Only this schema, by name or fingerprint.")
    function: str | None = option(metavar="NAME", help="Only this function, and trials under its schema.")
    since: str | None = option(metavar="TIME", help="Only calls from then on, as in `report`.")
    given: str | None = option(
        "--with",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="JSON of what a store cannot know: economics, feasibility, config, latency ...",
    )
    prices: str | None = option(
        metavar="SOURCE", help="Token prices: a JSON file, litellm's price file, or genai-prices."
    )
    target: float | None = option(
        type=float,
        metavar="RATE",
        help="The unhandled rate that is good enough; kept in the store, with its date.",
    )
    decline: tuple[str, ...] = option(
        multiple=True,
        metavar="RUNG=REASON",
        help="A remedy that you do not want; kept in the store.",
    )
    not_applicable: tuple[str, ...] = option(
        multiple=True,
        metavar="RUNG=REASON",
        help="A remedy that cannot be; kept in the store.",
    )
    what_if: tuple[str, ...] = option(
        multiple=True, metavar="KEY=VALUE", help="Decide as if: failure_cost=0.1, target=0.02 ..."
    )
    require_proof: bool = option(is_flag=True, help="Exit 1 also when more data is needed.")
    output: str | None = option(
        type=click.Path(dir_okay=False), metavar="FILE", help="Write there and not to stdout."
    )


@click.command("decide")
@takes(asked=DecideOptions)
@shared("store", "pages", "debug")
def command(asked: DecideOptions, store: str | None, form: str) -> int:
    """Say whether prompting is enough, what to try next, or whether to fine-tune: with the arithmetic.

    Exit 0: PROMPTING_ENOUGH, FINE_TUNE_FOR_COST, NEED_MORE_DATA (1 with --require-proof); 1: every other verdict.

    \b
    schema-guard decide --schema Invoice --target 0.01
    schema-guard decide --with costs.json --prices genai-prices --format html --output decision.html
    schema-guard decide --evidence evidence.json --what-if failure_cost=0.1 --format json
    """
    evidence, paths = _of_store(asked, store) if asked.evidence is None else (_of_file(asked), None)
    supposed = what_if(evidence, asked.what_if)
    if asked.what_if:
        supposed["notes"] = [
            *supposed.get("notes", ()),
            *(f"what if {change}" for change in asked.what_if),
        ]
    verdict = decide(supposed)
    page = _page(verdict, form, paths)
    if asked.output is None:
        print(page)
    else:
        Path(asked.output).write_text(page + "\n", encoding="utf-8")
        print(f"{verdict.verdict}: {safe(verdict.why)}")
    return verdict.exit_code(require_proof=asked.require_proof)


def _of_file(asked: DecideOptions) -> dict[str, Any]:
    """Read the evidence from the file that is named."""
    evidence = json_file(str(asked.evidence))
    if asked.target is not None:
        evidence = what_if(evidence, [f"config.target={asked.target!r}"])
    if (
        asked.schema or asked.function or asked.since or asked.given or asked.prices
        or asked.decline or asked.not_applicable
    ):  # fmt: skip
        raise click.UsageError("--evidence stands alone: what is in the file is decided on, not the store")
    return evidence


def _of_store(asked: DecideOptions, url: str | None) -> tuple[dict[str, Any], Paths]:
    """Read the evidence from the store, when what the user declares has been stored."""
    given = {} if asked.given is None else json_file(asked.given)
    if asked.prices is not None and "economics" not in given:
        raise click.UsageError("--prices needs --with FILE that has 'economics': a price alone costs nothing")
    store, since = readable(url), since_of(asked.since)

    def read() -> Gathered:
        return gather(
            store,
            schema=asked.schema,
            function=asked.function,
            since=since,
            given=given,
            prices=asked.prices,
        )

    found = read()
    if _declare(asked, store, found.schema_fingerprint):
        found = read()
    return found.evidence, found.paths


def _declare(asked: DecideOptions, store: Store, fingerprint: str | None) -> bool:
    """Store the target and the rungs that are declared; say whether there are any."""
    texts: dict[RungStatus, tuple[str, ...]] = {
        "declined": asked.decline,
        "not_applicable": asked.not_applicable,
    }
    declared = [(status, *reasoned(text, RUNGS)) for status, given in texts.items() for text in given]
    if asked.target is None and not declared:
        return False
    if fingerprint is None:
        raise click.UsageError(
            "--target, --decline and --not-applicable are about one schema: name it with --schema"
        )
    if asked.target is not None and [past.target for past in store.targets(fingerprint)][-1:] != [
        asked.target
    ]:
        store.set_target(fingerprint, asked.target)
    for status, rung, reason in declared:
        store.declare_rung(fingerprint, rung, status, reason)
    return True


def _page(verdict: Verdict, form: str, paths: Paths | None) -> str:
    if form == "json":
        return json.dumps(verdict.as_dict(), indent=2, ensure_ascii=True)
    if form == "html":
        return decision_page(verdict, paths=paths)
    return (as_markdown if form == "markdown" else as_text)(document_of(verdict))
