# SPDX-License-Identifier: Apache-2.0
"""Evidence with changed values, to compare the verdict with the original one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from schema_guard.decide.evidence.model_availability import Feasibility
from schema_guard.decide.evidence.money import CallCost, Economics, Three
from schema_guard.decide.evidence.values import Config
from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean

_MOST_NAMED = 5

# Fields of the economics that have another shape in the evidence.
_RESHAPED = ("prompt_cost", "tuned_cost", "tuned", "upfront")

# Paths that can be set even if the evidence doesn't have them yet.
_SETTABLE = (
    "calls_per_month",
    "current",
    *(f"config.{name}" for name in Config.__dataclass_fields__),
    *(f"feasibility.{name}" for name in Feasibility.__dataclass_fields__),
    *(f"economics.{name}" for name in Economics.__dataclass_fields__ if name not in _RESHAPED),
    *(
        f"economics.{side}.{name}"
        for side in ("prompt_cost", "tuned_cost")
        for name in CallCost.__dataclass_fields__
    ),
    *(f"economics.tuned.residual.{name}" for name in Three._fields),
)
# Keys of the evidence that only describe it.
_LABELS = ("target_sources", "options")


def what_if(evidence: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """Return a copy of evidence with some values changed.

    Args:
        evidence: Evidence for `decide`. The function doesn't change or validate this evidence.
        changes: Changes in the form `path=value`. The function applies the changes in order. A path consists of the
            keys from the root of the evidence, joined with dots. To select an element of an array, a path contains the
            element's index, `id`, `name`, or `rung`, as in `strategies.few_shot.k_final=3`. You can omit the first keys
            if only one path in the evidence ends with the remaining keys, as in `failure_cost=0.1`. If a value isn't
            valid JSON, the function uses it as a string, as in `current=few_shot`.

    Raises:
        InvalidArgument: A change has no `=`, or its path is unknown or ambiguous.

    >>> what_if({"config": {"target": 0.01}}, ["target=0.02", "calls_per_month=50000"])
    {'config': {'target': 0.02}, 'calls_per_month': 50000}
    """
    changed: dict[str, Any] = deepcopy(dict(evidence))
    for change in changes:
        path, separator, text = change.partition("=")
        if not separator:
            raise InvalidArgument(
                f"what-if {clip(repr(change))}: expected path=value, such as economics.failure_cost=0.1"
            )
        places = {name: place for name, *place in _places(changed) if name.partition(".")[0] not in _LABELS}
        known = _meant(path.strip(), list(dict.fromkeys([*_SETTABLE, *places])))
        owner, key = places.get(known) or _made(changed, known)
        owner[key] = _value(text)
        if known == "calls_per_month" and isinstance(changed.get("about"), dict):
            # The volume is no longer read from recorded days.
            for name in ("latest_days", "latest_calls"):
                changed["about"].pop(name, None)
    return changed


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def _meant(path: str, known: Sequence[str]) -> str:
    """Return the full path for a path or the unique ending of one."""
    if path in known:
        return path
    meant = [name for name in known if name.endswith(f".{path}")]
    if len(meant) == 1:
        return meant[0]
    if meant:
        more = len(meant) - _MOST_NAMED
        paths = ", ".join(meant[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        raise InvalidArgument(
            f"what-if {clip(repr(path))}: several paths have this ending: {paths}. Write more of the path"
        )
    last = {name.rpartition(".")[2] for name in known}
    hint = did_you_mean(path, [*known, *last]) or ", such as config.target"
    raise InvalidArgument(f"what-if {clip(repr(path))}: expected the path of a value in the evidence{hint}")


def _places(value: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path of every value inside this one, with its owner and its key there."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        path = prefix + (str(key) if isinstance(value, dict) else _member_name(key, member))
        yield path, value, key
        yield from _places(member, f"{path}.")


def _member_name(index: int, member: Any) -> str:
    """Return the name of an array member in a path: its `id`, `name`, or `rung`, or its index if it has none."""
    names = [member.get(key) for key in ("id", "name", "rung")] if isinstance(member, dict) else []
    return next((name for name in names if isinstance(name, str)), str(index))


def _made(evidence: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Return the owner and the key of a path that the evidence does not have yet."""
    *parents, key = path.split(".")
    for name in parents:
        if not isinstance(evidence.get(name), dict):
            evidence[name] = {}
        evidence = evidence[name]
    return evidence, key
