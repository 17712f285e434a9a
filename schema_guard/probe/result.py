# SPDX-License-Identifier: Apache-2.0
"""What a probe found, as lines for a person and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.probe.enforcement import at_least
from schema_guard.text import percent, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.probe.enforcement import Enforcement

__all__ = ["ProbeResult", "probe_as_json", "probe_as_lines"]

# Requests without a failure that show 95 % at least, with 95 % confidence.
_SHOWS_95 = 59
_MEANS = {
    "enforced": "enforced: every reply has what only the schema asked for",
    "ignored": "not enforced: the schema is taken, and replies have what it forbids",
    "refused": "refused: the server answers, but takes no schema",
    "sometimes": "enforced only sometimes",
    "unknown": "unknown: no reply could be judged",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What a probe found.

    Attributes:
        model: The model's name.
        target: Whose arguments were sent.
        made: The day, ISO 8601.
        enforcement: Whether schemas are enforced.
    """

    model: str
    target: str
    made: str
    enforcement: Enforcement

    @property
    def status(self) -> int:
        """The exit status: 0 where schemas are enforced, 1 where they are not, 2 where nothing was answered."""
        return {"enforced": 0, "unknown": 2}.get(self.enforcement.verdict, 1)


def probe_as_lines(result: ProbeResult) -> Iterator[str]:
    """Give what a person reads."""
    yield from _enforcement(result)


def _enforcement(result: ProbeResult) -> Iterator[str]:
    found = result.enforcement
    counts, n = found.counts, found.judged
    kept = counts["kept"]
    yield safe(f"{result.model} (target {result.target}): {_MEANS[found.verdict]}; {kept} of {n} kept")
    if found.verdict == "enforced":
        yield f"    {kept} of {n}: at least {percent(at_least(kept, n))} of requests with 95% confidence, if they are alike"
        if n < _SHOWS_95:
            yield f"    for at least 95%: --requests {_SHOWS_95}"
        if not found.is_hard:
            yield "    under no keyword that a model does not keep to by itself: it may have been shown the schema and no more"
    if found.verdict == "sometimes":
        yield f"    by keyword: {', '.join(f'{word} {kept} of {n}' for word, (kept, n) in found.by_keyword.items())}"
        yield "    whether it is the keyword or the request: more of them, --requests 12"
    for question, answer in found.asked:
        if answer.did != "kept":
            yield safe(f"    {question.keyword}: {_DID[answer.did]}: {answer.told}")
    if found.control is not None:
        did = "answered" if found.control.did == "kept" else f"not answered: {found.control.told}"
        yield safe(f"    the same without a schema: {did}")


_DID = {
    "broken": "came back without it",
    "refused": "refused",
    "unclear": "cannot be judged",
    "unanswered": "not answered",
}


def probe_as_json(result: ProbeResult) -> dict[str, Any]:
    """Give all that was found, as `probe.schema.json` describes it."""
    found = result.enforcement
    return {
        "format": 1,
        "made": result.made,
        "model": result.model,
        "target": result.target,
        "enforcement": {
            "verdict": found.verdict,
            "requests": len(found.asked),
            "judged": found.judged,
            "kept": found.counts["kept"],
            "at_least": at_least(found.counts["kept"], found.judged) if found.judged else None,
            "by_keyword": {word: {"kept": kept, "n": n} for word, (kept, n) in found.by_keyword.items()},
        },
    }
