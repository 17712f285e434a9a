# SPDX-License-Identifier: Apache-2.0
"""Split the name of a model into the model and its snapshot.

A date or a release number of the provider at the end of a name is a snapshot of the model with the rest of the name.
`latest` is the model itself. Any other part belongs to the model's name, so two names are one model only if they show
it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

DECISIONS = " (decisions)"
"""Suffix of a model's name in a table of prices, if its decisions have another price than its texts."""

_MONTH = "(?:0[1-9]|1[0-2])"
_DAY = "(?:0[1-9]|[12][0-9]|3[01])"
_YEAR = "20[2-9][0-9]"
# The forms of dates: 2026-08-06, 20260806, 08-2026, 08-06 after "preview", 0806 or 2608, 001.
_DATE = (
    f"{_YEAR}-{_MONTH}-{_DAY}|{_YEAR}{_MONTH}{_DAY}|{_MONTH}-{_YEAR}|(?<=preview-){_MONTH}-{_DAY}"
    # 1024 is a size.
    f"|(?!1024){_MONTH}{_DAY}|2[3-9]{_MONTH}|00[1-9]"
)
# Compiled on first use, because most guards have no name of a model before the first reply.
_DATED = rf"(?P<model>.+?)[-@](?:{_DATE})(?:-v\d+(?::\d+)?)?"
_LATEST = r"(?P<model>.+)[-@:]latest"
# The path before a name, which is not a part of the model.
_PATH = r"(?:(?:projects/.*/)?publishers/[^/]*/)?models/|arn:[^/]*/"


class ModelName(NamedTuple):
    """A model and its snapshot. The snapshot is None if the name has none."""

    model: str
    snapshot: str | None


@lru_cache(maxsize=256)
def model_and_snapshot(name: str) -> ModelName:
    """Return the model of a name, and the name as the snapshot if it names one.

    >>> model_and_snapshot("NAME-2026-08-06")
    ModelName(model='NAME', snapshot='NAME-2026-08-06')
    >>> model_and_snapshot("models/NAME")
    ModelName(model='NAME', snapshot=None)
    """
    path = re.match(_PATH, name)
    bare = name[path.end() :] if path is not None and path.end() < len(name) else name
    if is_tuned(bare):
        return ModelName(bare, None)
    latest = re.fullmatch(_LATEST, bare)
    if latest is not None:
        return ModelName(latest["model"], None)
    dated = re.fullmatch(_DATED, bare)
    return ModelName(bare, None) if dated is None else ModelName(dated["model"], bare)


def is_tuned(name: str) -> bool:
    """Return whether a name is of a tuned model, `ft:BASE:ORGANISATION::ID`, or of an escalation `a>b` with one."""
    return "ft:" in name and any(part.startswith("ft:") for part in name.split(">"))


def priced_name(model: str | None, strategies: str) -> str | None:
    """Return the name of a model in a table of prices.

    >>> priced_name("luna", "decision")
    'luna (decisions)'
    """
    decides = set(strategies.split(">")) == {"decision"}
    return f"{model}{DECISIONS}" if model is not None and decides else model
