"""Stretches that are taken whole mean what a reading step by step finds in them."""

import json
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.repair.readings import repair
from schema_guard.ext.repair.scanner import Scanner

# Not here, because only a stretch that is taken whole finds it: a key without quotes behind a missing comma, and a
# comment between a key and its colon. Nor quotes that touch, which may be one string or two.
KEYS = st.sampled_from(['"a"', "'b'", '"x y"', "key_1", "$ref"])
GAPS = st.sampled_from(["", "", "", " ", "\n", " /* c */ ", " // c\n"])
SCALARS = st.sampled_from([
    "0", "-2.5", "1e3", "true", "null", "True", "None", '"x"', '"it\'s"', '"q\\"q"', "'y'", "'a b'", "'z\\'z'",
    '"l\nn"', '"http://x"', '"[z]"', '"c:\\x"', "“t”",
])  # fmt: skip


@st.composite
def values(draw: st.DrawFn, levels: int = 3) -> str:
    """Draw JSON with faults that need no look around."""
    kind = draw(st.sampled_from("{[" if levels == 3 else "{[ssss")) if levels else "s"
    if kind == "s":
        return draw(SCALARS)
    items = []
    for _ in range(draw(st.integers(0, 3))):
        item = draw(GAPS)
        if kind == "{":
            item += draw(KEYS) + ":" + draw(st.sampled_from(["", " ", "\n"]))
        items.append(item + draw(values(levels - 1)))
    text = kind + ",".join(items) + draw(GAPS)
    return text + draw(st.sampled_from(["", ","] if items else [""])) + {"{": "}", "[": "]"}[kind]


def _read(text: str) -> tuple[Any, set[str]] | None:
    result = repair(text, level="lossless", finished=True)
    return (json.loads(result[0].text), set(result[0].steps)) if result else None


@given(values())
def test_both_readings_agree(text: str) -> None:
    """What is taken whole gives the value and the steps that a reading item by item gives."""
    whole = _read(text)
    with patch.object(Scanner, "_run", lambda *_: False):
        by_steps = _read(text)

    assert whole == by_steps
    assert whole is not None


def test_what_only_a_stretch_finds() -> None:
    """A key without quotes behind a missing comma is a key, and a comment may stand before a colon."""
    assert _read('{a: "x" b: 1, c: 2}') == ({"a": "x", "b": 1, "c": 2}, {"unquoted_key", "missing_comma"})
    assert _read('{"a": "x", "b"/* c */: 1}') == ({"a": "x", "b": 1}, {"comment"})
