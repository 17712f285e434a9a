# SPDX-License-Identifier: Apache-2.0
"""Draw JSON texts in the styles of models, and chunks of a stream in the styles of providers."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn


class _Style(NamedTuple):
    """A style of JSON text."""

    indent: int | str | None = None
    separators: tuple[str, str] | None = None
    escaped: bool = False


_STYLE = st.sampled_from(
    (
        _Style(),
        _Style(separators=(",", ":")),
        _Style(indent=2),
        _Style(indent=4),
        _Style(indent="\t"),
        _Style(separators=(",", ":"), escaped=True),
        _Style(indent=1, escaped=True),
    )
)
# 0 keeps the order of keys.
_ORDER = st.integers(0, 255)
# 0 cuts at any places. Any other number is the width of chunks in characters.
_WIDTH = st.integers(0, 4)
_MOST_CUTS = 8
_FENCES = ("```", "~~~")
_LABELS = ("json", "", "JSON", "jsonc", "javascript", "text", 'json title="a.json"', "{.json}")


def written(draw: DrawFn, value: Any) -> str:
    """Draw a JSON text of a value. Spaces, line breaks, escapes, and the order of keys vary."""
    order = draw(_ORDER)
    style = draw(_STYLE)
    text = json.dumps(
        _in_order(value, Random(order)) if order else value,  # an order, not a secret
        ensure_ascii=style.escaped,
        allow_nan=False,
        indent=style.indent,
        separators=style.separators,
    )
    # JSON has a slash only inside strings.
    return text.replace("/", "\\/") if style.escaped else text


def _in_order(value: Any, random: Random) -> Any:
    """Return a value with the keys of its objects in a random order."""
    if isinstance(value, list):
        return [_in_order(item, random) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    random.shuffle(keys)
    return {key: _in_order(value[key], random) for key in keys}


def fenced(draw: DrawFn, text: str) -> str:
    """Draw a fence around a text."""
    mark = draw(st.sampled_from(_FENCES))
    label = draw(st.sampled_from(_LABELS))
    return f"{mark}{label}\n{text}\n{mark}"


def in_chunks(draw: DrawFn, text: str) -> tuple[str, ...]:
    """Draw the chunks of a stream of a text. Some can be empty."""
    width = draw(_WIDTH)
    if width and text:
        return tuple(text[at : at + width] for at in range(0, len(text), width))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=_MOST_CUTS)))
    return tuple(text[start:end] for start, end in pairwise([0, *cuts, len(text)]))
