# SPDX-License-Identifier: Apache-2.0
"""A verdict as a document: the head, then the details; and the verdicts on several functions, a line each.

Rules: Of several verdicts, the worst one comes first. Each is the verdict that its function has alone, at its own alpha.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.recorded_settings import Traffic
from schema_guard.decide.evidence.reading import read_evidence
from schema_guard.decide.explanation.commands import decide_command
from schema_guard.report.as_text import as_text
from schema_guard.report.decision.head import facts_of
from schema_guard.report.decision.sections import sections_of
from schema_guard.report.decision.words import label, meaning, name_of, tone_of
from schema_guard.report.document import Document, Fact, Section, Table, Tone
from schema_guard.report.words import NO_DATA
from schema_guard.text import exact_percent, interval, odds, percent, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.decide import Verdict

    Figures = Mapping[str, Any]
    from collections.abc import Sequence

    from schema_guard.decide.recorded.from_store import Gathered

# Lines of the answer alone as text, which a terminal shows at once.
_MOST_LINES = 25


def document_of(verdict: Verdict) -> Document:
    """Return a verdict as a document: the answer first in plain words, the details below it."""
    figures = verdict.as_dict()
    return Document(
        title=f"VERDICT: {label(figures)} - {meaning(figures)}",
        facts=tuple(facts_of(figures)),
        sections=(_why(figures), *sections_of(figures)),
        tone=tone_of(figures),
    )


def head_of(verdict: Verdict, *, width: int | None = None) -> Document:
    """Return the answer without details: a document of at most 25 lines of text in a width, as `as_text` takes it."""
    whole = document_of(verdict)
    more = Fact("more", "add --full for all figures, the playbook, and changes that reverse the answer")
    facts = list(whole.facts)
    while True:
        head = whole._replace(facts=(*facts, more), sections=())
        if len(as_text(head, width=width).splitlines()) <= _MOST_LINES or not facts:
            return head
        facts.pop()


def _why(figures: Figures) -> Section:
    """Return the reasons of the verdict that neither its head nor a table has."""
    lines = [figures["why"]]
    if figures.get("not_fixable_by_decoding", {}).get("k"):
        target = figures["config"]["target"]
        unfixable = figures["not_fixable_by_decoding"]
        lines.append(
            f"{unfixable['k']:,.6g} failures are of a kind that strict decoding can't fix. Their rate is at least {percent(unfixable['lower'], -1, target)}, and the target is {exact_percent(target)}"
        )
    if "paired" in figures:
        paired = figures["paired"]
        lines.append(
            f"on the same inputs, the tuned model is {'proved' if paired['better'] else 'not proved'} to be better. "
            f"Its failure rate is lower by {interval(paired['lower'], paired['upper'])} (odds {odds(paired['e_value'])})"
        )
    return Section("Why", lines=tuple(lines))


_TRIALS = "(trials)"


class Decided(NamedTuple):
    """A verdict, and the records that it is about."""

    gathered: Gathered
    verdict: Verdict


def worst_first(decided: Sequence[Decided]) -> list[Decided]:
    """Sort verdicts: those that need a change first, then by the lower bound of the strategy in use, then by name."""

    def order(decision: Decided) -> tuple[int, float, str]:
        rate = _rate(decision)
        return -decision.verdict.exit_code(), -(rate["lower"] or 0.0) if rate else 0.0, _name(decision)

    return sorted(decided, key=order)


def several_as_json(decided: Sequence[Decided]) -> dict[str, Any]:
    """Return the verdicts as plain JSON."""
    return {"verdicts": [decision.verdict.as_dict() for decision in worst_first(decided)]}


def document_of_several(decided: Sequence[Decided]) -> Document:
    """Return the verdicts on several functions as a document, a row each."""
    ordered = worst_first(decided)
    against = sum(decision.verdict.exit_code() for decision in ordered)
    functions = len({_name(decision) for decision in ordered})
    subject = plural(functions, "function")
    if functions < len(ordered):  # such as a guard of tools, each with a schema of its own
        subject = f"{plural(len(ordered), 'schema')} of {subject}"
    alpha = max(decision.verdict.figures["config"]["alpha"] for decision in ordered)
    return Document(
        f"VERDICTS: {against} of {subject} {'needs' if against == 1 else 'need'} a change",
        (
            Fact(
                "next",
                f"{decide_command(read_evidence(ordered[0].gathered.evidence))}  # shows the worst function in full, and the command to run",
            ),
            Fact(
                "confidence",
                f"each verdict is correct with {exact_percent(1 - alpha)} confidence, at any time",
            ),
        ),
        (
            Section(
                "Functions",
                "The worst function comes first. The counts are those of the strategy in use. The range contains the true failure rate.",
                Table(
                    ("function", "verdict", "calls", "failed", "range", "meaning"),
                    tuple(_row(decision, ordered) for decision in ordered),
                    (0, 1, 5),
                ),
            ),
        ),
        tone=_tone([tone_of(decision.verdict.as_dict()) for decision in ordered]),
    )


def _tone(tones: Sequence[Tone]) -> Tone:
    """Return the worst of these tones."""
    return next(tone for tone in (Tone.BAD, Tone.OPEN, Tone.GOOD) if tone in tones)


def _row(decision: Decided, others: Sequence[Decided]) -> tuple[str, ...]:
    rate, name = _rate(decision), name_of(_name(decision))
    if sum(_name(other) == _name(decision) for other in others) > 1:
        name = f"{name} ({name_of(decision.gathered.schema)})"
    failed, bounds = NO_DATA, "-"
    if rate and rate["rate"] is not None:
        failed, bounds = (
            percent(rate["rate"]),
            f"{percent(rate['lower'], -1)} to {percent(rate['upper'], 1)}{_traffic_note(decision)}",
        )
    figures = decision.verdict.as_dict()
    return name, decision.verdict.verdict, f"{rate['n']:,}" if rate else "0", failed, bounds, meaning(figures)


def _traffic_note(decision: Decided) -> str:
    """Return a short note on the part of the traffic that the rate covers, or "" if the calls weren't imported."""
    strategies, current = (decision.gathered.evidence[name] for name in ("strategies", "current"))
    traffic = next((one.get("traffic") for one in strategies if one["id"] == current), None)
    return "" if traffic is None else f" {Traffic(**traffic).short}"


def _name(decision: Decided) -> str:
    return decision.gathered.function or _TRIALS


def _rate(decision: Decided) -> dict[str, Any] | None:
    """Return the verdict's rate of the strategy in use."""
    rate: dict[str, Any] | None = decision.verdict.figures["rates"].get(decision.gathered.evidence["current"])
    return rate
