# SPDX-License-Identifier: Apache-2.0
"""`decide`: is prompting enough, what comes next, does fine-tuning pay?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from schema_guard.bench.result import known_answers
from schema_guard.cli.bench.compare import read_result
from schema_guard.cli.shared.options import WhichCalls, json_file, option, readable, reasoned, shared, takes
from schema_guard.decide import decide, what_if
from schema_guard.decide.ladder import RUNGS
from schema_guard.decide.recorded.gather import Gathered, gather_each, targets_of
from schema_guard.records.private import write_private
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.report.decision.document import document_of, head_of
from schema_guard.report.decision.page import decision_page
from schema_guard.report.decision.several import Decided, document_of_several, several_as_json
from schema_guard.report.page import page
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.decide import Verdict
    from schema_guard.records import Store
    from schema_guard.records.declarations import RungStatus


@dataclass(frozen=True, kw_only=True)
class DecideOptions:
    """What is decided on, and as if what."""

    evidence: str | None = option(
        metavar="FILE", help="Decide on this JSON file, - for standard input; else on the store."
    )
    given: str | None = option(
        "--with",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="JSON of what a store cannot know: economics, feasibility, config, latency ...",
    )
    answers: tuple[str, ...] = option(
        multiple=True,
        metavar="FILE",
        help="A result of `bench` as JSON: its known answers say how often its calls, which are in the store, are right.",
    )
    prices: str | None = option(
        metavar="SOURCE",
        help="Token prices: a JSON file, litellm's price file, or genai-prices; they say what tokens cost, and which model is larger.",
    )
    target: float | None = option(
        type=float,
        metavar="RATE",
        help="The unhandled rate that is good enough; kept in the store, with its date.",
    )
    right: float | None = option(
        type=float,
        metavar="SHARE",
        help="The share of values that must be right, as 0.95; known answers come with --with.",
    )
    latency_p95: float | None = option(
        type=float, metavar="SECONDS", help="Seconds within which 95 % of the calls must end."
    )
    burst_length: float | None = option(
        type=float,
        metavar="CALLS",
        help="Mean failed calls of the outages that 'enough' must stand up to; 20 for who has outages.",
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
    sizes: str | None = option(
        metavar="SMALL,LARGE",
        help="Models by size; else the dearer one by --prices is the larger.",
    )
    also_version: tuple[str, ...] = option(
        multiple=True, metavar="VERSION", help="Take in the calls of this earlier version as well."
    )
    what_if: tuple[str, ...] = option(
        multiple=True, metavar="KEY=VALUE", help="Decide as if: failure_cost=0.1, target=0.02 ..."
    )
    full: bool = option(is_flag=True, help="As text: all figures, and not the answer alone.")
    require_proof: bool = option(is_flag=True, help="Exit 1 also when more data is needed.")
    output: str | None = option(
        type=click.Path(dir_okay=False), metavar="FILE", help="Write there and not to stdout."
    )


@click.command("decide")
@takes(which=WhichCalls, asked=DecideOptions)
@shared("store", "pages", "debug")
def command(which: WhichCalls, asked: DecideOptions, store: str | None, form: str) -> int:
    """Say whether prompting is enough, what to try next, or whether to fine-tune: with the arithmetic.

    Several functions have a line each, the worst first, and the worst exit status.
    Exit 1: something in production is proved to be wrong, as `watch` says it, or the verdict is none of
    PROMPTING_ENOUGH, USE_CHEAPER_MODEL, FINE_TUNE_FOR_COST, NEED_MORE_DATA (1 with --require-proof) and a tuned model
    in service that passes; else 0.

    \b
    schema-guard decide --function extract_invoice --target 0.01
    schema-guard decide --with costs.json --prices genai-prices --format html --output decision.html
    schema-guard decide --evidence evidence.json --what-if failure_cost=0.1 --format json
    """
    if asked.evidence is not None:
        decided = [_decided(None, _of_file(which, asked), asked)]
    else:
        decided = [_decided(one, one.evidence, asked) for one in _of_store(which, asked, store)]
    page, told = _pages(decided, form, full=asked.full)
    if asked.output is None:
        print(page)
    else:
        write_private(asked.output, page + "\n")
        print(told)
    return max(one.verdict.exit_code(require_proof=asked.require_proof) for one in decided)


def _decided(gathered: Gathered | None, evidence: dict[str, Any], asked: DecideOptions) -> Decided:
    supposed = what_if(evidence, asked.what_if)
    if asked.what_if:
        supposed["notes"] = [
            *supposed.get("notes", ()),
            *(f"what if {change}" for change in asked.what_if),
        ]
    return Decided(gathered, decide(supposed))


def _of_file(which: WhichCalls, asked: DecideOptions) -> dict[str, Any]:
    """Read the evidence from the file that is named."""
    evidence = json_file(str(asked.evidence))
    if isinstance(evidence, dict):
        evidence.setdefault("day", datetime.now(UTC).date().isoformat())
    wanted = {"target": asked.target, **_aims(asked)}
    told = [f"config.{name}={value!r}" for name, value in wanted.items() if value is not None]
    if told:
        evidence = what_if(evidence, told)
    of_store = (
        asked.given,
        asked.answers,
        asked.prices,
        asked.sizes,
        asked.also_version,
        asked.decline,
        asked.not_applicable,
    )
    if not which.are_all or any(of_store):
        raise click.UsageError("--evidence stands alone: what is in the file is decided on, not the store")
    return evidence


def _aims(asked: DecideOptions) -> dict[str, float | None]:
    """Give what is asked for beside the target, by the names of the evidence's config."""
    return {
        "right": asked.right,
        "latency_p95_s": asked.latency_p95,
        "burst_length": asked.burst_length,
    }


