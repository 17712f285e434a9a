# SPDX-License-Identifier: Apache-2.0
"""The result of a probe, as lines for a person and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.probe.enforcement import at_least
from schema_guard.text import clip, percent, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.ext.fitting.probe.enforcement import Enforcement
    from schema_guard.ext.fitting.probe.keywords import ProbedKeyword
    from schema_guard.ext.fitting.probe.request import ProbeAnswer

# Number of requests without a failure that show at least 95%, with 95% confidence.
_SHOWS_95 = 59
_MEANS = {
    "enforced": "enforced, because every reply has values that only the schema requires",
    "ignored": "not enforced, because the server accepts the schema but replies violate it",
    "refused": "rejected, because the server replies but accepts no schema",
    "sometimes": "enforced only sometimes",
    "unknown": "unknown, because no reply can be validated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The result of a probe.

    Attributes:
        model: Name of the model.
        provider: Provider whose arguments were sent.
        made: Day of the probe, ISO 8601.
        enforcement: Whether schemas are enforced.
        keywords: Behavior with each keyword. None if keywords were not tested.
        schema: The result of the request with the user's schema. None without one.
    """

    model: str
    provider: str
    made: str
    enforcement: Enforcement
    keywords: Sequence[ProbedKeyword] | None = None
    schema: ProbeAnswer | None = None

    @property
    def status(self) -> int:
        """The exit status: 0 if all is as expected, 1 if not, or 2 if enforcement or the schema's result is unknown."""
        is_taken = self.schema is None or self.schema.is_accepted
        if self.enforcement.verdict == "unknown" or is_taken is None:
            return 2
        differs = any(keyword.agrees is False for keyword in self.keywords or ())
        return int(self.enforcement.verdict != "enforced" or not is_taken or differs)


def probe_as_lines(result: ProbeResult) -> Iterator[str]:
    """Yield the lines for a person."""
    yield from _enforcement(result)
    if result.schema is not None:
        yield _schema(result.schema)
    if result.keywords is not None:
        yield from _keywords(result.keywords)


def _schema(answer: ProbeAnswer) -> str:
    if answer.is_accepted:
        return "the server accepts the schema"
    did = "not answered" if answer.is_accepted is None else "rejected by the server"
    return safe(f"the schema: {did}: {answer.text}")


def _keywords(keywords: Sequence[ProbedKeyword]) -> Iterator[str]:
    agreed = sum(keyword.agrees is True for keyword in keywords)
    judged = sum(keyword.agrees is not None for keyword in keywords)
    yield f"keywords, one request each: {agreed} of {judged} match the known rules"
    for keyword in keywords:
        if keyword.does is None:
            yield safe(f"    {keyword.keyword}: {_DID[keyword.answer.did]}: {clip(keyword.answer.text, 60)}")
        elif not keyword.agrees:
            yield safe(
                f"    {keyword.keyword}: {keyword.does}, but {keyword.says} according to the known rules: {clip(keyword.answer.text, 100)}"
            )


def _enforcement(result: ProbeResult) -> Iterator[str]:
    enforcement = result.enforcement
    counts, n = enforcement.counts, enforcement.judged
    count = counts["kept"]
    yield safe(
        f"{result.model} (provider {result.provider}): {_MEANS[enforcement.verdict]}{f'; {count} of {n} replies match' if n else ''}"
    )
    if enforcement.verdict == "enforced":
        yield f"    {count} of {n}: at least {percent(at_least(count, n), -1)} of requests match, with 95% confidence, if all requests are alike"
        if n < _SHOWS_95:
            yield f"    to show at least 95%, add --requests {_SHOWS_95}"
        if not enforcement.is_hard:
            yield "    no keyword proves enforcement, because the model may only have read the schema"
    if enforcement.verdict == "sometimes":
        yield f"    by keyword: {', '.join(f'{word} {count} of {n}' for word, (count, n) in enforcement.by_keyword.items())}"
        yield "    to find out whether the keyword or the request is the cause, add --requests 12"
    for question, answer in enforcement.asked:
        if answer.did != "kept":
            yield safe(f"    {question.keyword}: {_DID[answer.did]}: {answer.text}")
    if enforcement.control is not None:
        did = "answered" if enforcement.control.did == "kept" else f"not answered: {enforcement.control.text}"
        yield safe(f"    the same request without a schema: {did}")


_DID = {
    "broken": "the reply violates it",
    "refused": "refused",
    "unclear": "no reply can be validated",
    "unanswered": "not answered",
}


def probe_as_json(result: ProbeResult) -> dict[str, Any]:
    """Return the result as JSON, in the form of `schema_guard/ext/fitting/probe.schema.json`."""
    enforcement = result.enforcement
    return {
        "format": 1,
        "made": result.made,
        "model": result.model,
        "provider": result.provider,
        "enforcement": {
            "verdict": enforcement.verdict,
            "requests": len(enforcement.asked),
            "judged": enforcement.judged,
            "kept": enforcement.counts["kept"],
            "at_least": at_least(enforcement.counts["kept"], enforcement.judged)
            if enforcement.judged
            else None,
            "by_keyword": {
                word: {"kept": count, "n": n} for word, (count, n) in enforcement.by_keyword.items()
            },
        },
        "keywords": None
        if result.keywords is None
        else {
            keyword.keyword: {"does": keyword.does, "says": keyword.says, "n": int(keyword.does is not None)}
            for keyword in result.keywords
        },
        "schema": None if result.schema is None else {"is_taken": result.schema.is_accepted},
    }
