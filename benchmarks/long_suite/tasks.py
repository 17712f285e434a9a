"""One task of the suite."""

from __future__ import annotations

from typing import Any, NamedTuple


class LongTask(NamedTuple):
    """A task of the suite `long`, with the fields of a line of its file."""

    id: str
    source: str
    licence: str
    instruction: str
    input: str
    schema: Any
    gold: Any
    match: dict[str, Any]
    split: str = "test"


def text_matches(gold: Any) -> dict[str, Any]:
    """Return the matchers that ignore case, white space, and punctuation, for places that always have a text.

    >>> text_matches({"parts": [{"name": "nut", "note": None}, {"name": "bolt", "note": "old"}]})
    {'/parts/*/name': 'punctuation'}
    """
    places: dict[str, bool] = {}
    pending = [("", gold)]
    while pending:
        at, value = pending.pop()
        if isinstance(value, dict):
            pending += [(f"{at}/{key}", part) for key, part in value.items()]
        elif isinstance(value, list):
            pending += [(f"{at}/*", part) for part in value]
        else:
            places[at] = isinstance(value, str) and places.get(at, True)
    return {at: "punctuation" for at, is_text in sorted(places.items()) if is_text}
