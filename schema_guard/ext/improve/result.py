# SPDX-License-Identifier: Apache-2.0
"""The result of an improvement: as a document, as JSON, and as the provenance file beside the prompt."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.ext.improve.failure_map import place_text
from schema_guard.ext.improve.values import CURRENT, LEAST_INPUTS
from schema_guard.report import as_json
from schema_guard.report.document import Document, Fact, Section, Table, Tone
from schema_guard.stats import bounds
from schema_guard.text import clip, exact_percent, interval, odds, percent, plural, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schema_guard.ext.improve.race import Runner
    from schema_guard.ext.improve.values import ImproveResult, Proof

PROVENANCE = "provenance.json"
_MOST_GAPS = 10
_PROVED = "IMPROVED_PROMPT_PROVED"
_NOT_PROVED = "NOT_PROVED"
_NO_HELP = "NO_CANDIDATE_HELPS"
_TOO_FEW = "TOO_FEW_INPUTS"
_VALID = "NOTHING_TO_IMPROVE"
_STOPPED = "STOPPED"
_WORDS = {
    _PROVED: "a better prompt is proved",
    _NOT_PROVED: "the best candidate of the race is not proved better",
    _NO_HELP: "no candidate helps",
    _TOO_FEW: f"at least {LEAST_INPUTS} different inputs are needed, so nothing was sent",
    _VALID: "the prompt in use did not fail on any input of the map",
    _STOPPED: "stopped early, so nothing is proved",
}


def answer_of(result: ImproveResult) -> str:
    """Return the answer in one word."""
    if result.is_proved:
        return _PROVED
    if result.failures is None:
        return _TOO_FEW if not result.ended else _STOPPED
    if result.ended:
        return _STOPPED
    if not result.failures.failed:
        return _VALID
    return _NO_HELP if result.proof is None else _NOT_PROVED


def guard_line(path: Path | str, strategy: str = "system_prompt") -> str:
    """Return the line that sends an improved prompt.

    >>> guard_line("prompt/prompt.md")
    "guard(..., params=Params(prompt_file='prompt/prompt.md'))"
    """
    named = "" if strategy == "system_prompt" else f"strategy={strategy!r}, "
    return f"guard(..., {named}params=Params(prompt_file={str(path)!r}))"


def document_of(result: ImproveResult) -> Document:
    """Return the result as a document."""
    answer = answer_of(result)
    tone = Tone.GOOD if answer == _PROVED else Tone.OPEN
    return Document(f"{answer}: {_WORDS[answer]}", tuple(_facts(result)), tuple(_sections(result)), tone)


def _facts(result: ImproveResult) -> Iterator[Fact]:
    if result.function is not None:
        yield Fact("function", result.function)
    yield Fact("model", f"{result.model}, layout {result.prompt.layout}, strategy {result.prompt.strategy}")
    parts = ", ".join(
        f"{n} for the {part}" for n, part in zip(result.parts, ("map", "race", "proof"), strict=True)
    )
    yield Fact("inputs", f"{result.inputs:,}" + (f": {parts}" if result.failures is not None else ""))
    if result.failures is None and not result.ended:
        yield Fact("next", f"record {LEAST_INPUTS - result.inputs} more different inputs with their texts")
    if result.calls:
        yield Fact("calls", f"{result.calls:,}")
    if result.ended:
        yield Fact("stopped", result.ended)
    if result.winner is not None:
        yield Fact("winner", result.winner.name)
    if result.proof is not None:
        yield from _proof_facts(result.proof)
    if result.path is not None:
        yield Fact("prompt", str(result.path))
        yield Fact("use it", guard_line(result.path, result.prompt.file_strategy))
        yield Fact("reasons", join(["schema-guard", "improve", "--diff", str(result.path.parent)]))


def _proof_facts(proof: Proof) -> Iterator[Fact]:
    for label, failed in (("before", proof.before), ("after", proof.after)):
        limits = bounds(failed, proof.n, alpha=proof.alpha)
        share = percent(failed / proof.n) if proof.n else "no data"
        yield Fact(label, f"{failed} of {proof.n} failed = {share} {interval(limits.lower, limits.upper)}")
    better = interval(proof.better.lower, proof.better.upper)
    yield Fact(
        "better by",
        f"{better} of the inputs, with {exact_percent(1 - proof.alpha)} confidence; odds {odds(proof.e_value)}",
    )
    if proof.tokens_before is not None and proof.tokens_after is not None:
        added = proof.tokens_after - proof.tokens_before
        yield Fact("tokens", f"{added:+,.0f} input tokens per call ({proof.tokens_before:,.0f} before)")
    if proof.right is None or proof.values is None:
        yield Fact("values", "not measured, because the inputs have no right answers")
    else:
        before, after = proof.right
        change = interval(proof.values.lower, proof.values.upper)
        worse = "; the share of right values is proved worse" if proof.values.upper < 0 else ""
        yield Fact("values", f"{before} of {proof.n} right before, {after} after; change {change}{worse}")


def _sections(result: ImproveResult) -> Iterator[Section]:
    failures = result.failures
    if failures is not None and failures.gaps:
        rows = tuple(
            (place_text(one.gap), f"{one.calls:,}", percent(one.calls / failures.calls))
            for one in failures.gaps[:_MOST_GAPS]
        )
        gloss = f"the prompt in use failed on {failures.failed} of {plural(failures.calls, 'input')}"
        yield Section("failure map", gloss, Table(("place", "failed", "share"), rows))
    if result.runners:
        yield Section("race", "", _race_table(result.runners))
    if result.winner is not None:
        yield Section("added lines", "", None, tuple(_diff_lines(as_json(result.winner))))


def _race_table(runners: Sequence[Runner]) -> Table:
    """Return the candidates, with right answers if the inputs have labels."""
    has_labels = any(one.right is not None for one in runners)
    rows = [
        (
            one.name,
            f"{one.n:,}",
            f"{one.k:,}",
            percent(one.k / one.n) if one.n else "",
            *([f"{one.right or 0:,}"] if has_labels else []),
            "" if one.dropped_after is None else f"after {one.dropped_after}",
        )
        for one in runners
    ]
    header = ("candidate", "inputs", "failed", "share", *(["right"] if has_labels else []), "dropped")
    return Table(header, tuple(rows), (0, len(header) - 1))


def _diff_lines(winner: Mapping[str, Any]) -> Iterator[str]:
    for one in winner["added"]:
        yield f"+ {one['line']}  # {one['reason']}"


def diff_document(document: Mapping[str, Any]) -> Document:
    """Return the added lines of a provenance file, each with its reason."""
    proof = document["proof"]
    facts = [
        Fact("candidate", document["winner"]["name"]),
        Fact("measured", f"{document['at'][:10]}, {document['model']}"),
        Fact("failed", f"{proof['before']} of {proof['n']} inputs before, {proof['after']} after"),
    ]
    lines = tuple(_diff_lines(document["winner"]))
    return Document("ADDED LINES", tuple(facts), (Section("added lines", "", None, lines),), Tone.PLAIN)


def provenance_of(result: ImproveResult) -> str:
    """Return the text of the provenance file: the names of the fields of a result, and the answer."""
    document = {"answer": answer_of(result), **as_json(result)}
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"


def read_provenance(folder: Path) -> dict[str, Any]:
    """Read the provenance file of a prompt.

    Raises:
        InvalidArgument: There is none.
    """
    path = folder / PROVENANCE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidArgument(
            f"{clip(str(path))}: this is not a result of `schema-guard improve` ({reason_of(error)}). Run `schema-guard improve` first"
        ) from error
    if not isinstance(document, dict) or not all(
        isinstance(document.get(key), dict) for key in ("proof", "winner")
    ):
        raise InvalidArgument(
            f"{clip(str(path))}: expected a prompt file that `schema-guard improve` wrote. Run `schema-guard improve` first"
        )
    return document


def race_text(result: ImproveResult) -> str:
    """Return the race in words, as a reason for a declined step."""
    raced = [one for one in result.runners if one.name != CURRENT]
    n = max((one.n for one in result.runners), default=0)
    return f"{plural(len(raced), 'candidate')} on {plural(n, 'input')}"
