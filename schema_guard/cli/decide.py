# SPDX-License-Identifier: Apache-2.0
"""`decide`: is prompting enough, which fix comes next, does fine-tuning pay?"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.forms import form_for, json_text, rendered, write_output
from schema_guard.cli.shared.options import (
    WhichCalls,
    build_command,
    common,
    existing,
    json_file,
    naming,
    option,
    reasoned,
    refuse,
    shared,
    takes,
)
from schema_guard.cli.shared.quantities import RATE, SHARE
from schema_guard.cli.shared.repeated import AIMS, aims_of, flag_of, repeated
from schema_guard.configuration.project import setting
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.decide import Verdict
    from schema_guard.decide.recorded.from_store import Gathered
    from schema_guard.records import Store

# The evidence file holds all of these.
_OF_STORE = (
    "given",
    "answers",
    "priority",
    "prices",
    "sizes",
    "also_version",
    "decline",
    "time_zone",
    "store",
)
# Arguments that errors of the library begin with.
_OPTIONS = {
    "what-if": "--what-if",
    "extra": "--with",
    "version": "--also-version",
    "sizes": "--sizes",
    "prices": "--prices",
}


@dataclass(frozen=True, kw_only=True)
class DecideOptions:
    """The aims, the facts beside the store, and the form of the answer."""

    max_failure_rate: float | None = option(
        type=RATE,
        help="Highest acceptable failure rate, such as 1%. The command stores this target and its date. Default: the stored target, `max_failure_rate` in pyproject.toml, or 1%.",
    )
    min_right: float | None = option(
        type=SHARE,
        help="Lowest acceptable share of right values, such as 95%. Requires known answers from labels, --answers, or --with. Default: none.",
    )
    max_p95: float | None = common("max_p95")
    full: bool = option(help="Print all figures that support the verdict, as text.")
    require_proof: bool = option(advanced=True, help="Also exit with status 1 if a verdict needs more data.")
    priority: str | None = common("priority", advanced=True)
    prices: str | None = common("prices", advanced=True)
    given: str | None = option(
        "--with",
        type=click.Path(exists=True, dir_okay=False),
        advanced=True,
        help="JSON file with facts that a store doesn't contain, such as the cost of a failure or the highest allowed latency. Default: none.",
    )
    answers: tuple[str, ...] = option(
        metavar="FILE",
        advanced=True,
        help="JSON result of `bench run` on tasks with known answers. The command uses it to estimate the share of right values. Repeatable.",
    )
    decline: tuple[str, ...] = option(
        metavar="STEP=REASON",
        advanced=True,
        help="Step of the playbook that you can't or don't want to use, and the reason. The command stores both. Repeatable.",
    )
    also_version: tuple[str, ...] = option(
        metavar="VERSION",
        advanced=True,
        help="Earlier version of the prompt whose calls also count as evidence. Default: only the latest version. Repeatable.",
    )
    burst_length: float | None = common("burst_length", advanced=True)
    time_zone: str | None = common("time_zone", advanced=True)
    sizes: str | None = option(
        metavar="SMALL,LARGE",
        advanced=True,
        help="Names of models, from small to large, so that the command knows which model is cheaper. Default: the order of their prices in --prices.",
    )
    what_if: tuple[str, ...] = option(
        metavar="KEY=VALUE",
        advanced=True,
        help="Value in the evidence to replace for this run only, such as failure_cost=0.1. Repeatable.",
    )
    evidence: str | None = option(
        metavar="FILE",
        advanced=True,
        help="JSON file with the evidence for the verdict, or - for standard input. Default: the evidence in the store.",
    )


@build_command("decide")
@takes(which=WhichCalls, asked=DecideOptions)
@shared("output", "store", "pages")
def command(which: WhichCalls, asked: DecideOptions, output: str | None, store: str | None, form: str) -> int:
    """Decide whether prompting is enough, which fix to try next, or whether to fine-tune.

    Without --function, the command prints one line for each function, from the worst to the best verdict. The exit
    status is then 1 if any of these verdicts has the status 1. With -o, the file extension selects the format: .html,
    .json, .md, or .txt.

    \b
    Exit status:
      0  PROMPTING_ENOUGH, USE_CHEAPER_MODEL, FINE_TUNE_FOR_COST, NEED_MORE_DATA,
         or a tuned model in service that passes
      1  any other verdict, or a rate in production is proved to be wrong
      2  there is no store, no call, or wrong usage

    \b
    schema-guard decide --function extract_invoice --max-failure-rate 1%
    schema-guard decide --function extract_invoice --full
    schema-guard decide --with costs.json --prices genai-prices -o decision.html
    schema-guard decide --evidence evidence.json --what-if failure_cost=0.1 --format json
    """
    chosen = form_for(output, form)
    if asked.full and chosen != "text":
        raise click.UsageError(
            f"--full has no effect with the format {chosen}, which always contains all figures. Omit --full"
        )
    with naming(**_OPTIONS):
        if asked.evidence is not None:
            refuse(
                "has no effect with --evidence, which replaces the store",
                [*(one.name for one in fields(WhichCalls)), *_OF_STORE],
            )
            gathered, evidence = [], [_of_file(asked)]
        else:
            gathered = _of_store(which, asked, store)
            evidence = [one.evidence for one in gathered]
        options = _repeated(which, asked)
        verdicts = [_verdict(one, asked, options) for one in evidence]
    page, line = _pages(gathered, verdicts, chosen, output, full=asked.full)
    write_output(output, page)
    if output is not None:
        print(line)
    return max(one.exit_code(require_proof=asked.require_proof) for one in verdicts)


def _repeated(which: WhichCalls, asked: DecideOptions) -> dict[str, list[str]]:
    """Return the options that the next command needs too."""
    files = {
        "evidence": asked.evidence,
        "with": asked.given,
        "answers": asked.answers,
        "prices": asked.prices,
    }
    return repeated(which, asked, files=files)


def _verdict(evidence: dict[str, Any], asked: DecideOptions, options: Mapping[str, Any]) -> Verdict:
    """Return the verdict on evidence with the user's settings. *options* are those that the next command repeats."""
    from schema_guard.decide import decide, what_if

    evidence["options"] = {**(evidence.get("options") or {}), **options}
    supposed = what_if(evidence, asked.what_if)
    supposed["target_sources"] = _target_sources(asked, evidence)
    configured = setting("max_failure_rate")
    if supposed["target_sources"]["target"] == "default" and configured.value is not None:
        supposed["config"] = {**(supposed.get("config") or {}), "target": configured.value}
        supposed["target_sources"]["target"] = "pyproject.toml"
    if asked.what_if:
        supposed["notes"] = [
            *supposed.get("notes", ()),
            *(f"what if {change}" for change in asked.what_if),
        ]
    return decide(supposed)


