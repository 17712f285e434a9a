"""`report`, `decide` and `watch`: what the records say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.group import command, json_file, print_json, readable, reasoned, shared, since_of
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.records import Store
    from schema_guard.records.declarations import RungStatus


@command.command()
@click.option("--schema", metavar="NAME", help="Only this schema, by name or fingerprint.")
@click.option("--function", metavar="NAME", help="Only this function.")
@click.option(
    "--since",
    metavar="TIME",
    help="Only calls from then on: 2026-11-01, 2026-11-01T08:00, or 90m, 24h, 7d ago.",
)
@shared("store", "format", "debug")
def report(
    schema: str | None, function: str | None, since: str | None, store: str | None, form: str, debug: bool
) -> int:
    """Show failure rates with bounds, what failed and where, tokens and seconds.

    \b
    schema-guard report
    schema-guard report --since 24h --function shop.extract_invoice
    schema-guard report --format json | jq '.configurations[].unhandled'
    """
    from schema_guard.report import as_json, report_on
    from schema_guard.report.as_text import as_text
    from schema_guard.report.recorded import document_of

    found = report_on(readable(store), since=since_of(since), schema=schema, function=function)
    if form == "json":
        print_json(as_json(found))
    else:
        print(as_text(document_of(found)))
    return 0


@command.command()
@click.option(
    "--evidence", metavar="FILE", help="Decide on this JSON file, - for standard input; else on the store."
)
@click.option("--schema", metavar="NAME", help="Only this schema, by name or fingerprint.")
@click.option("--function", metavar="NAME", help="Only this function, and trials under its schema.")
@click.option("--since", metavar="TIME", help="Only calls from then on, as in `report`.")
@click.option(
    "--with",
    "given",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="JSON of what a store cannot know: economics, feasibility, config, latency ...",
)
@click.option(
    "--prices", metavar="SOURCE", help="Token prices: a JSON file, litellm's price file, or genai-prices."
)
@click.option(
    "--target",
    type=float,
    metavar="RATE",
    help="The unhandled rate that is good enough; kept in the store, with its date.",
)
@click.option(
    "--decline",
    multiple=True,
    metavar="RUNG=REASON",
    help="A remedy that you do not want; kept in the store.",
)
@click.option(
    "--not-applicable",
    multiple=True,
    metavar="RUNG=REASON",
    help="A remedy that cannot be; kept in the store.",
)
@click.option(
    "--what-if", multiple=True, metavar="KEY=VALUE", help="Decide as if: failure_cost=0.1, target=0.02 ..."
)
@click.option("--require-proof", is_flag=True, help="Exit 1 also when more data is needed.")
@click.option(
    "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write there and not to stdout."
)
@shared("store", "pages", "debug")
def decide(
    evidence: str | None, schema: str | None, function: str | None, since: str | None, given: str | None,
    prices: str | None, target: float | None, decline: tuple[str, ...], not_applicable: tuple[str, ...],
    what_if: tuple[str, ...], require_proof: bool, output: str | None, store: str | None, form: str, debug: bool,
) -> int:  # fmt: skip
    """Say whether prompting is enough, what to try next, or whether to fine-tune: with the arithmetic.

    Exit 0: PROMPTING_ENOUGH, FINE_TUNE_FOR_COST, NEED_MORE_DATA (1 with --require-proof); 1: every other verdict.

    \b
    schema-guard decide --schema Invoice --target 0.01
    schema-guard decide --with costs.json --prices genai-prices --format html --output decision.html
    schema-guard decide --evidence evidence.json --what-if failure_cost=0.1 --format json
    """
    from schema_guard.decide import decide as verdict_on
    from schema_guard.decide import what_if as changed

    paths = None
    if evidence is not None:
        known = json_file(evidence)
        if target is not None:
            known = changed(known, [f"config.target={target!r}"])
        if schema or function or since or given or prices or decline or not_applicable:
            raise click.UsageError(
                "--evidence stands alone: what is in the file is decided on, not the store"
            )
    else:
        extra = {} if given is None else json_file(given)
        if prices is not None and "economics" not in extra:
            raise click.UsageError(
                "--prices needs --with FILE that has 'economics': a price alone costs nothing"
            )
        reasons: dict[RungStatus, tuple[str, ...]] = {"declined": decline, "not_applicable": not_applicable}
        known, paths = _gathered(
            readable(store), schema, function, since_of(since), extra, prices, target, reasons
        )
    supposed = changed(known, what_if)
    if what_if:
        supposed["notes"] = [*supposed.get("notes", ()), *(f"what if {change}" for change in what_if)]
    verdict = verdict_on(supposed)
    page = _decision(verdict, form, paths)
    if output is None:
        print(page)
    else:
        Path(output).write_text(page + "\n", encoding="utf-8")
        print(f"{verdict.verdict}: {safe(verdict.why)}")
    return verdict.exit_code(require_proof=require_proof)


def _gathered(
    store: Store,
    schema: str | None,
    function: str | None,
    since: float | None,
    given: dict[str, Any],
    prices: str | None,
    target: float | None,
    reasons: dict[RungStatus, tuple[str, ...]],
) -> tuple[dict[str, Any], dict[str, list[tuple[int, int]]]]:
    """Read the evidence, when what the user declares has been stored."""
    from schema_guard.decide.gather import gather
    from schema_guard.decide.ladder import RUNGS

    def read() -> Any:
        return gather(store, schema=schema, function=function, since=since, given=given, prices=prices)

    found = read()
    declared = [(status, *reasoned(text, RUNGS)) for status, texts in reasons.items() for text in texts]
    if target is None and not declared:
        return found.evidence, found.paths
    if found.schema_fingerprint is None:
        raise click.UsageError(
            "--target, --decline and --not-applicable are about one schema: name it with --schema"
        )
    if target is not None and [past.target for past in store.targets(found.schema_fingerprint)][-1:] != [
        target
    ]:
        store.set_target(found.schema_fingerprint, target)
    for status, rung, reason in declared:
        store.declare_rung(found.schema_fingerprint, rung, status, reason)
    found = read()
    return found.evidence, found.paths


def _decision(verdict: Any, form: str, paths: dict[str, list[tuple[int, int]]] | None) -> str:
    if form == "json":
        return json.dumps(verdict.as_dict(), indent=2, ensure_ascii=True)
    if form == "html":
        from schema_guard.report.decision.page import decision_page

        return decision_page(verdict, paths=paths)
    from schema_guard.report.as_markdown import as_markdown
    from schema_guard.report.as_text import as_text
    from schema_guard.report.decision.document import document_of

    return (as_markdown if form == "markdown" else as_text)(document_of(verdict))


@command.command()
@click.option(
    "--slo", type=float, required=True, metavar="RATE", help="The largest unhandled rate that is good enough."
)
@click.option("--schema", metavar="NAME", help="Only this schema, by name or fingerprint.")
@click.option("--function", metavar="NAME", help="Only this function.")
@click.option("--since", metavar="TIME", help="Only calls from then on, as in `report`.")
@shared("store", "format", "debug")
def watch(
    slo: float,
    schema: str | None,
    function: str | None,
    since: str | None,
    store: str | None,
    form: str,
    debug: bool,
) -> int:
    """Say in one line whether a function's unhandled rate is proved to be above --slo, or has risen; exit 1 if so.

    For cron and CI: nothing is sent anywhere.

    \b
    schema-guard watch --slo 0.01 --since 7d
    """
    from schema_guard.decide.watch import watch as look
    from schema_guard.report import as_json
    from schema_guard.report.as_text import as_text
    from schema_guard.report.watched import document_of

    watched = look(readable(store), slo, schema=schema, function=function, since=since_of(since))
    if form == "json":
        print_json({"slo": slo, "watched": as_json(watched)})
    else:
        # One line: the configurations that are not the worst are in the other forms.
        print(as_text(document_of(watched, slo)._replace(sections=())))
    return 0 if all(one.is_fine for one in watched) else 1
