# SPDX-License-Identifier: Apache-2.0
"""Names of models: which part is the model, and which the snapshot of a day.

Rules: a date, or a provider's number of a release, at the end of a name is a snapshot of the model that the rest
names; `latest` is the model itself. Everything else is a part of the model's name: two names are one model only where
that is written in them.
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
# As they are written: 2026-08-06, 20260806, 08-2026, 08-06 behind "preview", 0806 or 2608, 001.
_DATE = (
    f"{_YEAR}-{_MONTH}-{_DAY}|{_YEAR}{_MONTH}{_DAY}|{_MONTH}-{_YEAR}|(?<=preview-){_MONTH}-{_DAY}"
    # 1024 is a size.
    f"|(?!1024){_MONTH}{_DAY}|2[3-9]{_MONTH}|00[1-9]"
)
# Compiled when a model is named first: of most guards none is before a reply names it.
_DATED = rf"(?P<model>.+?)[-@](?:{_DATE})(?:-v\d+(?::\d+)?)?"
_LATEST = r"(?P<model>.+)[-@:]latest"
# Where a name stands, which says nothing of the model.
_PATH = r"(?:(?:projects/.*/)?publishers/[^/]*/)?models/|arn:[^/]*/"


class ModelName(NamedTuple):
    """A model, and the snapshot of it; None where the name holds none."""

    model: str
    snapshot: str | None


@lru_cache(maxsize=256)
def model_and_snapshot(name: str) -> ModelName:
    """Give the model that a name means, and the name itself where it is that of a snapshot.

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
    """Return whether a name says that its model was tuned, `ft:BASE:ORGANISATION::ID`, or that of one in `a>b`."""
    return "ft:" in name and any(part.startswith("ft:") for part in name.split(">"))


def priced_name(model: str | None, strategies: str) -> str | None:
    """Return the name of a model in a table of prices.

    >>> priced_name("luna", "decision")
    'luna (decisions)'
    """
    decides = set(strategies.split(">")) == {"decision"}
    return f"{model}{DECISIONS}" if model is not None and decides else model