def _target_sources(asked: DecideOptions, evidence: dict[str, Any]) -> dict[str, str]:
    """Return the source of each target. An option of the command line wins over a file, and a file over the store."""
    from schema_guard.decide.evidence.reading import with_budget

    config, file = evidence.get("config"), asked.evidence or asked.given
    in_file = json_file(file) if file and file != "-" else {}
    named = with_budget(in_file.get("config") or {}, in_file.get("latency"))
    sources = dict(evidence.get("target_sources") or {})
    sources |= dict.fromkeys(named if isinstance(named, dict) else (), str(file))
    sources |= {name: flag_of(AIMS[name]) for name in aims_of(asked)}
    if isinstance(config, dict) and "target" in config and "target" not in sources:
        sources["target"] = "evidence"
    return {"target": "default", **{name: source for name, source in sources.items() if name in AIMS}}


def _of_file(asked: DecideOptions) -> dict[str, Any]:
    """Read the evidence from the file of `--evidence`."""
    from schema_guard.decide import what_if

    evidence = json_file(str(asked.evidence))
    evidence.setdefault("day", datetime.now(UTC).date().isoformat())
    changes = [f"config.{name}={value!r}" for name, value in aims_of(asked).items()]
    return what_if(evidence, changes) if changes else evidence


def _of_store(which: WhichCalls, asked: DecideOptions, url: str | None) -> list[Gathered]:
    """Store the facts that the user declares, and read the evidence from the store."""
    from schema_guard.decide.recorded.from_store import add_texts, gather_each

    given = {} if asked.given is None else json_file(asked.given)
    if aims := aims_of(asked):
        given["config"] = {**given.get("config", {}), **aims}
    if asked.answers:
        from schema_guard.bench.result.answers import known_answers, teacher_lines
        from schema_guard.bench.result.as_json import read_result

        results = [read_result(path) for path in asked.answers]
        given["answers"] = known_answers(results)
        if lines := teacher_lines(results):
            given["notes"] = [*given.get("notes", ()), *lines]
    store = existing(url)

    def read() -> list[Gathered]:
        return gather_each(
            store,
            **which.named(),
            extra=given,
            prices=asked.prices,
            priority=asked.priority,
            also_versions=asked.also_version,
            sizes=[] if asked.sizes is None else asked.sizes.split(","),
        )

    found = read()
    if _declare(asked, store, found):
        found = read()
    if len(found) == 1:
        add_texts(found[0], store)
    return found


