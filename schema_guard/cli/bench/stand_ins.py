# SPDX-License-Identifier: Apache-2.0
"""Models for a dry run, with the names and providers of the real ones. They are never called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.extensions import load
from schema_guard.models import connect
from schema_guard.models.providers import PROVIDERS
from schema_guard.models.scripted import ScriptedModel

if TYPE_CHECKING:
    from schema_guard.models import Model

__all__ = ["stand_in"]


def stand_in(source: str) -> Model:
    """Return a model that needs no key, no network, and no weights.

    Args:
        source: The name of the model, as `connect` takes it.

    Raises:
        InvalidArgument: There is no such model.
    """
    kind, _, rest = source.partition(":")
    if source == "local":
        return ScriptedModel([], name=load("local").NAME, provider="llamacpp-llguidance")
    if kind in PROVIDERS and rest:
        return ScriptedModel([], name=rest, provider=PROVIDERS[kind].provider)
    if kind == "tuned" and rest:
        found = load("model:tuned")(Path(rest).expanduser())
        model = stand_in(found.model)
        # Only models of `tune` have them.
        model.tuned = True  # type: ignore[attr-defined]
        model.adapter = found.adapter  # type: ignore[attr-defined]
        return model
    return connect(source)
