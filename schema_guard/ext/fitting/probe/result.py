# SPDX-License-Identifier: Apache-2.0
"""What a probe found, as lines for a person and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.probe.enforcement import at_least
from schema_guard.pointer import pointer
from schema_guard.text import clip, percent, plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.ext.fitting.probe.bisecting import SchemaTaken
    from schema_guard.ext.fitting.probe.enforcement import Enforcement
    from schema_guard.ext.fitting.probe.keywords import ProbedKeyword
    from schema_guard.ext.fitting.probe.prefix import ProbedPrefix

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
        provider: Whose arguments were sent.
        made: The day, ISO 8601.
        enforcement: Whether schemas are enforced.
        keywords: What was done with each keyword; None where they were not asked.
        schema: Whether the user's schema is taken; None where none was given.
        prefix: What became of the beginning of a reply; None where it was not asked.
    """

    model: str
    provider: str
    made: str
    enforcement: Enforcement
    keywords: Sequence[ProbedKeyword] | None = None
    schema: SchemaTaken | None = None
    prefix: ProbedPrefix | None = None

    @property
    def status(self) -> int:
        """The exit status: 0 where all is as it should be, 1 where something is not, 2 where nothing was answered."""
        is_taken = self.schema is None or self.schema.is_taken
        if self.enforcement.verdict == "unknown" or is_taken is None:
            return 2
        differs = any(one.agrees is False for one in self.keywords or ())
        return int(self.enforcement.verdict != "enforced" or not is_taken or differs)


def probe_as_lines(result: ProbeResult) -> Iterator[str]:
    """Give what a person reads."""
    yield from _enforcement(result)
    if result.schema is not None:
        yield from _schema(result.schema)
    if result.keywords is not None:
        yield from _keywords(result.keywords)
    if result.prefix is not None:
        yield f"a reply that is begun for the model: {_PREFIX[result.prefix.does]}"


_PREFIX = {
    "continued": "the reply goes on where the beginning ends",
    "repeated": "the reply goes on, and gives the beginning again",
    "ignored": "the model begins anew",
    "refused": "refused",
    "unknown": "not known, the reply cannot be judged",
}


def _schema(found: SchemaTaken) -> Iterator[str]:
    asked = f"{plural(found.requests, 'request')}, {plural(found.places, 'place')}"
    if found.is_taken:
        yield f"the schema is taken ({asked})"
    elif found.is_taken is None:
        yield safe(f"the schema: not answered: {found.told}")
    elif found.refused is None:
        yield safe(f"the schema is refused, by which keyword was not found ({asked}): {found.told}")
    else:
        refused = found.refused
        what = f"{refused.keyword} at {pointer(refused.location)}"
        word = "for want of " if refused.is_missed else "for "
        yield safe(f"the schema is refused {word}{what} ({asked})")
        yield safe(f"    {refused.told}")


def _keywords(found: Sequence[ProbedKeyword]) -> Iterator[str]:
    agreed = sum(one.agrees is True for one in found)
    judged = sum(one.agrees is not None for one in found)
    yield f"keywords, one request each: {agreed} of {judged} as the rules say"
    for one in found:
        if one.does is None:
            yield safe(f"    {one.keyword}: {_DID[one.answer.did]}: {clip(one.answer.told, 60)}")
        elif not one.agrees:
            yield safe(
                f"    {one.keyword}: {one.does}, and the rules say {one.says}: {clip(one.answer.told, 100)}"
            )


def _enforcement(result: ProbeResult) -> Iterator[str]:
    found = result.enforcement
    counts, n = found.counts, found.judged
    kept = counts["kept"]
    yield safe(
        f"{result.model} (provider {result.provider}): {_MEANS[found.verdict]}{f'; {kept} of {n} kept' if n else ''}"
    )
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
    """Return the result as JSON, in the form of `schema_guard/ext/fitting/probe.schema.json`."""
    found = result.enforcement
    taken = result.schema
    return {
        "format": 1,
        "made": result.made,
        "model": result.model,
        "provider": result.provider,
        "enforcement": {
            "verdict": found.verdict,
            "requests": len(found.asked),
            "judged": found.judged,
            "kept": found.counts["kept"],
            "at_least": at_least(found.counts["kept"], found.judged) if found.judged else None,
            "by_keyword": {word: {"kept": kept, "n": n} for word, (kept, n) in found.by_keyword.items()},
        },
        "keywords": None
        if result.keywords is None
        else {
            one.keyword: {"does": one.does, "says": one.says, "n": int(one.does is not None)}
            for one in result.keywords
        },
        "schema": None
        if taken is None
        else {
            "is_taken": taken.is_taken,
            "requests": taken.requests,
            "places": taken.places,
            "refused": None
            if taken.refused is None
            else {
                "location": taken.refused.location,
                "keyword": taken.refused.keyword,
                "is_missed": taken.refused.is_missed,
            },
        },
        "prefix": None if result.prefix is None else result.prefix.does,
    }