def _declare(asked: DecideOptions, store: Store, found: list[Gathered]) -> bool:
    """Store the rate and the steps that the user declares. Return whether there are any."""
    from schema_guard.decide.playbook import STEPS
    from schema_guard.decide.recorded.from_store import targets_of
    from schema_guard.records.selection import choose_one

    declared = [reasoned(text, STEPS) for text in asked.decline]
    if asked.max_failure_rate is None and not declared:
        return False
    if len(found) > 1:
        raise click.UsageError(
            "--max-failure-rate and --decline apply to only one function, so "
            + choose_one((one.function, one.schema) for one in found)
        )
    fingerprint, function = found[0].schema_fingerprint, found[0].function
    past = targets_of(store, fingerprint, function)
    wanted = asked.max_failure_rate
    if wanted is not None and (not past or past[-1].target != wanted):
        store.set_target(fingerprint, wanted, function=function)
    for step, reason in declared:
        store.declare_step(fingerprint, step, "declined", reason, function=function)
    return True


def _pages(
    gathered: list[Gathered], verdicts: list[Verdict], form: str, output: str | None, *, full: bool
) -> tuple[str, str]:
    """Return the whole answer, and one line of it."""
    from schema_guard.cli.shared.forms import columns
    from schema_guard.report.decision.document import (
        Decided,
        document_of,
        document_of_several,
        head_of,
        several_as_json,
    )

    if len(verdicts) > 1:
        decided = list(map(Decided, gathered, verdicts))
        document = document_of_several(decided)
        text = rendered(
            form, lambda: document, as_json=lambda: json_text(several_as_json(decided)), output=output
        )
        return text, document.title
    verdict = verdicts[0]
    text = rendered(
        form,
        lambda: (
            document_of(verdict)
            if full or form != "text"
            else head_of(verdict, width=None if output else columns())
        ),
        as_json=lambda: json_text(verdict.as_dict()),
        as_page=lambda: _drawn(gathered, verdict),
        output=output,
    )
    return text, f"{verdict.verdict}: {safe(verdict.why)}"


def _drawn(gathered: list[Gathered], verdict: Verdict) -> str:
    from schema_guard.report.decision.page import decision_page

    if not gathered:
        return decision_page(verdict)
    return decision_page(verdict, hours=gathered[0].hours, changes=gathered[0].changes)