def _of_store(which: WhichCalls, asked: DecideOptions, url: str | None) -> list[Gathered]:
    """Read the evidence from the store, when what the user declares has been stored."""
    given = {} if asked.given is None else json_file(asked.given)
    wanted = {"target": asked.target, **_aims(asked)}
    aims = {name: value for name, value in wanted.items() if value is not None}
    if aims and isinstance(given, dict):
        given["config"] = {**given.get("config", {}), **aims}
    if asked.answers and isinstance(given, dict):
        given["answers"] = known_answers(map(read_result, asked.answers))
    store, named = readable(url), which.named()

    def read() -> list[Gathered]:
        return gather_each(
            store,
            **named,
            given=given,
            prices=asked.prices,
            also_versions=asked.also_version,
            sizes=[] if asked.sizes is None else asked.sizes.split(","),
        )

    found = read()
    if _declare(asked, store, found):
        found = read()
    return found


def _declare(asked: DecideOptions, store: Store, found: list[Gathered]) -> bool:
    """Store the target and the rungs that are declared; say whether there are any."""
    texts: dict[RungStatus, tuple[str, ...]] = {
        "declined": asked.decline,
        "not_applicable": asked.not_applicable,
    }
    declared = [(status, *reasoned(text, RUNGS)) for status, given in texts.items() for text in given]
    if asked.target is None and not declared:
        return False
    if len(found) > 1:
        raise click.UsageError(
            "--target, --decline and --not-applicable are about one function: name it with --function, or --schema"
        )
    fingerprint, function = found[0].schema_fingerprint, found[0].function
    past = targets_of(store, fingerprint, function)
    if asked.target is not None and (not past or past[-1].target != asked.target):
        store.set_target(fingerprint, asked.target, function=function)
    for status, rung, reason in declared:
        store.declare_rung(fingerprint, rung, status, reason, function=function)
    return True


def _pages(decided: list[Decided], form: str, *, full: bool) -> tuple[str, str]:
    """Give the whole answer, and one line of it."""
    if len(decided) > 1:
        document = document_of_several(decided)
        if form == "json":
            return _json(several_as_json(decided)), document.title
        return {"text": as_text, "markdown": as_markdown, "html": page}[form](document), document.title
    gathered, verdict = decided[0]
    told = f"{verdict.verdict}: {safe(verdict.why)}"
    if form == "json":
        return _json(verdict.as_dict()), told
    if form == "html":
        return _drawn(gathered, verdict), told
    if form == "markdown":
        return as_markdown(document_of(verdict)), told
    return as_text(document_of(verdict) if full else head_of(verdict)), told


def _drawn(gathered: Gathered | None, verdict: Verdict) -> str:
    if gathered is None:
        return decision_page(verdict)
    return decision_page(verdict, paths=gathered.paths, hours=gathered.hours, changes=gathered.changes)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=True)
